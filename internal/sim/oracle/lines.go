package oracle

import (
	"fmt"
	"iter"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// tweets reads output with a reader that is not ours, and yields each Tweet's id and point.
func tweets(lines []byte) iter.Seq2[snowflake.ID, line] {
	return func(yield func(snowflake.ID, line) bool) {
		for p := range points(lines) {
			if p.name == "decahose_tweet" && !yield(snowflake.ID(p.fields["id"].(int64)), p) {
				return
			}
		}
	}
}

// line is one decoded line.
type line struct {
	name   string
	tags   map[string]string
	fields map[string]any
	time   int64
}

// identity is what makes a store take two points for one.
func (l *line) identity() string { return fmt.Sprint(l.name, l.tags, l.time) }

func points(lines []byte) iter.Seq[line] {
	return func(yield func(line) bool) {
		d := lineprotocol.NewDecoderWithBytes(lines)
		for d.Next() {
			p, err := decode(d)
			if err != nil {
				panic("the output is no line protocol: " + err.Error())
			}
			if !yield(p) {
				return
			}
		}
	}
}

func decode(d *lineprotocol.Decoder) (line, error) {
	p := line{tags: map[string]string{}, fields: map[string]any{}}
	name, err := d.Measurement()
	if err != nil {
		return p, err
	}
	p.name = string(name)
	for {
		k, v, err := d.NextTag()
		if err != nil {
			return p, err
		}
		if k == nil {
			break
		}
		p.tags[string(k)] = string(v)
	}
	for {
		k, v, err := d.NextField()
		if err != nil {
			return p, err
		}
		if k == nil {
			break
		}
		p.fields[string(k)] = v.Interface()
	}
	at, err := d.Time(lineprotocol.Nanosecond, time.Time{})
	p.time = at.UnixNano()
	return p, err
}
