package tweet

import (
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// The functions of this file read the value at i into *v, and return the position behind it or -1.
// A value of another type than expected is validated and leaves *v absent.

func readStr(b []byte, i int, v *str) int {
	if b[i] != '"' {
		*v = str{}
		return jsonscan.Skip(b, i)
	}
	end, flags := jsonscan.String(b, i)
	*v = str{int32(i + 1), int32(end - 1), flags}
	return end
}

func readBool(b []byte, i int, v *bool) int {
	*v = b[i] == 't'
	return jsonscan.Skip(b, i)
}

func readInt(b []byte, i int, v *int64) int {
	*v = 0
	if b[i] != '-' && b[i]-'0' > 9 {
		return jsonscan.Skip(b, i)
	}
	n, end, _ := jsonscan.Int(b, i)
	*v = n
	return end
}

// readRef reads an id written as a number or as a string of digits.
func readRef(b []byte, i int, v *ref) int {
	v.present = b[i] != 'n'
	v.id, _, i = wire.IDValue(b, i)
	return i
}

// readRefObject reads a Tweet of which only the id is wanted.
func readRefObject(b []byte, i int, v *ref) int {
	*v = ref{present: b[i] == '{'}
	if !v.present {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "id", "id_str":
			i = readFirstID(b, i, key, &v.id, nil)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

// readFirstID reads `id` or `id_str` by the rule of wire.FindID: the first sound one wins.
func readFirstID(b []byte, i int, key []byte, id *int64, tagged *bool) int {
	var v int64
	var tag bool
	if string(key) == "id" {
		v, tag, i = wire.IDValue(b, i)
	} else {
		v, i = wire.IDString(b, i)
	}
	if *id == 0 {
		*id = v
		if tagged != nil {
			*tagged = tag
		}
	}
	return i
}

// readPoint reads {"coordinates":[x,y]}.
func readPoint(b []byte, i int, v *point) int {
	*v = point{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		if string(key) == "coordinates" && b[i] == '[' {
			i = readPair(b, i, v)
		} else {
			if string(key) == "coordinates" {
				*v = point{}
			}
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func readPair(b []byte, i int, v *point) int {
	*v = point{}
	n, numbers := 0, 0
	i, more := jsonscan.EnterArray(b, i)
	for more {
		start := i
		if i = jsonscan.Skip(b, i); i > 0 && i-start <= numberMost && n < len(v.xy) && isNumber(b[start]) {
			if f, err := strconv.ParseFloat(string(b[start:i]), 64); err == nil {
				v.xy[n] = f
				numbers++
			}
		}
		n++
		i, more = jsonscan.NextElement(b, i)
	}
	v.present = n >= len(v.xy) && numbers == len(v.xy)
	return i
}

// numberMost is the longest number that may be a coordinate, in bytes: one of a million digits is none.
const numberMost = 64

func isNumber(c byte) bool { return c == '-' || c-'0' <= 9 }

// readList counts the elements of an array. mediaType, unless nil, gets the first one's `type`.
func readList(b []byte, i int, v *list, mediaType *str) int {
	*v = list{}
	if mediaType != nil {
		*mediaType = str{}
	}
	if b[i] != '[' {
		return jsonscan.Skip(b, i)
	}
	v.at = int32(i)
	i, more := jsonscan.EnterArray(b, i)
	for more {
		if v.n == 0 && mediaType != nil && b[i] == '{' {
			i = readMember(b, i, "type", mediaType)
		} else {
			i = jsonscan.Skip(b, i)
		}
		v.n++
		i, more = jsonscan.NextElement(b, i)
	}
	return i
}

// readMember reads one string member of the object at i.
func readMember(b []byte, i int, name string, v *str) int {
	*v = str{}
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		if string(key) == name {
			i = readStr(b, i, v)
		} else {
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func readEntities(b []byte, i int, v *entities) int {
	*v = entities{present: b[i] == '{'}
	if !v.present {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "hashtags":
			i = readList(b, i, &v.hashtags, nil)
		case "urls":
			i = readList(b, i, &v.urls, nil)
		case "user_mentions":
			i = readList(b, i, &v.mentions, nil)
		case "media":
			i = readList(b, i, &v.media, &v.mediaType)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

// readInitial reads `edit_history`: {"initial_tweet_id":…,"edit_tweet_ids":[…]}.
func readInitial(b []byte, i int, f *found) int {
	f.initial, f.firstEdit = 0, 0
	if b[i] != '{' {
		return jsonscan.Skip(b, i)
	}
	key, i, more := jsonscan.Enter(b, i)
	for more {
		switch string(key) {
		case "initial_tweet_id":
			f.initial, _, i = wire.IDValue(b, i)
		case "edit_tweet_ids":
			i = readFirstEdit(b, i, &f.firstEdit)
		default:
			i = jsonscan.Skip(b, i)
		}
		key, i, more = jsonscan.Next(b, i)
	}
	return i
}

func readFirstEdit(b []byte, i int, id *int64) int {
	*id = 0
	if b[i] != '[' {
		return jsonscan.Skip(b, i)
	}
	i, more := jsonscan.EnterArray(b, i)
	for n := 0; more; n++ {
		if n == 0 {
			*id, _, i = wire.IDValue(b, i)
		} else {
			i = jsonscan.Skip(b, i)
		}
		i, more = jsonscan.NextElement(b, i)
	}
	return i
}
