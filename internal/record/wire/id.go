package wire

import (
	"bytes"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// FindID finds the Tweet id at the top level of rec, wherever it stands: `id` (a positive integer,
// in digits or as a string, or the tag of an Activity Streams record) or `id_str`; the first of
// them wins. Ids of nested objects or within the text are never taken. What follows the id is not
// looked at, so a record that was cut behind it still tells its id.
func FindID(rec []byte) (snowflake.ID, bool) {
	i := jsonscan.Space(rec, 0)
	if i == len(rec) || rec[i] != '{' {
		return 0, false
	}
	key, i, more := jsonscan.Enter(rec, i)
	for more {
		var id int64
		switch string(key) {
		case "id":
			id, _, i = IDValue(rec, i)
		case "id_str":
			id, i = IDString(rec, i)
		default:
			i = jsonscan.Skip(rec, i)
		}
		if id > 0 && (i < len(rec) || rec[i-1] == '"') { // a number at the very end may be cut
			return snowflake.ID(id), true
		}
		key, i, more = jsonscan.Next(rec, i)
	}
	return 0, false
}

// IDValue reads the value of a member `id` at i: a number, a string of digits, or a tag of
// Activity Streams. id is zero where the value is none of these, end -1 where it is not valid.
func IDValue(rec []byte, i int) (id int64, tagged bool, end int) {
	if rec[i] != '"' {
		id, end = IDNumber(rec, i)
		return id, false, end
	}
	s, end := shortText(rec, i)
	if tag, ok := bytes.CutPrefix(s, tagPrefix); ok {
		s, tagged = tag, true
	}
	id, _ = jsonscan.Digits(s)
	return id, tagged && id > 0, end
}

// tagPrefix stands before the Tweet id in an Activity Streams record. Users' tags have the year 2012.
var tagPrefix = []byte("tag:search.twitter.com,2005:")

// IDNumber reads an id written as a number; zero where the value is anything else.
func IDNumber(rec []byte, i int) (id int64, end int) {
	if c := rec[i]; c < '0' || c > '9' {
		return 0, jsonscan.Skip(rec, i)
	}
	id, end, _ = jsonscan.Int(rec, i)
	return id, end
}

// IDString reads an id written as a string of digits; zero where the value is anything else.
func IDString(rec []byte, i int) (id int64, end int) {
	if rec[i] != '"' {
		return 0, jsonscan.Skip(rec, i)
	}
	s, end := shortText(rec, i)
	id, _ = jsonscan.Digits(s)
	return id, end
}

// shortText is the text of the string at i. Escapes, which X does not write in an id, are decoded
// at the cost of an allocation.
func shortText(rec []byte, i int) (s []byte, end int) {
	end, flags := jsonscan.String(rec, i)
	if end < 0 {
		return nil, -1
	}
	if s = rec[i+1 : end-1]; flags&jsonscan.Escaped != 0 {
		s = jsonscan.Decode(nil, s)
	}
	return s, end
}
