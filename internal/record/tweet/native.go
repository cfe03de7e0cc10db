package tweet

import "github.com/decahose/telegraf-decahose/internal/record/jsonscan"

// root walks the record's own object. Which of the two formats it has is known only at its end,
// so members of both are collected.
func (f *found) root(b []byte, i int) int {
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "id", "id_str":
			i = readFirstID(b, i, key, &f.id, &f.tagged)
		case "possibly_sensitive":
			i = readBool(b, i, &f.sensitive)
		case "edit_history":
			i = readInitial(b, i, f)
		default:
			i = f.nativeMember(b, i, key)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func (f *found) nativeMember(b []byte, i int, key []byte) int {
	n := &f.native
	switch string(key) {
	case "retweeted_status":
		n.isRetweet = b[i] == '{'
		return readNative(b, i, &n.retweeted)
	case "is_quote_status":
		return readBool(b, i, &n.isQuote)
	case "quoted_status":
		return readRefObject(b, i, &n.quotedStatus)
	case "quoted_status_id":
		return readRef(b, i, &n.quoted)
	case "quoted_status_id_str":
		return readRef(b, i, &n.quotedStr)
	case "in_reply_to_status_id":
		return readRef(b, i, &n.reply)
	case "in_reply_to_status_id_str":
		return readRef(b, i, &n.replyStr)
	case "user":
		return readUser(b, i, &n.user)
	case "source":
		return readStr(b, i, &n.source)
	case "lang":
		return readStr(b, i, &n.lang)
	case "place":
		return readPlace(b, i, &n.place)
	case "coordinates":
		return readPoint(b, i, &n.point)
	case "text", "full_text", "entities", "extended_entities", "extended_tweet":
		return nativeContent(b, i, key, &n.own)
	}
	return f.activityMember(b, i, key)
}

// readNative reads a whole Tweet within a Tweet.
func readNative(b []byte, i int, v *content) int {
	*v = content{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		if string(key) == "id" || string(key) == "id_str" {
			i = readFirstID(b, i, key, &v.id, nil)
		} else {
			i = nativeContent(b, i, key, v)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func nativeContent(b []byte, i int, key []byte, v *content) int {
	if string(key) != "extended_tweet" {
		return nativeBody(b, i, key, &v.body)
	}
	v.long = body{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		i = nativeBody(b, i, key, &v.long)
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func nativeBody(b []byte, i int, key []byte, v *body) int {
	switch string(key) {
	case "text":
		return readStr(b, i, &v.text)
	case "full_text":
		return readStr(b, i, &v.full)
	case "entities":
		return readEntities(b, i, &v.plain)
	case "extended_entities":
		return readEntities(b, i, &v.extend)
	}
	return jsonscan.Skip(b, i)
}

func readUser(b []byte, i int, v *author) int {
	*v = author{present: b[i] == '{'}
	if !v.present {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "id", "id_str":
			i = readFirstID(b, i, key, &v.id, nil)
		case "screen_name":
			i = readStr(b, i, &v.name)
		case "followers_count":
			i = readInt(b, i, &v.followers)
		case "verified":
			i = readBool(b, i, &v.verified)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func readPlace(b []byte, i int, v *place) int {
	*v = place{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "country_code":
			i = readStr(b, i, &v.code)
		case "full_name":
			i = readStr(b, i, &v.name)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}
