package encode

import (
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// EachTag calls f with the tags of t that AppendTweet would write, in its order, for sinks that
// build metrics instead of lines.
func (s *Schema) EachTag(t *tweet.Tweet, f func(key, value string)) {
	for i := range s.tags {
		c := &s.tags[i]
		if c.label {
			f(labelTag, s.label)
			continue
		}
		if value, ok := tagValue(c.field, t); ok {
			f(c.key(), string(appendPlainTag(nil, value)))
		}
	}
}

// EachField calls f with the fields of t that AppendTweet would write, in its order; a value is
// an int64, float64, bool or string, and holds nothing of t.
func (s *Schema) EachField(t *tweet.Tweet, f func(key string, value any)) {
	written := false
	for i := range s.fields {
		c := &s.fields[i]
		if v, ok := c.value(t, s.how); ok {
			f(c.key(), v)
			written = true
		}
	}
	if !written {
		f(fieldNames[fID], int64(t.ID))
	}
}

func (c *column) key() string { return fieldNames[c.field] }

func (c *column) value(t *tweet.Tweet, how spelling) (v any, ok bool) {
	switch c.field {
	case fUserVerified:
		return t.UserVerified, true
	case fPossiblySensitive:
		return t.PossiblySensitive, true
	case fLongitude, fLatitude:
		return coordinateValue(c.field, t)
	}
	if i, present, isInt := integer(c.field, t); isInt {
		return i, present
	}
	value := text(c.field, t)
	return string(appendSpelled(nil, value, c.spelled(how))), len(value) > 0
}

func coordinateValue(f field, t *tweet.Tweet) (any, bool) {
	v, ok := coordinate(f, t)
	return v, ok
}
