package audit

import (
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// landed is what is read of a line: whose it is, and its identity.
type landed struct {
	name, label string // of the measurement and the stream
	id          snowflake.ID
	hasID       bool
	ns          int64
	hasTime     bool
}

func landedOf(l *lineproto.Line) (p landed) {
	p.name = lineproto.Unescape(l.Name)
	p.label, _ = l.Tag("stream_label")
	if v := l.Field("id"); len(v) > 1 && (v[len(v)-1] == 'i' || v[len(v)-1] == 'u') {
		id, err := strconv.ParseInt(string(v[:len(v)-1]), 10, 64)
		p.id, p.hasID = snowflake.ID(id), err == nil
	}
	if len(l.Time) > 0 {
		ns, err := strconv.ParseInt(string(l.Time), 10, 64)
		p.ns, p.hasTime = ns, err == nil
	}
	return p
}
