package encode

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A word of eight bytes is searched at once: zeros(w ^ repeat(c)) has the top bit set in the
// first byte that is c (those after it may be wrong, and are not looked at).
const (
	lows    = 0x0101010101010101
	highs   = 0x8080808080808080
	quotes  = lows * '"'
	slants  = lows * '\\'
	feeds   = lows * '\n'
	returns = lows * '\r'
)

func zeros(w uint64) uint64 { return (w - lows) &^ w & highs }

// plain is the length of the prefix of s that can be written as it is.
func plain(s []byte, how spelling) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		found := zeros(w^quotes) | zeros(w^slants)
		if how.newline != Keep {
			found |= zeros(w^feeds) | zeros(w^returns)
		}
		if how.nul != Keep {
			found |= zeros(w)
		}
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case '"', '\\':
			return i
		case '\n', '\r':
			if how.newline != Keep {
				return i
			}
		case 0:
			if how.nul != Keep {
				return i
			}
		}
	}
	return i
}

// appendString appends s as a string field. Only " and \ are escaped: execd's parser knows no
// other escapes and rejects a metric that holds one.
func appendString(dst, s []byte, how spelling) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s, how)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		switch s[n] {
		case '"', '\\':
			dst = append(dst, '\\', s[n])
			s = s[n+1:]
		case 0:
			dst = append(dst, nulEscaped[how.nul]...)
			s = s[n+1:]
		default:
			s = s[n+breakLen(s[n:]):]
			dst = append(dst, brokenEscaped[how.newline]...)
		}
	}
}

// appendSpelled appends s with its line breaks and NULs as they are to be, and nothing escaped.
func appendSpelled(dst, s []byte, how spelling) []byte {
	if how == (spelling{}) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		n := breakLen(s)
		switch {
		case n > 0 && how.newline != Keep:
			dst, s = append(dst, broken[how.newline]...), s[n:]
		case s[0] == 0 && how.nul != Keep:
			dst, s = append(dst, nul[how.nul]...), s[1:]
		default:
			dst, s = append(dst, s[0]), s[1:]
		}
	}
	return dst
}

// appendLine appends a line that is line protocol already, and was written with NUL as it is. It stands in strings only.
func appendLine(dst, line []byte, how spelling) []byte {
	for how.nul != Keep {
		i := bytes.IndexByte(line, 0)
		if i < 0 {
			break
		}
		dst = append(append(dst, line[:i]...), nulEscaped[how.nul]...)
		line = line[i+1:]
	}
	return append(dst, line...)
}

var (
	broken        = [...]string{Space: " ", Escape: `\n`}
	brokenEscaped = [...]string{Space: " ", Escape: `\\n`}
	nul           = [...]string{Space: " ", Escape: `\u0000`}
	nulEscaped    = [...]string{Space: " ", Escape: `\\u0000`}
)

// breakLen is the length of the line break that s begins with, 0 if it does not.
func breakLen(s []byte) int {
	switch {
	case s[0] == '\r' && len(s) > 1 && s[1] == '\n':
		return 2
	case s[0] == '\r' || s[0] == '\n':
		return 1
	}
	return 0
}

// tagByte is what stands for c in a tag value. Control characters end the tag for one reader or
// another, and a backslash cannot be read back before a comma or at the end: neither occurs in a
// property that may be a tag, so nothing is lost by replacing them.
func tagByte(c byte) byte {
	switch {
	case c < ' ' || c == 0x7f:
		return ' '
	case c == '\\':
		return '/'
	}
	return c
}

func appendPlainTag(dst, s []byte) []byte {
	for _, c := range s {
		dst = append(dst, tagByte(c))
	}
	return dst
}

func appendTagValue(dst, s []byte) []byte {
	for _, c := range s {
		c = tagByte(c)
		if c == ' ' || c == ',' || c == '=' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}
