package redact

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable reports whether a terminal, a log and a reader see nothing in s but its characters: no control characters,
// none that turn the direction of writing, end a line or have no width, and valid UTF-8.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable)
}

// unprintable holds controls (C0, C1, DEL), formats (bidi, zero width), separators other than the blank, private and
// unassigned characters, and letters and marks that are not to be seen.
func unprintable(r rune) bool {
	return !strconv.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Escape shows what is not printable as Go would write it: \n, \x1b, \u202e. A backslash stays what it is.
func Escape(s string) string {
	if Printable(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case unprintable(r):
			b = appendEscape(b, r)
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return string(b)
}

func appendEscape(b []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == '\t':
		return append(b, `\t`...)
	case r < 0x80:
		return fmt.Appendf(b, `\x%02x`, r)
	case r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return fmt.Appendf(b, `\U%08x`, r)
}

// JSON escapes what is not printable in a JSON document that was marshalled: the document says the same as before.
func JSON(document []byte) []byte {
	if Printable(strings.ReplaceAll(string(document), "\n", "")) {
		return document
	}
	b := make([]byte, 0, len(document)+16)
	for _, r := range string(document) {
		switch {
		case r == '\n' || !unprintable(r): // a newline is between values: in strings it is escaped already
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
