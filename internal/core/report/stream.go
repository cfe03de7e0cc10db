package report

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Road is how the delivery of Tweets stands.
type Road struct {
	State       string
	Undelivered int64
	Oldest      time.Time // when the oldest of them was emitted; zero: none
	Spooled     int64
	SpoolBytes  int64
	Refused     int64
	Retries     int64
}

// Stream is all of it at a moment.
type Stream struct {
	ConnectionsLive, ConnectionsWanted int64
	PartitionsLive, PartitionsWanted   int64
	GapsOpen, MinutesMissing           int64
	MinutesRecovered, MinutesLost      int64
	FirstMissing                       int64         // Unix ms of id time; 0: nothing is missing
	Present                            int64         // the stream's time, Unix ms
	Horizon                            time.Duration // how old a minute may be and still be asked for

	Emitted, IDs, StateBytes     int64
	StateFails                   bool
	ConnectBudget, Collisions    int64
	Version                      string // of this program; empty: not told
	MinutesThin, MinutesUnproven int64
	Archives                     bool // there are some
	ArchiveErrors                int64
	Feedback                     bool // Telegraf says what it drops
	Dropped                      int64
	Wall                         int64 // this host's clock, Unix ns
	Road                         Road
}

// Point is the metric decahose_stream, at Unix ns.
func (s *Stream) Point(label string, at int64) point.Point {
	pt := newPoint(label, "decahose_stream", at)
	pt.Fields = []point.Field{
		{Key: "connections_live", Value: s.ConnectionsLive},
		{Key: "connections_wanted", Value: s.ConnectionsWanted},
		{Key: "partitions_live", Value: s.PartitionsLive},
		{Key: "partitions_wanted", Value: s.PartitionsWanted},
		{Key: "gaps_open", Value: s.GapsOpen},
		{Key: "minutes_missing", Value: s.MinutesMissing},
		{Key: "minutes_recovered", Value: s.MinutesRecovered},
		{Key: "minutes_lost", Value: s.MinutesLost},
	}
	if s.FirstMissing != 0 { // absent where nothing is missing: 0 would read as an alarm
		left := timeline.MinuteOf(s.FirstMissing).Milli() + s.Horizon.Milliseconds() - s.Present
		pt.Fields = append(pt.Fields, point.Field{Key: "next_expiry_ms", Value: max(0, left)})
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "emitted", Value: s.Emitted},
		point.Field{Key: "dedup_ids", Value: s.IDs},
		point.Field{Key: "state_bytes", Value: s.StateBytes},
		point.Field{Key: "state_ok", Value: !s.StateFails},
		point.Field{Key: "connect_budget", Value: s.ConnectBudget},
		point.Field{Key: "time_collisions", Value: s.Collisions})
	if s.Version != "" {
		pt.Fields = append(pt.Fields, point.Field{Key: "version", Value: s.Version})
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "minutes_thin", Value: s.MinutesThin},
		point.Field{Key: "minutes_unproven", Value: s.MinutesUnproven})
	if s.Archives {
		pt.Fields = append(pt.Fields, point.Field{Key: "archive_errors", Value: s.ArchiveErrors})
	}
	pt.Fields = append(pt.Fields, s.delivery()...)
	return pt
}

// delivery says how Tweets reach the outputs, nothing where that is not known.
func (s *Stream) delivery() []point.Field {
	road := &s.Road
	if road.State == "" {
		return nil
	}
	waited := int64(0)
	if !road.Oldest.IsZero() {
		waited = max(0, s.Wall-road.Oldest.UnixNano()) / 1e6
	}
	fields := []point.Field{
		{Key: "undelivered", Value: road.Undelivered},
		{Key: "oldest_undelivered_ms", Value: waited},
		{Key: "spooled", Value: road.Spooled},
		{Key: "spool_bytes", Value: road.SpoolBytes},
		{Key: "refused", Value: road.Refused},
		{Key: "retries", Value: road.Retries},
		{Key: "delivery_state", Value: road.State}}
	if s.Feedback {
		fields = append(fields, point.Field{Key: "dropped", Value: s.Dropped})
	}
	return fields
}

func newPoint(label, name string, at int64, tags ...point.Tag) point.Point {
	return point.Point{Name: name, Time: at, Tags: append([]point.Tag{{Key: "stream_label", Value: label}}, tags...)}
}
