package audit

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// landed is what is read of a line: whose it is, and its identity.
type landed struct {
	name, label []byte // of the measurement and the stream; they are valid until the next line
	id          snowflake.ID
	hasID       bool
	ns          int64
	hasTime     bool
}

const (
	// chunk is how much is read at once.
	chunk = 256 << 10
	// lineMost bounds a line, in bytes: a raw record is at most a quarter of it.
	lineMost = 64 << 20
)

// errMore says that a line does not end yet.
var (
	errMore = errors.New("line is not complete")
	errLine = errors.New("line is malformed")
)

// lines reads line protocol. Strings may hold newlines, as texts do. A line that is malformed costs itself up to its
// first newline; one that the end of the file cuts is being written.
type lines struct {
	in  io.Reader
	buf []byte
	end bool
	bad int64 // malformed lines
}

// next is the next point; io.EOF when there is none.
func (l *lines) next() (p landed, err error) {
	for {
		p, n, err := parseLine(l.buf)
		switch {
		case err == nil:
			l.buf = l.buf[n:]
			if len(p.name) > 0 {
				return p, nil
			}
			if n == 0 && l.end {
				return p, io.EOF
			}
			if n > 0 {
				continue
			}
		case errors.Is(err, errLine):
			l.bad++
			l.skip()
			continue
		case l.end:
			return p, io.EOF
		case len(l.buf) > lineMost:
			l.bad++
			l.skip()
			continue
		}
		if err := l.fill(); err != nil {
			return p, err
		}
	}
}

// skip drops what there is up to the first newline.
func (l *lines) skip() {
	if i := bytes.IndexByte(l.buf, '\n'); i >= 0 {
		l.buf = l.buf[i+1:]
	} else {
		l.buf = l.buf[len(l.buf):]
	}
}

func (l *lines) fill() error {
	size := max(chunk, len(l.buf)) // doubles: a long line is not read over and over
	grown := make([]byte, len(l.buf), len(l.buf)+size)
	copy(grown, l.buf)
	n, err := io.ReadFull(l.in, grown[len(grown):cap(grown)])
	l.buf = grown[:len(l.buf)+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		l.end, err = true, nil
	}
	return err
}

// parseLine reads the line at the start of b, and how long it is. Without a name it was empty, or a comment.
func parseLine(b []byte) (p landed, n int, err error) {
	switch {
	case len(b) == 0:
		return p, 0, nil
	case b[0] == '\n' || b[0] == '\r' || b[0] == ' ' || b[0] == '\t':
		return p, 1, nil
	case b[0] == '#':
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return p, 0, errMore
		}
		return p, i + 1, nil
	}
	c := cursor{b: b}
	p.name = c.word(", ")
	for c.eat(',') {
		key := c.word("=")
		if c.expect('='); string(key) == "stream_label" {
			p.label = c.word(", ")
		} else {
			c.word(", ")
		}
	}
	c.expect(' ')
	c.spaces()
	c.field(&p)
	for c.eat(',') {
		c.field(&p)
	}
	c.time(&p)
	if c.err != nil {
		return landed{}, 0, c.err
	}
	p.name, p.label = unescape(p.name), unescape(p.label)
	return p, c.at, nil
}

// cursor goes through a line. After its first error it stays where it is.
type cursor struct {
	b   []byte
	at  int
	err error
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// peek is the next byte; 0 where there is none yet.
func (c *cursor) peek() byte {
	if c.at >= len(c.b) {
		c.fail(errMore)
	}
	if c.err != nil {
		return 0
	}
	return c.b[c.at]
}

func (c *cursor) eat(x byte) bool {
	if c.peek() != x || c.err != nil {
		return false
	}
	c.at++
	return true
}

func (c *cursor) expect(x byte) {
	if !c.eat(x) {
		c.fail(errLine)
	}
}

func (c *cursor) spaces() {
	for c.eat(' ') {
	}
}

// word goes up to one of the ends that has no backslash before it. It is not empty and holds no newline.
func (c *cursor) word(ends string) []byte {
	from := c.at
	for c.err == nil {
		switch x := c.peek(); {
		case c.err != nil:
		case x == '\n':
			c.fail(errLine)
		case x == '\\' && c.at+1 < len(c.b) && strings.IndexByte(", =", c.b[c.at+1]) >= 0:
			c.at += 2
		case x == '\\' && c.at+1 >= len(c.b):
			c.fail(errMore)
		case strings.IndexByte(ends, x) >= 0:
			if c.at == from {
				c.fail(errLine)
			}
			return c.b[from:c.at]
		case from > 0 && (x == ',' || x == ' ' || x == '='): // only the name of the measurement may hold one
			c.fail(errLine)
		default:
			c.at++
		}
	}
	return nil
}

func (c *cursor) field(p *landed) {
	key := c.word("=")
	c.expect('=')
	if c.peek() == '"' {
		c.at++
		c.text()
		return
	}
	value := c.scalar()
	if string(key) == "id" && len(value) > 1 && (value[len(value)-1] == 'i' || value[len(value)-1] == 'u') {
		if id, err := strconv.ParseInt(string(value[:len(value)-1]), 10, 64); err == nil {
			p.id, p.hasID = snowflake.ID(id), true
		}
	}
}

// text goes behind the quote that ends a string; a backslash takes the byte behind it along.
func (c *cursor) text() {
	for c.err == nil {
		i := bytes.IndexAny(c.b[c.at:], `"\`)
		if i < 0 || c.b[c.at+i] == '\\' && c.at+i+1 >= len(c.b) {
			c.fail(errMore)
			return
		}
		c.at += i + 1
		if c.b[c.at-1] == '"' {
			return
		}
		c.at++
	}
}

// scalar is a number or a boolean.
func (c *cursor) scalar() []byte {
	from := c.at
	for {
		switch x := c.peek(); {
		case c.err != nil:
			return nil
		case x == ',' || x == ' ' || x == '\n' || x == '\r':
			if c.at == from {
				c.fail(errLine)
			}
			return c.b[from:c.at]
		case x == '.' || x == '-' || x == '+' || x >= '0' && x <= '9' || x >= 'a' && x <= 'z' || x >= 'A' && x <= 'Z':
			c.at++
		default:
			c.fail(errLine)
		}
	}
}

// time takes the timestamp, if there is one, and the end of the line.
func (c *cursor) time(p *landed) {
	if c.eat(' ') {
		c.spaces()
		from := c.at
		for x := c.peek(); c.err == nil && (x == '-' || x >= '0' && x <= '9'); x = c.peek() {
			c.at++
		}
		if c.err == nil && c.at > from {
			ns, err := strconv.ParseInt(string(c.b[from:c.at]), 10, 64)
			if p.ns, p.hasTime = ns, err == nil; err != nil {
				c.fail(errLine)
			}
		}
		c.spaces()
	}
	c.eat('\r')
	c.expect('\n')
}

// unescape takes the backslashes off a name.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && (b[i+1] == ',' || b[i+1] == ' ' || b[i+1] == '=') {
			i++
		}
		out = append(out, b[i])
	}
	return out
}
