package audit

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
)

// Point is a line as decahose_audit. What is not known of the store is absent.
func (l *Line) Point(label, name string) point.Point {
	p := point.Point{Name: "decahose_audit", Time: l.Minute.Nano(),
		Tags:   []point.Tag{{Key: "stream_label", Value: label}, {Key: "audit", Value: name}},
		Fields: []point.Field{{Key: "emitted", Value: l.Emitted}, {Key: "undelivered", Value: l.Undelivered}}}
	if l.Stored >= 0 {
		p.Fields = append(p.Fields, point.Field{Key: "stored", Value: l.Stored}, point.Field{Key: "missing", Value: l.Missing},
			point.Field{Key: "surplus", Value: l.Surplus}, point.Field{Key: "gone", Value: l.Gone})
	}
	p.Fields = append(p.Fields, point.Field{Key: "repairs", Value: l.Repairs}, point.Field{Key: "state", Value: string(l.State)})
	return p
}

// Sum is what a comparison says, all its minutes together.
type Sum struct {
	Minutes                    map[State]int
	Emitted, Stored            int64 // of minutes that were compared
	Missing, Surplus           int64
	FirstShort, FirstUnknown   *Line // nil: there is none
	FirstUnrepaired, FirstOver *Line
}

// Total sums up.
func Total(lines []Line) Sum {
	s := Sum{Minutes: make(map[State]int)}
	first := func(to **Line, l *Line) {
		if *to == nil {
			*to = l
		}
	}
	for i := range lines {
		l := &lines[i]
		s.Minutes[l.State]++
		if l.Stored >= 0 {
			s.Emitted, s.Stored = s.Emitted+l.Emitted, s.Stored+l.Stored
			s.Missing, s.Surplus = s.Missing+l.Missing, s.Surplus+l.Surplus
		}
		switch {
		case l.State == Unrepaired:
			first(&s.FirstUnrepaired, l)
			first(&s.FirstShort, l)
		case l.State == Missing:
			first(&s.FirstShort, l)
		case l.State == Surplus:
			first(&s.FirstOver, l)
		case l.State == Unknown:
			first(&s.FirstUnknown, l)
		}
	}
	return s
}

// Health is how an audit goes, as decahose_audit_run.
type Health struct {
	Runs, Failures int64 // since the start
	OK             bool  // of the last run: the store answered
	Took           time.Duration
}

// Point is one per run, at its time.
func (h Health) Point(label, name string, s *Sum, at time.Time) point.Point {
	return point.Point{Name: "decahose_audit_run", Time: at.UnixNano(),
		Tags: []point.Tag{{Key: "stream_label", Value: label}, {Key: "audit", Value: name}},
		Fields: []point.Field{
			{Key: "runs", Value: h.Runs},
			{Key: "failures", Value: h.Failures},
			{Key: "store_ok", Value: h.OK},
			{Key: "took_ms", Value: h.Took.Milliseconds()},
			{Key: "minutes_equal", Value: int64(s.Minutes[Equal])},
			{Key: "minutes_missing", Value: int64(s.Minutes[Missing] + s.Minutes[Unrepaired])},
			{Key: "minutes_repairing", Value: int64(s.Minutes[Repairing])},
			{Key: "minutes_unknown", Value: int64(s.Minutes[Unknown])},
			{Key: "minutes_gone", Value: int64(s.Minutes[Gone])},
			{Key: "missing", Value: s.Missing},
			{Key: "surplus", Value: s.Surplus},
		}}
}
