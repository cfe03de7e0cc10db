package report

import (
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Counters of one connection.
type Counters struct {
	Tweets, First, Missed            int64
	Copies                           ledger.Copies
	Malformed, Notices, Heartbeats   int64
	Bytes, WireBytes                 int64
	Connects, Disconnects, Backfills int64
	Status                           int    // HTTP status of the last answer
	Class                            string // of the last end
	LagMilli                         int64
}

// Tally counts what a batch was on the wire.
func (k *Counters) Tally(b *wire.Batch) {
	k.Bytes += int64(b.Bytes)
	k.WireBytes += int64(b.WireBytes)
	k.Heartbeats += int64(b.Heartbeats)
}

// LastClass is why the connection ended last, in words.
func (k *Counters) LastClass() string {
	if k.Class == "" {
		return "no Tweet yet"
	}
	return k.Class
}

// Connection is one at a moment.
type Connection struct {
	Partition, Index int
	Connected        bool
	ConnectedMilli   int64 // for how long it is
	*Counters
}

// Point is the metric decahose_connection, at Unix ns.
func (k *Connection) Point(label string, at int64) point.Point {
	pt := newPoint(label, "decahose_connection", at,
		point.Tag{Key: "partition", Value: strconv.Itoa(k.Partition)},
		point.Tag{Key: "connection", Value: strconv.Itoa(k.Index)})
	pt.Fields = []point.Field{
		{Key: "connected", Value: k.Connected},
		{Key: "records", Value: k.Tweets + k.Malformed + k.Notices},
		{Key: "tweets", Value: k.Tweets},
		{Key: "duplicates", Value: k.Copies.Sum()},
		{Key: "duplicates_redundant", Value: k.Copies[ledger.Redundant]},
		{Key: "duplicates_backfill", Value: k.Copies[ledger.Backfill]},
		{Key: "first", Value: k.First},
		{Key: "missed", Value: k.Missed},
		{Key: "malformed", Value: k.Malformed},
		{Key: "notices", Value: k.Notices},
		{Key: "heartbeats", Value: k.Heartbeats},
		{Key: "bytes", Value: k.Bytes},
		{Key: "wire_bytes", Value: k.WireBytes},
		{Key: "connects", Value: k.Connects},
		{Key: "disconnects", Value: k.Disconnects},
		{Key: "backfill_requests", Value: k.Backfills},
		{Key: "http_status", Value: int64(k.Status)},
		{Key: "last_error", Value: k.Class},
		{Key: "lag_ms", Value: k.LagMilli},
		{Key: "connected_ms", Value: k.ConnectedMilli},
	}
	return pt
}
