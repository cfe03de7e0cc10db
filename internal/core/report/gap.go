package report

import (
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Gap is one that changed.
type Gap struct {
	*ledger.Gap
	Present int64 // the stream's time, Unix ms: one that goes on ends there
	Thin    int64 // how many of its minutes stand though they are thin
}

// Point is the metric decahose_gap.
func (g *Gap) Point(label string) point.Point {
	first, end := g.Minutes()
	if g.Dark {
		end = max(end, timeline.CeilMinute(g.Present))
	}
	pt := newPoint(label, "decahose_gap", first.Nano(), point.Tag{Key: "partition", Value: strconv.Itoa(g.Partition)})
	pt.Fields = []point.Field{
		{Key: "end", Value: end.Nano()},
		{Key: "minutes", Value: int64(end - first)},
		{Key: "state", Value: g.State.String()},
		{Key: "cause", Value: g.Cause},
		{Key: "filled_by", Value: g.FilledBy},
		{Key: "tweets", Value: g.Tweets},
	}
	if g.Thin > 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "minutes_thin", Value: g.Thin})
	}
	return pt
}

// Request is a request, or the reading of an archive, under way.
type Request struct {
	Method       string
	From, To, At timeline.Minute // At is the one that is being delivered
	Done         int64           // minutes that the delivery has passed
	Tweets, New  int64
	RunningMilli int64
}

// Point is the metric decahose_recovery, at Unix ns.
func (q *Request) Point(label string, at int64) point.Point {
	total, eta := int64(q.To-q.From), int64(0)
	if q.Done > 0 {
		eta = q.RunningMilli / q.Done * (total - q.Done)
	}
	pt := newPoint(label, "decahose_recovery", at, point.Tag{Key: "method", Value: q.Method})
	pt.Fields = []point.Field{
		{Key: "from", Value: q.From.Nano()},
		{Key: "to", Value: q.To.Nano()},
		{Key: "at", Value: q.At.Nano()},
		{Key: "minutes_total", Value: total},
		{Key: "minutes_done", Value: q.Done},
		{Key: "percent", Value: 100 * q.Done / total},
		{Key: "tweets", Value: q.Tweets},
		{Key: "new", Value: q.New},
		{Key: "eta_ms", Value: eta},
	}
	return pt
}
