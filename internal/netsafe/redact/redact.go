package redact

import (
	"strings"
	"unicode/utf8"
)

// Mask stands where a secret was.
const Mask = "***"

// textMost bounds what is looked at of one text, in bytes. It is far more than is ever shown, so that a secret that is
// cut there is not seen.
const textMost = 64 << 10

// Line is text as one printable line of most bytes at most, without secrets.
func (s *Secrets) Line(text string, most int) string {
	text = s.Hide(text)
	if shown := Escape(text); shown != text {
		text = s.hideValues(shown) // a secret may itself be written with escapes
	}
	return cut(text, most)
}

// Hide masks the secrets of text, by value and by place.
func (s *Secrets) Hide(text string) string {
	if len(text) > textMost {
		text = text[:textMost]
	}
	return hidePlaces(s.hideValues(text))
}

// cut shortens s to most bytes, an ellipsis included, without splitting a character.
func cut(s string, most int) string {
	const ellipsis = "…"
	if len(s) <= most {
		return s
	}
	end := max(most-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimSuffix(s[:end], ellipsis) + ellipsis
}
