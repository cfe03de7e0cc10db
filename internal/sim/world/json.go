package world

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// style is how a record writes its strings: as the v1.1 API did (\uXXXX beyond ASCII, \/ for every
// slash) or as raw UTF-8. One record keeps one style throughout.
type style int

const (
	raw style = iota
	escaped
	styles
)

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string in raw UTF-8.
func AppendQuoted(b []byte, s string) []byte { return raw.appendQuoted(b, s) }

// appendQuoted appends s as a JSON string.
func (st style) appendQuoted(b []byte, s string) []byte {
	return append(st.appendEscaped(append(b, '"'), s), '"')
}

func (st style) appendEscaped(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && st.plain(s[j]) {
			j++
		}
		b = append(b, s[i:j]...)
		if i = j; i == len(s) {
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = appendRune(b, r)
		i += size
	}
	return b
}

func (st style) plain(c byte) bool {
	switch {
	case c < ' ' || c == '"' || c == '\\':
		return false
	case st == raw:
		return true
	}
	return c < utf8.RuneSelf && c != '/'
}

func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\' || r == '/':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == '\t':
		return append(b, `\t`...)
	case r >= 0x10000:
		r -= 0x10000
		return appendHex(appendHex(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendHex(b, r)
}

func appendHex(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// appendTime appends a quoted time as native records write it.
func appendTime(b []byte, ms int64) []byte {
	b = time.UnixMilli(ms).UTC().AppendFormat(append(b, '"'), "Mon Jan 02 15:04:05 +0000 2006")
	return append(b, '"')
}

func appendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }
