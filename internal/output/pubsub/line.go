package pubsub

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

var (
	errEmpty    = errors.New("batch holds no Tweet")
	errManifest = errors.New("lines and manifest of the batch do not fit each other")
)

// checkBatch is nil when Telegraf can read every line of the batch.
func checkBatch(b *delivery.Batch) error {
	if len(b.Tweets) == 0 {
		return errEmpty
	}
	at := 0
	for i := range b.Tweets {
		end := b.Tweets[i].End
		if end <= at || end > len(b.Lines) {
			return errManifest
		}
		if !wellFormed(b.Lines[at:end]) {
			return fmt.Errorf("line of Tweet %d is not line protocol as this plugin writes it", b.Tweets[i].ID)
		}
		at = end
	}
	if at != len(b.Lines) {
		return errManifest
	}
	return nil
}

// wellFormed reports whether line is one that encode.AppendTweet could have written. The grammar is narrower than line
// protocol: what it takes, Telegraf's parser reads as exactly one metric.
func wellFormed(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(encode.Measurement))
	for ok && len(rest) > 0 && rest[0] == ',' {
		rest, ok = cutTag(rest[1:])
	}
	if !ok || len(rest) == 0 || rest[0] != ' ' {
		return false
	}
	rest, ok = cutField(rest[1:])
	for ok && len(rest) > 0 && rest[0] == ',' {
		rest, ok = cutField(rest[1:])
	}
	return ok && len(rest) > 2 && rest[0] == ' ' && rest[len(rest)-1] == '\n' && isInteger(rest[1:len(rest)-1])
}

// cutKey takes off "key=". Keys are small letters and underlines.
func cutKey(s []byte) (rest []byte, ok bool) {
	for i, c := range s {
		if c == '=' {
			return s[i+1:], i > 0
		}
		if (c < 'a' || c > 'z') && c != '_' {
			return nil, false
		}
	}
	return nil, false
}

// cutTag takes off a tag. The value is not empty; a space, comma or equals sign in it has a backslash before it, and
// nothing else has.
func cutTag(s []byte) (rest []byte, ok bool) {
	s, ok = cutKey(s)
	if !ok {
		return nil, false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == ',' || s[i+1] == '='):
			i++
		case c == ' ' || c == ',':
			return s[i:], i > 0
		case c < ' ' || c == 0x7f || c == '=' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

func cutField(s []byte) (rest []byte, ok bool) {
	s, ok = cutKey(s)
	if !ok || len(s) == 0 {
		return nil, false
	}
	if s[0] == '"' {
		return cutString(s[1:])
	}
	i := bytes.IndexAny(s, ", ")
	if i <= 0 {
		return nil, false
	}
	return s[i:], isScalar(s[:i])
}

// cutString takes off the rest of a string. Only " and \ are escaped; anything else may stand in it.
func cutString(s []byte) (rest []byte, ok bool) {
	for {
		i := bytes.IndexAny(s, `"\`)
		switch {
		case i < 0 || i+1 == len(s):
			return nil, false
		case s[i] == '"':
			return s[i+1:], true
		case s[i+1] != '"' && s[i+1] != '\\':
			return nil, false
		}
		s = s[i+2:]
	}
}

func isScalar(s []byte) bool {
	switch {
	case string(s) == "true", string(s) == "false":
		return true
	case s[len(s)-1] == 'i':
		return isInteger(s[:len(s)-1])
	}
	return isFloat(s)
}

// isInteger takes a 64-bit integer as strconv writes it.
func isInteger(s []byte) bool {
	digits := bytes.TrimPrefix(s, []byte("-"))
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' || digits[0] == '+' {
		return false
	}
	_, err := strconv.ParseInt(string(s), 10, 64)
	return err == nil
}

// isFloat takes a finite number without an exponent.
func isFloat(s []byte) bool {
	digits := bytes.TrimPrefix(s, []byte("-"))
	for _, c := range digits {
		if (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	if len(digits) == 0 || digits[0] == '.' || digits[len(digits)-1] == '.' {
		return false
	}
	_, err := strconv.ParseFloat(string(s), 64)
	return err == nil
}
