package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// Flags say what a string holds beyond plain ASCII.
type Flags uint8

const (
	// Escaped strings hold at least one backslash and need Decode.
	Escaped Flags = 1 << iota
	// NonASCII strings hold bytes above 0x7f, which need not be valid UTF-8.
	NonASCII
)

// Eight bytes are looked at in one word: a byte is found by the borrow that a subtraction leaves
// in its top bit. Bits above the lowest true one may be false; only the lowest is used.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks quotes, backslashes and control characters in the eight bytes of x. With bit 1
// flipped, a quote is 0x20, and it and the control characters are all that is below 0x21.
func special(x uint64) uint64 {
	quote, slash := x^ones*2, x^ones*'\\'
	return ((quote - ones*0x21) | (slash - ones)) &^ x & highs
}

// String validates the string whose opening quote is at i and returns the position behind the
// closing one, or -1; the raw contents are b[i+1:end-1].
func String(b []byte, i int) (end int, flags Flags) {
	var seen uint64
	i++
	for i >= 0 && i < len(b)-7 {
		x := binary.LittleEndian.Uint64(b[i : i+8 : len(b)])
		m := special(x)
		if m == 0 {
			seen |= x
			i += 8
			continue
		}
		n := bits.TrailingZeros64(m) &^ 7
		seen |= x & (1<<n - 1)
		i += n >> 3
		if byte(x>>n) == '"' {
			return i + 1, flags | nonASCII(seen)
		}
		if i = escapes(b, i); i < 0 {
			return -1, 0
		}
		flags |= Escaped
	}
	return shortString(b, i, flags|nonASCII(seen))
}

// shortString reads on byte by byte where fewer than eight are left.
func shortString(b []byte, i int, flags Flags) (int, Flags) {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1, flags
		case c == '\\' || c < ' ':
			if i = escapes(b, i); i < 0 {
				return -1, 0
			}
			flags |= Escaped
		default:
			flags |= Flags(c>>7) * NonASCII
			i++
		}
	}
	return -1, 0
}

func nonASCII(seen uint64) Flags {
	if seen&highs != 0 {
		return NonASCII
	}
	return 0
}

// escapes validates the run of escapes that begins at i and returns the position behind it, or -1
// (also when there is none: a control character).
func escapes(b []byte, i int) int {
	if b[i] != '\\' {
		return -1
	}
	for i < len(b) && b[i] == '\\' {
		if i+1 >= len(b) {
			return -1
		}
		switch b[i+1] {
		case 'u':
			if i+6 > len(b) || hex4(b[i+2:i+6]) < 0 {
				return -1
			}
			i += 6
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		default:
			return -1
		}
	}
	return i
}

// hexDigits maps a byte to its value as a hexadecimal digit plus one; zero is no digit.
var hexDigits = [256]int8{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
}

// hex4 is the value of four hexadecimal digits, below zero if they are not.
func hex4(b []byte) rune {
	_ = b[3]
	h0, h1 := rune(hexDigits[b[0]])-1, rune(hexDigits[b[1]])-1
	h2, h3 := rune(hexDigits[b[2]])-1, rune(hexDigits[b[3]])-1
	return (h0|h1|h2|h3)>>31 | h0<<12 | h1<<8 | h2<<4 | h3
}
