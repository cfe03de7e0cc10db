package encode

import (
	"math"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// Measurement is the name of the metric that carries a Tweet.
const Measurement = "decahose_tweet"

// AppendTweet appends t as one line of line protocol, newline included. The text's own line
// breaks stand in the line as they are under Keep: a reader must honour quotes, as execd's does.
// What an archive has as a line is that line, but for NUL. Nothing is allocated when dst has room.
func AppendTweet(dst []byte, t *tweet.Tweet, s *Schema) []byte {
	if len(t.Line) > 0 {
		return appendLine(dst, t.Line, s.how)
	}
	dst = append(dst, Measurement...)
	for i := range s.tags {
		dst = s.tags[i].appendTag(dst, t)
	}
	start := len(dst)
	for i := range s.fields {
		dst = s.fields[i].appendField(dst, t, s.how)
	}
	if len(dst) == start { // a line without a field is not a line
		dst = append(dst, ",id="...)
		dst = appendInt(dst, int64(t.ID))
	}
	dst[start] = ' ' // the first field's comma
	dst = append(dst, ' ')
	ns, _ := t.ID.Nano()
	dst = strconv.AppendInt(dst, ns, 10)
	return append(dst, '\n')
}

func (c *column) appendTag(dst []byte, t *tweet.Tweet) []byte {
	if c.label {
		return append(dst, c.fragment...)
	}
	value, ok := tagValue(c.field, t)
	if !ok {
		return dst
	}
	return appendTagValue(append(dst, c.fragment...), value)
}

var yes, no, undefined = []byte("true"), []byte("false"), []byte("und")

// tagValue is a property as a tag; ok is false where it is absent: an empty tag is a parse error.
func tagValue(f field, t *tweet.Tweet) (value []byte, ok bool) {
	switch f {
	case fKind:
		return kindNames[t.Kind], true
	case fLang:
		return language(t), true
	case fUserVerified:
		return boolName(t.UserVerified), true
	case fPossiblySensitive:
		return boolName(t.PossiblySensitive), true
	}
	value = text(f, t)
	return code(value), len(value) > 0
}

// kindNames spares a conversion per Tweet.
var kindNames = [...][]byte{
	tweet.Original: []byte(tweet.Original.String()),
	tweet.Retweet:  []byte(tweet.Retweet.String()),
	tweet.Quote:    []byte(tweet.Quote.String()),
	tweet.Reply:    []byte(tweet.Reply.String()),
}

func boolName(b bool) []byte {
	if b {
		return yes
	}
	return no
}

func language(t *tweet.Tweet) []byte {
	if len(t.Lang) == 0 {
		return undefined
	}
	return code(t.Lang)
}

// tagMost bounds a tag's value, in bytes: stores index each, and X's own are short codes.
const tagMost = 64

// code is a value from outside as a tag.
func code(value []byte) []byte {
	if len(value) > tagMost {
		return undefined
	}
	return value
}

func (c *column) appendField(dst []byte, t *tweet.Tweet, how spelling) []byte {
	switch c.field {
	case fUserVerified:
		return append(append(dst, c.fragment...), boolName(t.UserVerified)...)
	case fPossiblySensitive:
		return append(append(dst, c.fragment...), boolName(t.PossiblySensitive)...)
	case fLongitude, fLatitude:
		return c.appendFloat(dst, t)
	}
	if v, present, isInt := integer(c.field, t); isInt {
		if !present {
			return dst
		}
		return appendInt(append(dst, c.fragment...), v)
	}
	value := text(c.field, t)
	if len(value) == 0 {
		return dst
	}
	return appendString(append(dst, c.fragment...), value, c.spelled(how))
}

// spelled is how this field is written. Line breaks of a record stand between its values, where JSON takes a space but
// no escape; a NUL is none of its bytes.
func (c *column) spelled(how spelling) spelling {
	if c.field == fRaw && how.newline == Escape {
		how.newline = Space
	}
	return how
}

func (c *column) appendFloat(dst []byte, t *tweet.Tweet) []byte {
	v, ok := coordinate(c.field, t)
	if !ok {
		return dst
	}
	return strconv.AppendFloat(append(dst, c.fragment...), v, 'f', -1, 64)
}

// coordinate is absent without a point, and where it is no number: line protocol has no NaN.
func coordinate(f field, t *tweet.Tweet) (v float64, ok bool) {
	v = t.Longitude
	if f == fLatitude {
		v = t.Latitude
	}
	return v, t.HasPoint && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// integer reads the integer fields. Ids of other Tweets are absent when 0; counts never are.
func integer(f field, t *tweet.Tweet) (v int64, present, isInt bool) {
	switch f {
	case fID:
		return int64(t.ID), true, true
	case fUserID:
		return t.UserID, t.UserID != 0, true
	case fUserFollowers:
		return t.UserFollowers, true, true
	case fInReplyToID:
		return t.InReplyToID, t.InReplyToID != 0, true
	case fRetweetedID:
		return t.RetweetedID, t.RetweetedID != 0, true
	case fQuotedID:
		return t.QuotedID, t.QuotedID != 0, true
	case fEditOf:
		return t.EditOf, t.EditOf != 0, true
	case fReceivedAt:
		return t.ReceivedAt, t.ReceivedAt != 0, true
	}
	v, isInt = count(f, t)
	return v, isInt, isInt
}

func count(f field, t *tweet.Tweet) (v int64, isCount bool) {
	switch f {
	case fHashtagCount:
		return t.HashtagCount, true
	case fURLCount:
		return t.URLCount, true
	case fMentionCount:
		return t.MentionCount, true
	case fMediaCount:
		return t.MediaCount, true
	}
	return 0, false
}

// text reads the string fields; empty is absent.
func text(f field, t *tweet.Tweet) []byte {
	switch f {
	case fText:
		return t.Text
	case fUserScreenName:
		return t.UserScreenName
	case fSource:
		return t.Source
	case fHashtags:
		return t.Hashtags
	case fMediaType:
		return t.MediaType
	case fPlaceCountryCode:
		return t.PlaceCountryCode
	case fPlaceFullName:
		return t.PlaceFullName
	case fKind:
		return kindNames[t.Kind]
	case fLang:
		return language(t)
	case fRaw:
		return t.Raw
	}
	panic("BUG: field " + fieldNames[f] + " is no string")
}

func appendInt(dst []byte, v int64) []byte {
	return append(strconv.AppendInt(dst, v, 10), 'i')
}
