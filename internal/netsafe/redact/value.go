package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// shortest is how long a secret must be to be searched for, in bytes: less is part of ordinary words, and protects
	// nothing.
	shortest = 5
	// longest is how much of a secret is searched for at once.
	longest = 256
	// secretsMost bounds how many are kept: credentials rotate. The oldest are forgotten.
	secretsMost = 128
	// leastPrefix is how much of a secret must stand at the end of a text to be taken for one that was cut.
	leastPrefix = 4
)

// Secrets are values that must not be shown. The zero value and nil know none; it never changes.
type Secrets struct {
	values   []string
	patterns []*regexp.Regexp // one for each value
}

// With returns the secrets and these values.
func (s *Secrets) With(values ...string) *Secrets {
	more := &Secrets{}
	if s != nil {
		more.values, more.patterns = slices.Clone(s.values), slices.Clone(s.patterns)
	}
	for _, value := range values {
		for _, part := range parts(value) {
			more.add(part)
		}
	}
	if over := len(more.values) - secretsMost; over > 0 {
		more.values, more.patterns = more.values[over:], more.patterns[over:]
	}
	return more
}

// WithBasic returns the secrets, this password, and what HTTP Basic makes of both.
func (s *Secrets) WithBasic(user, password string) *Secrets { return s.With(basic(user, password)...) }

// KnowsBasic reports whether WithBasic would change nothing.
func (s *Secrets) KnowsBasic(user, password string) bool {
	return !slices.ContainsFunc(basic(user, password), func(v string) bool { return !s.Knows(v) })
}

func basic(user, password string) []string {
	both := []byte(user + ":" + password)
	return []string{password, base64.StdEncoding.EncodeToString(both), base64.RawURLEncoding.EncodeToString(both)}
}

// Knows reports whether the value is one of the secrets, or too short to be one.
func (s *Secrets) Knows(value string) bool {
	return !slices.ContainsFunc(parts(value), func(part string) bool { return s == nil || !slices.Contains(s.values, part) })
}

func (s *Secrets) add(value string) {
	if slices.Contains(s.values, value) {
		return
	}
	s.values = append(s.values, value)
	s.patterns = append(s.patterns, pattern(value))
}

// parts are what is searched for: a long value in pieces of one size.
func parts(value string) (all []string) {
	value = strings.TrimSpace(value)
	size := len(value)
	if n := (size + longest - 1) / longest; n > 1 {
		size = (size + n - 1) / n
	}
	for len(value) >= shortest {
		all = append(all, value[:min(size, len(value))])
		value = value[min(size, len(value)):]
	}
	return all
}

func (s *Secrets) hideValues(text string) string {
	if s == nil {
		return text
	}
	for _, p := range s.patterns {
		text = p.ReplaceAllLiteralString(text, Mask)
	}
	return s.hidePrefix(text)
}

// hidePrefix masks the beginning of a secret at the end of a text that somebody else cut.
func (s *Secrets) hidePrefix(text string) string {
	whole := strings.TrimRight(text, "….\"'")
	dots := text[len(whole):]
	for _, v := range s.values {
		for n := min(len(v)-1, len(whole)); n >= leastPrefix; n-- {
			if strings.HasSuffix(whole, v[:n]) {
				return whole[:len(whole)-n] + Mask + dots
			}
		}
	}
	return text
}

// pattern matches the value as it is, and as URLs, JSON, Go and HTML write its characters; its blanks in any number.
func pattern(value string) *regexp.Regexp {
	var b strings.Builder
	blank := false
	for i := 0; i < len(value); {
		r, n := utf8.DecodeRuneInString(value[i:])
		if space := unicode.IsSpace(r); !space || !blank {
			b.WriteString(written(r, value[i:i+n]))
			blank = space
		}
		i += n
	}
	return regexp.MustCompile(b.String())
}

// blanks are how whitespace is written.
const blanks = `(?:[\s\p{Z}]|\+|%(?:20|09|0[adAD])|\\[nrt]|\\x(?:20|09|0[ad])|&(?:nbsp|#32|#10|#13|#9|#x20|#x[aAdD]|#x9);|\\u00(?:20|0[9adAD]))+`

// written matches one character, whose bytes are raw, in each of its forms.
func written(r rune, raw string) string {
	switch {
	case unicode.IsSpace(r):
		return blanks
	case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		return raw // nobody who means well writes these in another way
	}
	forms := []string{regexp.QuoteMeta(raw)}
	if r == utf8.RuneError { // how the expression sees a byte that is no UTF-8
		forms = []string{`\x{fffd}`}
	}
	forms = append(forms, escaped(`%`, raw), escaped(`\\x`, raw))
	if r <= 0xffff {
		forms = append(forms, fmt.Sprintf(`(?i:\\u%04x)`, r))
	}
	forms = append(forms, fmt.Sprintf(`(?i:&#0*%d;|&#x0*%x;)`, r, r))
	if name, ok := named[r]; ok {
		forms = append(forms, name)
	}
	return "(?:" + strings.Join(forms, "|") + ")"
}

// escaped is each byte in hexadecimal behind a mark.
func escaped(mark, raw string) string {
	var b strings.Builder
	b.WriteString("(?i:")
	for i := range len(raw) {
		b.WriteString(mark + hex.EncodeToString([]byte{raw[i]}))
	}
	return b.String() + ")"
}

// named are forms that characters of their own have.
var named = map[rune]string{'&': `&amp;`, '<': `&lt;`, '>': `&gt;`, '"': `&quot;|\\"`, '\'': `&apos;|\\'`, '\\': `\\\\`, '/': `\\/`}
