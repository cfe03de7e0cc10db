// Package option is how plugins say that an option cannot be used as it is.
package option

import "fmt"

// Error says which option cannot be used as it is, and what could be. Its text never holds a credential.
type Error struct {
	Option  string // as in the configuration file
	Value   string // as it would be written there; empty where it is missing or must not be shown
	Allowed string
}

func (e *Error) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("option %q must be %s", e.Option, e.Allowed)
	}
	return fmt.Sprintf("option %q is %s, must be %s", e.Option, Shorten(e.Value), e.Allowed)
}

// Shorten cuts a value of the configuration for an error: what is allowed stands behind it, and a log line is bounded.
func Shorten(value string) string {
	const most = 200 // characters
	runes := []rune(value)
	if len(runes) <= most {
		return value
	}
	return string(runes[:most]) + "…"
}
