package decahose

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// noteCredentials names those that hold what editors, shells and secret stores add and nobody sees. They are used as
// they are: it may belong to them.
func (d *Decahose) noteCredentials(n *notes) {
	all := []credential{d.username(), d.password()}
	if d.acknowledges() {
		all = append(all, d.Push.credential())
	}
	if d.Feedback != nil {
		all = append(all, d.Feedback.credential())
	}
	for _, a := range d.Audits {
		all = append(all, a.dsn(), a.password(), a.token())
	}
	for _, c := range all {
		if c.env == "" && !c.given() {
			continue
		}
		value, err := c.read()
		odd := oddity(value)
		n.warn(err == nil && odd != "", "%s %s: if that does not belong to it, it will be refused", c.where(), odd)
	}
}

// where a credential comes from, as the user knows it.
func (c credential) where() string {
	switch {
	case !c.secret.Empty():
		return fmt.Sprintf("option %q", c.option)
	case c.file != "":
		return strings.TrimSpace(fmt.Sprintf("the file of option %q %s", c.option+"_file", c.shownFile()))
	}
	return "the environment variable " + c.env
}

// oddity is what is odd about a credential's ends; empty: nothing is.
func oddity(value string) string {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	switch {
	case value == "":
		return ""
	case strings.HasSuffix(value, "\n"), strings.HasSuffix(value, "\r"):
		return "ends with a line end"
	case unicode.IsSpace(last):
		return "ends with a blank"
	case first == '\ufeff':
		return "begins with a byte order mark"
	case unicode.IsSpace(first):
		return "begins with a blank"
	case len(value) > 1 && first == last && (first == '"' || first == '\''):
		return "stands in quotes"
	case strings.ContainsFunc(value, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}
