package encode

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// ErrOther says that a line is a Tweet of another stream_label, or has other tags or fields than this schema gives one:
// in a store it would be another point.
var ErrOther = errors.New("it is another schema's")

// Check says what is wrong with a line that should be what AppendTweet writes for the Tweet: ErrOther, or that it is
// damaged. What a Tweet has only sometimes, such as a place, may be absent.
func (s *Schema) Check(line []byte, id snowflake.ID) error {
	d := lineprotocol.NewDecoderWithBytes(line)
	if !d.Next() {
		return errors.New("read line: it is empty")
	}
	name, err := d.Measurement()
	if err != nil {
		return fmt.Errorf("read line: %w", err)
	}
	if string(name) != Measurement {
		return fmt.Errorf("measurement %q: %w", name, ErrOther)
	}
	for _, part := range []func(*lineprotocol.Decoder, snowflake.ID) error{s.checkTags, s.checkFields, checkTime} {
		if err := part(d, id); err != nil {
			return err
		}
	}
	if d.Next() {
		return errors.New("read line: it is more than one")
	}
	return nil
}

func (s *Schema) checkTags(d *lineprotocol.Decoder, _ snowflake.ID) error {
	seen := uint64(0)
	for {
		key, value, err := d.NextTag()
		switch {
		case err != nil:
			return fmt.Errorf("read tag: %w", err)
		case key == nil:
			return missing("tag", s.tags, seen)
		}
		i := find(s.tags, key)
		switch {
		case i < 0:
			return fmt.Errorf("tag %q is not in tweet_tags: %w", key, ErrOther)
		case s.tags[i].label && string(value) != s.label:
			return fmt.Errorf("stream_label %q: %w", value, ErrOther)
		}
		seen |= 1 << i
	}
}

// checkFields lets an id stand alone: that is a Tweet that has none of the fields.
func (s *Schema) checkFields(d *lineprotocol.Decoder, id snowflake.ID) error {
	seen, alone, n := uint64(0), false, 0
	for ; ; n++ {
		key, value, err := d.NextField()
		switch {
		case err != nil:
			return fmt.Errorf("read field: %w", err)
		case key == nil && alone && n == 1:
			return missing("field", s.fields, seen)
		case key == nil && alone:
			return fmt.Errorf("field %q is not in tweet_fields: %w", fieldNames[fID], ErrOther)
		case key == nil:
			return missing("field", s.fields, seen)
		}
		if string(key) == fieldNames[fID] && value.IntV() != int64(id) {
			return fmt.Errorf("read field id: %v is not the id of the line", value)
		}
		switch i := find(s.fields, key); {
		case i >= 0 && value.Kind() != s.fields[i].kind():
			return fmt.Errorf("field %q is of type %v: %w", key, value.Kind(), ErrOther)
		case i >= 0:
			seen |= 1 << i
		case string(key) == fieldNames[fID]:
			alone = true
		default:
			return fmt.Errorf("field %q is not in tweet_fields: %w", key, ErrOther)
		}
	}
}

func checkTime(d *lineprotocol.Decoder, id snowflake.ID) error {
	at, err := d.TimeBytes()
	if err != nil {
		return fmt.Errorf("read time: %w", err)
	}
	want, _ := id.Nano()
	if ns, err := strconv.ParseInt(string(at), 10, 64); err != nil || ns != want {
		return fmt.Errorf("read time: %q is not that of the id", at)
	}
	return nil
}

// find is the index of a column, -1 where there is none.
func find(all []column, key []byte) int {
	for i := range all {
		if name := all[i].name(); name == string(key) {
			return i
		}
	}
	return -1
}

func (c *column) name() string {
	if c.label {
		return labelTag
	}
	return c.key()
}

// missing names a column that each Tweet has, and that was not seen.
func missing(what string, all []column, seen uint64) error {
	for i := range all {
		if seen&(1<<i) == 0 && all[i].constant(what == "tag") {
			return fmt.Errorf("%s %q is absent: %w", what, all[i].name(), ErrOther)
		}
	}
	return nil
}

// constant reports whether each Tweet has the property.
func (c *column) constant(tag bool) bool {
	switch c.field {
	case fMediaType, fPlaceCountryCode:
		return false
	case fID, fUserFollowers, fUserVerified, fPossiblySensitive, fHashtagCount, fURLCount, fMentionCount, fMediaCount, fReceivedAt, fKind, fLang, fRaw:
		return true
	}
	return tag
}

// kind is the type of a field's values.
func (c *column) kind() lineprotocol.ValueKind {
	switch c.field {
	case fUserVerified, fPossiblySensitive:
		return lineprotocol.Bool
	case fLongitude, fLatitude:
		return lineprotocol.Float
	case fID, fUserID, fUserFollowers, fInReplyToID, fRetweetedID, fQuotedID, fEditOf, fReceivedAt, fHashtagCount, fURLCount, fMentionCount, fMediaCount:
		return lineprotocol.Int
	}
	return lineprotocol.String
}
