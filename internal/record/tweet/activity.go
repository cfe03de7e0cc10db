package tweet

import (
	"bytes"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
)

func (f *found) activityMember(b []byte, i int, key []byte) int {
	a := &f.activity
	switch string(key) {
	case "objectType":
		return readStr(b, i, &a.objectType)
	case "verb":
		return readStr(b, i, &a.verb)
	case "actor":
		return readActor(b, i, &a.actor)
	case "object":
		return readActivity(b, i, &a.object)
	case "generator":
		return readMember(b, i, "displayName", &a.generator)
	case "twitter_lang":
		return readStr(b, i, &a.lang)
	case "inReplyTo":
		return readMember(b, i, "link", &a.reply)
	case "twitter_quoted_status":
		return readRefObject(b, i, &a.quoted)
	case "location":
		return readLocation(b, i, &a.location)
	case "geo": // of the native format too, but there it is deprecated: coordinates has the point
		return readPoint(b, i, &a.geo)
	}
	return activityContent(b, i, key, &a.own)
}

// readActivity reads the activity that a share is about; for a post it is a mere note.
func readActivity(b []byte, i int, v *content) int {
	*v = content{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		if string(key) == "id" {
			i = readFirstID(b, i, key, &v.id, nil)
		} else {
			i = activityContent(b, i, key, v)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func activityContent(b []byte, i int, key []byte, v *content) int {
	if string(key) != "long_object" {
		return activityBody(b, i, key, &v.body)
	}
	v.long = body{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		i = activityBody(b, i, key, &v.long)
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func activityBody(b []byte, i int, key []byte, v *body) int {
	switch string(key) {
	case "body":
		return readStr(b, i, &v.text)
	case "twitter_entities":
		return readEntities(b, i, &v.plain)
	case "twitter_extended_entities":
		return readEntities(b, i, &v.extend)
	}
	return jsonscan.Skip(b, i)
}

func readActor(b []byte, i int, v *author) int {
	*v = author{present: b[i] == '{'}
	if !v.present {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "id":
			i = readActorID(b, i, &v.id)
		case "preferredUsername":
			i = readStr(b, i, &v.name)
		case "followersCount":
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

var actorPrefix = []byte("id:twitter.com:")

// readActorID reads "id:twitter.com:UID".
func readActorID(b []byte, i int, id *int64) int {
	var s str
	if i = readStr(b, i, &s); i < 0 {
		return -1
	}
	digits, _ := bytes.CutPrefix(b[s.start:s.end], actorPrefix)
	*id, _ = jsonscan.Digits(digits)
	return i
}

func readLocation(b []byte, i int, v *place) int {
	*v = place{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "twitter_country_code":
			i = readStr(b, i, &v.code)
		case "displayName":
			i = readStr(b, i, &v.name)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

// linkedID is the Tweet id in a link such as http://twitter.com/somebody/statuses/123, or 0.
func linkedID(link []byte) int64 {
	for _, part := range [...]string{"/statuses/", "/status/"} {
		at := bytes.LastIndex(link, []byte(part))
		if at < 0 {
			continue
		}
		rest := link[at+len(part):]
		n := 0
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		id, _ := jsonscan.Digits(rest[:n])
		return id
	}
	return 0
}
