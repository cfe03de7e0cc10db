package redact

import (
	"encoding/hex"
	"regexp"
	"strings"
)

// secretWord is in the names of options, of parameters and of members that hold a secret.
const secretWord = `(?:password|passwd|passphrase|pwd|token|secret|signature|credential|api[_-]?key|access[_-]?key|key_pwd)`

// secretName is such a name.
const secretName = `(?:[\w.-]*` + secretWord + `[\w.-]*|sig|auth|pass)`

// places are where secrets stand, with what is kept of each. No parser is asked: it may have refused the text.
var places = []struct {
	where *regexp.Regexp
	keep  string
}{
	// {"password": "…"}
	{regexp.MustCompile(`(?i)("` + secretName + `"\s*:\s*)"(?:[^"\\]|\\.)*"?`), `${1}"` + Mask + `"`},
	// Authorization: Basic …
	{regexp.MustCompile(`(?i)\b((?:proxy-)?authorization"?\s*[:=]\s*"?(?:(?:basic|bearer|token|digest)\s+)?)[^\s",;]+`), `${1}` + Mask},
	{regexp.MustCompile(`(?i)\b((?:basic|bearer)\s+)[\w+/=~.-]{12,}`), `${1}` + Mask},
	// ?password=…, password = '…'
	{regexp.MustCompile(`(?i)(^|[^\w.-])(` + secretName + `\s*=\s*)` + value), `${1}${2}` + Mask},
	// InfluxDB's ?u=…&p=…
	{regexp.MustCompile(`([?&][pu]=)[^\s&;,"']+`), `${1}` + Mask},
}

// value is one of a parameter or of a DSN's word, quoted or not.
const value = `('(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^\s&;,"')]+)`

// toAt is a word up to its last @: in a URL that is where user and password end.
var toAt = regexp.MustCompile(`(?:\\.|[^\s"<>\\])*@`)

// scheme is how a URL begins, were it with a slash too few or too many.
var scheme = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*:/+|^//`)

func hidePlaces(text string) string {
	for _, p := range places {
		text = p.where.ReplaceAllString(text, p.keep)
	}
	if !strings.Contains(text, "@") {
		return text
	}
	return toAt.ReplaceAllStringFunc(text, hideUser)
}

// hideUser masks user and password of a word that ends with @. A word without a colon is a name: an address, a mention.
func hideUser(word string) string {
	if at := scheme.FindStringIndex(word); at != nil {
		return word[:at[1]] + Mask + "@"
	}
	if !strings.Contains(word, ":") {
		return word
	}
	return word[:len(word)-len(strings.TrimLeft(word, "('`["))] + Mask + "@"
}

// Plain reports whether a value that stands in a configuration looks like no URL, DSN or other place of a secret, and may
// be shown where it is wrong.
func Plain(value string) bool {
	return Printable(value) && !strings.ContainsAny(value, "@=") && !strings.Contains(value, "://") && !strings.Contains(value, `\n`) &&
		hidePlaces(value) == value
}

// name is how options, tables and plugins are called.
var name = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,30}(?:\.[a-z0-9_]{1,31})*$`)

// Name reports whether text can be the name of an option or a plugin, and not a value that slipped into its place.
func Name(text string) bool { return name.MatchString(text) }

var (
	// setting is a line of a configuration that gives a name a value, or was meant to.
	setting = regexp.MustCompile(`(?i)^[\s"']*([\w.-]+)["']?\s*[=: ]\s*(.*)$`)
	// secretSetting is the name of one that holds a secret; one that ends with _file names a file.
	secretSetting = regexp.MustCompile(`(?i)(?:` + secretWord + `|^dsn$)`)
	reference     = regexp.MustCompile(`\$\{\w+[^}]*\}|@\{[^}]*\}`)
	words         = regexp.MustCompile(`[^\s"'\[\]{}=,]+`)
	parameter     = regexp.MustCompile(`(?i)(?:^|[^\w.-])(?:` + secretName + `|[pu])\s*=\s*` + value)
)

// Find looks through the text of a configuration for what may be secret, whether or not it can be parsed: the values of
// options whose names say so, and what stands in URLs and DSNs where secrets do.
func Find(configuration string) (found []string) {
	for text := range strings.Lines(configuration) {
		if len(text) > textMost {
			continue
		}
		m := setting.FindStringSubmatch(strings.TrimRight(text, "\r\n"))
		if m == nil {
			continue
		}
		if secretSetting.MatchString(m[1]) && !strings.HasSuffix(m[1], "_file") {
			found = append(found, values(m[2])...)
		}
		found = append(found, inPlace(m[2])...)
	}
	return found
}

// values are what may have been meant for one: all of it, and its words, but for references to what stands elsewhere.
func values(rest string) []string {
	rest = reference.ReplaceAllString(rest, " ")
	return append(words.FindAllString(rest, -1), strings.Trim(rest, ` "'`))
}

// inPlace are passwords of URLs and values of parameters in a setting.
func inPlace(rest string) (all []string) {
	for _, word := range toAt.FindAllString(rest, -1) {
		if at := scheme.FindStringIndex(word); at != nil {
			word = word[at[1]:]
		}
		user, password, _ := strings.Cut(strings.TrimSuffix(word, "@"), ":")
		_, last, _ := strings.Cut(password, ":") // of scheme:user:password
		if all = append(all, password, last); password == "" {
			all = append(all, user) // a token that stands alone
		}
	}
	for _, m := range parameter.FindAllStringSubmatch(rest, -1) {
		all = append(all, strings.Trim(m[1], `'"`))
	}
	for _, v := range all {
		if plain := percent.ReplaceAllStringFunc(v, unescape); plain != v {
			all = append(all, plain) // as a driver has it
		}
	}
	return all
}

var percent = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func unescape(text string) string {
	b, err := hex.DecodeString(text[1:])
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(b)
}
