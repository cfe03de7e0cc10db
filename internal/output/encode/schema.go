package encode

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Newline says what becomes of the line breaks in a text (option newline), or of each NUL (option nul).
type Newline uint8

const (
	Keep   Newline = iota // written as they are: execd's default parser reads them
	Space                 // each of \r\n, \n and \r, or NUL, becomes one space
	Escape                // each becomes the two characters \ and n, NUL the six \u0000
)

// spelling is how strings are written: what becomes of their line breaks, and of NUL.
type spelling struct{ newline, nul Newline }

var newlineNames = []string{"keep", "space", "escape"}

// ParseNewline reads the option newline.
func ParseNewline(name string) (Newline, error) {
	if i := slices.Index(newlineNames, name); i >= 0 {
		return Newline(i), nil
	}
	return 0, fmt.Errorf("newline %q is not one of %s", name, strings.Join(newlineNames, ", "))
}

// labelTag is on every metric.
const labelTag = "stream_label"

// AllTags are the properties that may become tags: those of few values. DefaultTags are used
// when none are named.
func AllTags() []string {
	return []string{"kind", "lang", "media_type", "place_country_code", "possibly_sensitive", "user_verified"}
}

// DefaultTags is the default of the option tweet_tags.
func DefaultTags() []string { return []string{"kind", "lang"} }

// AllFields are the names that tweet_fields may hold.
func AllFields() []string { return slices.Clone(fieldNames[:]) }

// DefaultFields is the default of the option tweet_fields, in the order of writing.
func DefaultFields() []string { return slices.Clone(fieldNames[:defaultFields]) }

// field is one thing to write about a Tweet.
type field uint8

const (
	fID field = iota
	fText
	fUserID
	fUserScreenName
	fUserFollowers
	fUserVerified
	fSource
	fInReplyToID
	fRetweetedID
	fQuotedID
	fHashtags
	fHashtagCount
	fURLCount
	fMentionCount
	fMediaCount
	fMediaType
	fPlaceCountryCode
	fPlaceFullName
	fLongitude
	fLatitude
	fPossiblySensitive
	fEditOf
	fReceivedAt
	defaultFields // those below are written only when asked for

	fKind  = defaultFields
	fLang  = defaultFields + 1
	fRaw   = defaultFields + 2
	fields = defaultFields + 3
)

var fieldNames = [fields]string{
	"id", "text", "user_id", "user_screen_name", "user_followers_count", "user_verified", "source",
	"in_reply_to_id", "retweeted_id", "quoted_id", "hashtags", "hashtag_count",
	"url_count", "mention_count", "media_count", "media_type", "place_country_code", "place_full_name",
	"longitude", "latitude", "possibly_sensitive", "edit_of", "received_at",
	"kind", "lang", "raw",
}

// Schema is what is written about a Tweet. Made by NewSchema, never changed after.
type Schema struct {
	label  string
	how    spelling
	tags   []column // in the order of their keys, the label's first byte 0
	fields []column
}

// column is a field or tag with its key ready to append: `,key=`. For the label's tag the
// fragment holds the value too.
type column struct {
	field    field
	label    bool
	fragment string
}

// NewSchema checks the options stream_label, tweet_tags, tweet_fields and newline. tags and fields
// may be nil for the defaults; an empty fields writes the id alone. Errors name the wrong value
// and what is allowed. Fields are written in the order given, tags in the order of their keys.
func NewSchema(label string, tags, fieldList []string, newline Newline) (*Schema, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	if tags == nil {
		tags = DefaultTags()
	}
	if fieldList == nil {
		fieldList = DefaultFields()
	}
	s := &Schema{label: label, how: spelling{newline: newline}}
	var err error
	if s.tags, err = columns("tweet_tags", tags, AllTags()); err != nil {
		return nil, err
	}
	if s.fields, err = columns("tweet_fields", fieldList, fieldNames[:]); err != nil {
		return nil, err
	}
	s.addLabel()
	return s, nil
}

// WithNUL is the schema with NUL, which is kept otherwise, written as how says: some stores cannot hold it.
func (s *Schema) WithNUL(how Newline) *Schema {
	with := *s
	with.how.nul = how
	return &with
}

// checkLabel refuses what cannot be read back from a tag by every reader of line protocol.
func checkLabel(label string) error {
	if label == "" {
		return fmt.Errorf("%s is empty", labelTag)
	}
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }
	if !utf8.ValidString(label) || strings.ContainsFunc(label, bad) {
		return fmt.Errorf("%s %q holds a control character, a backslash or invalid UTF-8", labelTag, label)
	}
	return nil
}

func columns(option string, names, allowed []string) ([]column, error) {
	var list []column
	for i, name := range names {
		if !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("%s: %q is not one of %s", option, name, strings.Join(allowed, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%s: %q is named twice", option, name)
		}
		f := field(slices.Index(fieldNames[:], name))
		list = append(list, column{field: f, fragment: "," + name + "="})
	}
	return list, nil
}

// addLabel puts the label among the tags and sorts them: readers compress and compare better so,
// and line protocol asks for it.
func (s *Schema) addLabel() {
	fragment := string(appendTagValue([]byte(","+labelTag+"="), []byte(s.label)))
	s.tags = append(s.tags, column{label: true, fragment: fragment})
	slices.SortFunc(s.tags, func(a, b column) int { return strings.Compare(a.fragment, b.fragment) })
}

// Label is the stream_label of every metric.
func (s *Schema) Label() string { return s.label }
