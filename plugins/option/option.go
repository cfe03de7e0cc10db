package option

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// Error says which option cannot be used as it is, and what could be. Its text never holds a credential: what looks like
// a URL, a DSN or a list of settings is not shown.
type Error struct {
	Option  string // as in the configuration file
	Value   string // as it would be written there; empty where it is missing or must not be shown
	Allowed string
}

func (e *Error) Error() string {
	if e.Value == "" || !redact.Plain(e.Value) {
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

// Bad is the Error of an option that must not have the value. Value is shown as it would be written.
func Bad(name string, value any, allowed string) error {
	switch v := value.(type) {
	case string, []string, time.Duration:
		return Wrong(name, fmt.Sprintf("%q", v), allowed)
	case config.Duration:
		return Wrong(name, fmt.Sprintf("%q", time.Duration(v)), allowed)
	}
	return Wrong(name, fmt.Sprint(value), allowed)
}

// Wrong is the Error of an option whose value, where it may be shown, is already as it would be written.
func Wrong(name, shown, allowed string) error {
	return &Error{Option: name, Value: shown, Allowed: allowed}
}

// StateDirectory is where state is kept if nothing is said: the first entry of the list that systemd hands over in
// STATE_DIRECTORY, where there is one.
func StateDirectory() string {
	if first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), string(filepath.ListSeparator)); first != "" {
		return first
	}
	return "/var/lib/telegraf-decahose"
}
