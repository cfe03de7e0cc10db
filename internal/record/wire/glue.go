package wire

import (
	"bytes"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
)

// classify finds out what one record is. A Record is not validated: whether it is new is asked
// first, and only then is it parsed, once.
func classify(rec []byte) Frame {
	id, ok := FindID(rec)
	switch {
	case ok:
		return Frame{Kind: Record, ID: id, Data: rec}
	case jsonscan.Valid(rec):
		return Frame{Kind: Notice, Data: rec}
	}
	return Frame{Kind: Malformed, Data: rec}
}

// mayBeGlued is a cheap test for two records without \r\n between them: an opening brace behind a
// closing one, with nothing but space between. It may be wrong about one record, whose text has
// such a pair; then split leaves that whole. Objects are few within a record, bytes many: going
// from brace to brace is the fastest way.
func mayBeGlued(rec []byte) bool {
	for at := 1; at < len(rec); at++ {
		n := bytes.IndexByte(rec[at:], '{')
		if n < 0 {
			return false
		}
		at += n
		before := at - 1
		for before > 0 && rec[before] <= ' ' {
			before--
		}
		if rec[before] == '}' {
			return true
		}
	}
	return false
}

// gluedMost is how many frames are made of one line: a thousand Tweets of the usual length fill the
// longest line, but two million empty objects do, too.
const gluedMost = 4096

// split makes a frame of each whole value of a line of glued records, and one of what is left,
// damaged, too many, or neither: it may be a copy of a known Tweet, else the strict parse will reject it.
func (s *Scanner) split(rec []byte) {
	for n := 1; n < gluedMost; n++ {
		next := nextGlued(rec)
		if next < 0 {
			break
		}
		s.frame(classify(rec[:next:next]))
		rec = rec[next:]
	}
	s.frame(classify(rec))
}

// nextGlued is the position of the object that follows the whole object at the start of rec, or -1.
func nextGlued(rec []byte) int {
	i := jsonscan.Space(rec, 0)
	if i == len(rec) || rec[i] != '{' {
		return -1
	}
	if i = jsonscan.Skip(rec, i); i < 0 {
		return -1
	}
	if i = jsonscan.Space(rec, i); i == len(rec) || rec[i] != '{' {
		return -1
	}
	return i
}
