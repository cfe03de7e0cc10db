package encode

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// PointEncoder appends Points as line protocol. It has one owner; the zero value is ready.
type PointEncoder struct {
	enc  lineprotocol.Encoder
	tags []Tag
}

// Append appends p as one line with a time in nanoseconds. On an error, which names the point,
// dst comes back as it was. What is not printable in strings is shown as an escape: the encoder would
// escape control characters in a way that makes execd's parser reject the line.
func (e *PointEncoder) Append(dst []byte, p *Point) ([]byte, error) {
	e.enc.SetBuffer(dst)
	e.enc.StartLine(p.Name)
	e.addTags(p.Tags)
	for _, f := range p.Fields {
		v, err := fieldValue(f.Value)
		if err != nil {
			return dst, fmt.Errorf("encode point %s: field %s: %w", p.Name, f.Key, err)
		}
		e.enc.AddField(f.Key, v)
	}
	e.enc.EndLine(time.Unix(0, p.Time))
	if err := e.enc.Err(); err != nil {
		return dst, fmt.Errorf("encode point %s: %w", p.Name, err)
	}
	return e.enc.Bytes(), nil
}

// addTags adds them in the order of their keys, as the encoder demands; empty ones are left out.
func (e *PointEncoder) addTags(tags []Tag) {
	e.tags = append(e.tags[:0], tags...)
	slices.SortFunc(e.tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	for _, t := range e.tags {
		if t.Value != "" {
			e.enc.AddTag(t.Key, strings.ReplaceAll(redact.Escape(t.Value), `\`, "/"))
		}
	}
}

var (
	errNotFinite = errors.New("not a finite number")
	errType      = errors.New("not an int64, float64, bool or string")
)

func fieldValue(v any) (lineprotocol.Value, error) {
	switch v := v.(type) {
	case int64:
		return lineprotocol.IntValue(v), nil
	case bool:
		return lineprotocol.BoolValue(v), nil
	case float64:
		f, ok := lineprotocol.FloatValue(v)
		if !ok {
			return f, fmt.Errorf("%v: %w", v, errNotFinite)
		}
		return f, nil
	case string:
		s, ok := lineprotocol.StringValue(redact.Escape(v))
		if !ok {
			panic("BUG: a string made valid is not")
		}
		return s, nil
	}
	return lineprotocol.Value{}, fmt.Errorf("%T: %w", v, errType)
}
