package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescaped maps the letter of a two-byte escape to what it stands for.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// Decode appends the text of raw, the contents of a string that String accepted, as valid UTF-8:
// escapes decoded, lone surrogates and bytes that are not UTF-8 replaced by U+FFFD one by one, as
// encoding/json does.
func Decode(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return AppendValid(dst, raw)
		}
		dst = AppendValid(dst, raw[:i])
		raw = raw[i:]
		for len(raw) > 0 && raw[0] == '\\' {
			dst, raw = decodeEscape(dst, raw)
		}
	}
}

func decodeEscape(dst, raw []byte) (longer, rest []byte) {
	if raw[1] != 'u' {
		return append(dst, unescaped[raw[1]]), raw[2:]
	}
	r, rest := hex4(raw[2:6]), raw[6:]
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			low = hex4(rest[2:6])
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			rest = rest[6:]
		}
	}
	return utf8.AppendRune(dst, r), rest
}

// AppendValid appends s with every byte that is not part of valid UTF-8 replaced by U+FFFD.
func AppendValid(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst
}
