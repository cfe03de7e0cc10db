package tweet

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
)

var (
	// ErrMalformed says that the record is not one valid JSON value.
	ErrMalformed = errors.New("record is not valid JSON")
	// ErrNotTweet says that the record is valid JSON but not a Tweet.
	ErrNotTweet = errors.New("record is not a Tweet")
)

// Parser turns records into Tweets. It has one owner; Tweets it filled are good until Reset.
type Parser struct {
	keepRaw bool
	und     []byte
	arena   []byte // decoded strings; when it grows, those in the old array stay as they are
	found   found

	repaired bool // of the record being parsed: a string that was wanted was not UTF-8
}

// keepArena is the most that Reset keeps, so that one odd batch does not hold memory for good.
const keepArena = 1 << 20

// NewParser makes a Parser; keepRaw asks for Tweet.Raw.
func NewParser(keepRaw bool) *Parser { return &Parser{keepRaw: keepRaw, und: []byte("und")} }

// Reset forgets the strings of all Tweets parsed so far.
func (p *Parser) Reset() {
	p.arena = p.arena[:0]
	if cap(p.arena) > keepArena {
		p.arena = nil
	}
}

// Parse validates the whole of rec and overwrites t with its fields. The error is ErrMalformed or
// ErrNotTweet, and t then holds nothing. Members of an unexpected type are taken as absent.
func (p *Parser) Parse(rec []byte, t *Tweet) error {
	*t = Tweet{}
	p.found, p.repaired = found{}, false
	i := jsonscan.Space(rec, 0)
	if i == len(rec) || len(rec) > math.MaxInt32 {
		return ErrMalformed
	}
	if rec[i] == '{' {
		i = p.found.root(rec, i)
	} else {
		i = jsonscan.Skip(rec, i)
	}
	if i < 0 || jsonscan.Space(rec, i) != len(rec) {
		return ErrMalformed
	}
	if !p.choose(rec, t) {
		return ErrNotTweet
	}
	if p.keepRaw {
		t.Raw = p.raw(rec)
	}
	t.Repaired = p.repaired
	return nil
}

// raw is rec without the space around it, as valid UTF-8.
func (p *Parser) raw(rec []byte) []byte {
	if rec = bytes.Trim(rec, " \t\r\n"); utf8.Valid(rec) {
		return rec
	}
	p.repaired = true
	at := len(p.arena)
	p.arena = jsonscan.AppendValid(p.arena, rec)
	return p.arena[at:len(p.arena):len(p.arena)]
}

// text is the decoded string s: within rec where that can be, else in the arena.
func (p *Parser) text(rec []byte, s str) []byte {
	raw := rec[s.start:s.end:s.end]
	switch {
	case len(raw) == 0:
		return nil
	case s.flags == 0:
		return raw
	case s.flags&jsonscan.NonASCII != 0 && !utf8.Valid(raw):
		p.repaired = true
	case s.flags == jsonscan.NonASCII:
		return raw
	}
	at := len(p.arena)
	p.arena = jsonscan.Decode(p.arena, raw)
	return p.arena[at:len(p.arena):len(p.arena)]
}
