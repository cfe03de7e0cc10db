package lineproto

import "bytes"

// Cutter finds where lines end in bytes that come in pieces: at a newline that is not in a quoted string. The zero value
// is at the beginning of a line. It follows Telegraf's serializer: a quote begins a string only as the first byte of a
// field's value.
type Cutter struct {
	state place
}

// place is where in a line the cutter is.
type place uint8

const (
	start    place = iota // before the first byte
	comment               // in a line that begins with #
	series                // in name and tags
	seriesBS              // behind a backslash there
	key                   // in the key of a field
	keyBS                 // behind a backslash there
	value                 // before the first byte of a value
	scalar                // in a value without quotes
	text                  // in a string
	textBS                // behind a backslash there
	behind                // behind a string, or in the time
)

// Next returns how many bytes of b belong to the line that it goes on with, its newline included. whole says that they
// end it; otherwise n is all of b.
func (c *Cutter) Next(b []byte) (n int, whole bool) {
	for i := 0; i < len(b); i++ {
		switch c.state {
		case text: // most of what there is
			j := bytes.IndexAny(b[i:], `"\`)
			if j < 0 {
				return len(b), false
			}
			i += j
		case comment:
			j := bytes.IndexByte(b[i:], '\n')
			if j < 0 {
				return len(b), false
			}
			i += j
		}
		if b[i] == '\n' && c.state != text && c.state != textBS {
			c.state = start
			return i + 1, true
		}
		c.state = c.state.after(b[i])
	}
	return len(b), false
}

// after is the place behind the byte, which is no newline that ends the line.
func (p place) after(b byte) place {
	switch p {
	case start:
		if b == '#' {
			return comment
		}
		return series.after(b)
	case series:
		return choose(b, series, '\\', seriesBS, ' ', key)
	case seriesBS:
		return series
	case key:
		return choose(b, key, '\\', keyBS, '=', value)
	case keyBS:
		return key
	case value:
		if b == '"' {
			return text
		}
		return scalar.after(b)
	case scalar, behind:
		return choose(b, p, ',', key, ' ', behind)
	case text:
		return choose(b, text, '\\', textBS, '"', behind)
	case textBS:
		return text
	}
	return p
}

// choose is what follows the one byte or the other, or else stays.
func choose(b byte, stay place, one byte, then place, other byte, otherwise place) place {
	switch b {
	case one:
		return then
	case other:
		return otherwise
	}
	return stay
}
