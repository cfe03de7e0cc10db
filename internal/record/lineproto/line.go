package lineproto

import (
	"bytes"
	"errors"
	"strconv"
)

// Pair is a tag or a field as it stands in the line: keys and tag values with their escapes, strings with their quotes.
type Pair struct{ Key, Value []byte }

// IsString says whether the value is a quoted string.
func (p Pair) IsString() bool { return p.Value[0] == '"' }

// Line is one line, as slices of it. Parse uses its memory again.
type Line struct {
	loose  bool // other writers' lines are taken, too: any escape in a string, any spelling of a number
	Name   []byte
	Tags   []Pair
	Fields []Pair
	Time   []byte // decimal nanoseconds since 1970; empty where the line has none
}

// What is wrong with a line.
var (
	errName    = errors.New("name of the metric is missing or holds a control character")
	errTag     = errors.New("tag is malformed")
	errNoField = errors.New("line has no field")
	errField   = errors.New("field is malformed")
	errString  = errors.New("string has no end, or an escape other than \\\\, \\\", \\n and \\r")
	errTime    = errors.New("time is malformed")
)

// Parse reads one whole line; its newline may be there or not.
func (l *Line) Parse(line []byte) error {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	*l = Line{Tags: l.Tags[:0], Fields: l.Fields[:0], loose: l.loose}
	var rest []byte
	l.Name, rest = cutToken(line, ", ")
	if len(l.Name) == 0 || l.Name[0] == '#' || len(rest) == 0 {
		return errName
	}
	rest, err := l.parseTags(rest)
	if err != nil {
		return err
	}
	if rest, err = l.parseFields(rest); err != nil {
		return err
	}
	return l.parseTime(rest)
}

func (l *Line) parseTags(rest []byte) ([]byte, error) {
	for len(rest) > 0 && rest[0] == ',' {
		var p Pair
		p.Key, rest = cutToken(rest[1:], "=, ")
		if len(p.Key) == 0 || len(rest) == 0 || rest[0] != '=' {
			return nil, errTag
		}
		p.Value, rest = cutToken(rest[1:], ",= ")
		if len(p.Value) == 0 || len(rest) == 0 || rest[0] == '=' {
			return nil, errTag
		}
		l.Tags = append(l.Tags, p)
	}
	return bytes.TrimLeft(rest, " "), nil
}

func (l *Line) parseFields(rest []byte) ([]byte, error) {
	for {
		var p Pair
		p.Key, rest = cutToken(rest, "=, ")
		switch {
		case len(p.Key) == 0 && len(rest) == 0:
			return nil, errNoField
		case len(p.Key) == 0 || len(rest) < 2 || rest[0] != '=':
			return nil, errField
		}
		var err error
		if p.Value, rest, err = l.cutValue(rest[1:]); err != nil {
			return nil, err
		}
		l.Fields = append(l.Fields, p)
		if len(rest) == 0 || rest[0] == ' ' {
			return bytes.Trim(rest, " "), nil
		}
		rest = rest[1:]
	}
}

func (l *Line) parseTime(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	if _, err := strconv.ParseInt(string(rest), 10, 64); err != nil {
		return errTime
	}
	l.Time = rest
	return nil
}

// cutToken cuts at the first of the stops that has no backslash before it. A token with a control character is none.
func cutToken(s []byte, stops string) (token, rest []byte) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < ' ' && c != '\t' || c == 0x7f:
			return nil, s
		case c == '\\' && i+1 < len(s) && s[i+1] >= ' ':
			i++
		case c == stops[0] || len(stops) > 1 && c == stops[1] || len(stops) > 2 && c == stops[2]:
			return s[:i], s[i:]
		}
	}
	return s, nil
}

// cutValue takes off the value of a field, which a comma, a space or the end follows.
func (l *Line) cutValue(s []byte) (value, rest []byte, err error) {
	var n int
	if s[0] == '"' {
		if n = l.stringEnd(s); n < 0 {
			return nil, nil, errString
		}
		value, rest = s[:n], s[n:]
	} else {
		if n = bytes.IndexAny(s, ", "); n < 0 {
			n = len(s)
		}
		if value, rest = s[:n], s[n:]; !l.isScalar(value) {
			return nil, nil, errField
		}
	}
	if len(rest) > 0 && rest[0] != ',' && rest[0] != ' ' || len(rest) == 1 && rest[0] == ',' {
		return nil, nil, errField
	}
	return value, rest, nil
}

// stringEnd is the length of the quoted string that s begins with, -1 if it has no end or an unknown escape.
func (l *Line) stringEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			if i++; i == len(s) || !l.loose && s[i] != '"' && s[i] != '\\' && s[i] != 'n' && s[i] != 'r' {
				return -1
			}
		}
	}
	return -1
}

func (l *Line) isScalar(s []byte) bool {
	switch {
	case len(s) == 0:
		return false
	case l.loose:
		return isWord(s)
	}
	switch last := s[len(s)-1]; {
	case last == 'i':
		_, err := strconv.ParseInt(string(s[:len(s)-1]), 10, 64)
		return err == nil
	case last == 'u':
		_, err := strconv.ParseUint(string(s[:len(s)-1]), 10, 64)
		return err == nil
	}
	switch string(s) {
	case "t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE":
		return true
	}
	return isFloat(s)
}

// isWord takes what can spell a number or a boolean.
func isWord(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '.' && c != '-' && c != '+' {
			return false
		}
	}
	return true
}

// isFloat takes decimal numbers only: strconv knows hexadecimal ones, underlines, infinities and no-numbers too.
func isFloat(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	_, err := strconv.ParseFloat(string(s), 64)
	return err == nil
}

// Tag is the value of a tag without its escapes; ok is false where there is no such tag.
func (l *Line) Tag(key string) (value string, ok bool) {
	for _, p := range l.Tags {
		if string(p.Key) == key {
			return Unescape(p.Value), true
		}
	}
	return "", false
}

// Field is the value of a field as it stands in the line, nil where there is no such field.
func (l *Line) Field(key string) []byte {
	for _, p := range l.Fields {
		if string(p.Key) == key {
			return p.Value
		}
	}
	return nil
}

// Unescape takes the backslashes of a name, key or tag value away that stand before a comma, space or equals sign.
func Unescape(s []byte) string {
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == ',' || s[i+1] == ' ' || s[i+1] == '=') {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Unquote is the text of a string field's value.
func Unquote(s []byte) string {
	s = s[1 : len(s)-1]
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		b = append(b, escaped(s[i]))
	}
	return string(b)
}

// escaped is what a backslash and c stand for in a string.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	}
	return c
}
