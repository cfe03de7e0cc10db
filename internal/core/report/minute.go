package report

import (
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Minute is what is known of a minute, of one partition or of all.
type Minute struct {
	ledger.Row
	ledger.View
}

// Add adds the account of a partition.
func (v *Minute) Add(r *ledger.Row) {
	v.Received += r.Received
	v.Unique += r.Unique
	v.Duplicate += r.Duplicate
	for why, n := range r.Copies {
		v.Copies[why] += n
	}
	v.Late += r.Late
	v.Given += r.Given
	v.Emitted += r.Emitted
	v.Delivered += min(r.Delivered, r.Emitted)
	v.Bytes += r.Bytes
}

// Volume is a minute and what is said of it.
type Volume struct {
	Minute
	Partition    string
	At           timeline.Minute
	Acknowledged bool               // the outputs say what they accepted
	Grade        *volume.Grade      // nil: none
	Fill         *ledger.FillRecord // nil: nothing is known of how it was filled
}

// Point is the metric decahose_volume.
func (v *Volume) Point(label string) point.Point {
	if !v.Balanced() {
		panic("BUG: the book of minute " + v.At.String() + " does not balance")
	}
	pt := newPoint(label, "decahose_volume", v.At.Nano(), point.Tag{Key: "partition", Value: v.Partition})
	pt.Fields = []point.Field{
		{Key: "received", Value: v.Received},
		{Key: "unique", Value: v.Unique},
		{Key: "duplicate", Value: v.Duplicate},
		{Key: "duplicate_redundant", Value: v.Copies[ledger.Redundant]},
		{Key: "duplicate_backfill", Value: v.Copies[ledger.Backfill]},
		{Key: "duplicate_replay", Value: v.Copies[ledger.Replay]},
		{Key: "late", Value: v.Late},
		{Key: "emitted", Value: v.Emitted},
		{Key: "bytes", Value: v.Bytes},
		{Key: "connections", Value: v.Connections},
		{Key: "covered_ms", Value: v.Covered},
		{Key: "state", Value: v.State.String()},
	}
	if v.Acknowledged {
		pt.Fields = append(pt.Fields, point.Field{Key: "delivered", Value: min(v.Delivered, v.Emitted)})
	}
	pt.Fields = append(pt.Fields, gradeFields(v.Grade)...)
	pt.Fields = append(pt.Fields, v.fill()...)
	return pt
}

// gradeFields are what is known of a grade.
func gradeFields(g *volume.Grade) (fields []point.Field) {
	if g == nil {
		return nil
	}
	if g.Expected > 0 {
		fields = append(fields, point.Field{Key: "expected", Value: int64(g.Expected + 0.5)})
	}
	if g.Level == volume.Normal || g.Level == volume.Low || g.Level == volume.High {
		fields = append(fields, point.Field{Key: "score", Value: g.Score})
	}
	if g.Level != "" {
		fields = append(fields, point.Field{Key: "level", Value: string(g.Level)})
	}
	if g.Missed.Known {
		fields = append(fields, point.Field{Key: "missed_estimate", Value: int64(g.Missed.Missed + 0.5)},
			point.Field{Key: "missed_error", Value: g.Missed.Error})
	}
	if g.EmptySeconds >= 0 {
		fields = append(fields, point.Field{Key: "empty_seconds", Value: g.EmptySeconds})
	}
	return fields
}

// fill says of a minute that is told as recovered how full it is, where it is not proven to be.
func (v *Volume) fill() []point.Field {
	k := v.Fill
	if k == nil || v.State != ledger.Recovered || k.State != ledger.FillThin && k.State != ledger.FillUnproven {
		return nil
	}
	fields := []point.Field{{Key: "fill", Value: k.State.String()}}
	if k.State == ledger.FillThin {
		fields = append(fields, point.Field{Key: "fill_held", Value: k.Held}, point.Field{Key: "fill_expected", Value: k.Expected})
	}
	return fields
}
