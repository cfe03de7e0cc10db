package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// partitions of a minute share its 256 keys.
const partitionBits = 8

func key(m timeline.Minute, partition int) int64 { return int64(m)<<partitionBits | int64(partition) }

// firstKey is the smallest key of the minute.
func firstKey(m timeline.Minute) int64 { return key(m, 0) }

// connect is a connect attempt; its key is its place in the list.
type connect struct{ id, at int64 }

// moment is the one row of its table.
type moment struct {
	ledger.Moment
	clean bool
}

var minutes = &table[ledger.MinuteRecord]{
	name:    "minutes",
	columns: "partition, minute, received, uniques, duplicate, late, emitted, bytes, connections, covered, state, digest",
	key:     func(r *ledger.MinuteRecord) int64 { return key(r.Minute, r.Partition) },
	values: func(r *ledger.MinuteRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Received, r.Unique, r.Duplicate, r.Late, r.Emitted, r.Bytes,
			r.Connections, spansText(r.Minute, r.Covered), r.State.String(), fmt.Sprintf("%016x", r.Digest)}
	},
	record: func(f *fields) (r ledger.MinuteRecord, err error) {
		f.int()
		r.Partition, r.Minute = int(f.int()), timeline.Minute(f.int())
		for _, to := range []*int64{&r.Received, &r.Unique, &r.Duplicate, &r.Late, &r.Emitted, &r.Bytes, &r.Connections} {
			*to = f.int()
		}
		if r.Covered, err = parseSpans(r.Minute, f.text()); err != nil {
			return r, err
		}
		if r.State, err = parseName(f.text(), ledger.Lost); err != nil {
			return r, err
		}
		r.Digest, err = strconv.ParseUint(f.text(), 16, 64)
		return r, asRowError(err)
	},
}

var copies = &table[ledger.CopyRecord]{
	name:    "copies",
	since:   3,
	columns: "partition, minute, backfill, replay",
	key:     func(r *ledger.CopyRecord) int64 { return key(r.Minute, r.Partition) },
	values: func(r *ledger.CopyRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Backfill, r.Replay}
	},
	record: func(f *fields) (ledger.CopyRecord, error) {
		f.int()
		return ledger.CopyRecord{Partition: int(f.int()), Minute: timeline.Minute(f.int()), Backfill: f.int(), Replay: f.int()}, nil
	},
}

var hours = &table[ledger.HourRecord]{
	name:    "hours",
	since:   3,
	columns: "partition, hour, uniques",
	key:     func(r *ledger.HourRecord) int64 { return hourKey(r.Hour, r.Partition) },
	values: func(r *ledger.HourRecord) []any {
		return []any{int64(r.Partition), r.Hour, volumesText(r)}
	},
	record: func(f *fields) (r ledger.HourRecord, err error) {
		f.int()
		r.Partition, r.Hour = int(f.int()), f.int()
		return r, parseVolumes(f.text(), &r)
	},
}

// hourKey is the key of an hour, counted from 1970, and partition.
func hourKey(hour int64, partition int) int64 { return hour<<partitionBits | int64(partition) }

// volumesText writes an hour's volumes with commas between; what is not known is left out.
func volumesText(r *ledger.HourRecord) string {
	var b []byte
	for i, n := range r.Unique {
		if i > 0 {
			b = append(b, ',')
		}
		if n != ledger.Unknown {
			b = strconv.AppendInt(b, int64(n), 10)
		}
	}
	return string(b)
}

func parseVolumes(text string, r *ledger.HourRecord) error {
	parts := strings.Split(text, ",")
	if len(parts) != len(r.Unique) {
		return fmt.Errorf("%w: %d minutes in an hour", errRow, len(parts))
	}
	for i, part := range parts {
		r.Unique[i] = ledger.Unknown
		if part == "" {
			continue
		}
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return asRowError(err)
		}
		r.Unique[i] = int32(n)
	}
	return nil
}

var deliveries = &table[ledger.DeliveryRecord]{
	name:    "deliveries",
	since:   2,
	columns: "partition, minute, delivered, refused, untracked, delivered_digest",
	key:     func(r *ledger.DeliveryRecord) int64 { return key(r.Minute, r.Partition) },
	values: func(r *ledger.DeliveryRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Delivered, r.Refused, r.Untracked, fmt.Sprintf("%016x", r.DeliveredDigest)}
	},
	record: func(f *fields) (r ledger.DeliveryRecord, err error) {
		f.int()
		r.Partition, r.Minute = int(f.int()), timeline.Minute(f.int())
		r.Delivered, r.Refused, r.Untracked = f.int(), f.int(), f.int()
		r.DeliveredDigest, err = strconv.ParseUint(f.text(), 16, 64)
		return r, asRowError(err)
	},
}

var repairs = &table[ledger.RepairRecord]{
	name:    "repairs",
	since:   4,
	columns: "times, at_ns, pending",
	key:     func(r *ledger.RepairRecord) int64 { return firstKey(r.Minute) },
	values:  func(r *ledger.RepairRecord) []any { return []any{r.Times, r.At, idsText(r.Pending)} },
	record: func(f *fields) (r ledger.RepairRecord, err error) {
		r = ledger.RepairRecord{Minute: timeline.Minute(f.int() >> partitionBits), Times: f.int(), At: f.int()}
		r.Pending, err = parseIDs(f.text())
		return r, err
	},
}

var gone = &table[ledger.GoneRecord]{
	name:    "gone",
	since:   5,
	columns: "tweets",
	key:     func(r *ledger.GoneRecord) int64 { return firstKey(r.Minute) },
	values:  func(r *ledger.GoneRecord) []any { return []any{idsText(r.IDs)} },
	record: func(f *fields) (r ledger.GoneRecord, err error) {
		r.Minute = timeline.Minute(f.int() >> partitionBits)
		r.IDs, err = parseIDs(f.text())
		return r, err
	},
}

var fills = &table[ledger.FillRecord]{
	name:    "fills",
	since:   5,
	columns: "state, filled_by, held, expected, times, at_ns",
	key:     func(r *ledger.FillRecord) int64 { return firstKey(r.Minute) },
	values: func(r *ledger.FillRecord) []any {
		return []any{r.State.String(), r.By, r.Held, r.Expected, r.Times, r.At}
	},
	record: func(f *fields) (r ledger.FillRecord, err error) {
		r.Minute = timeline.Minute(f.int() >> partitionBits)
		if r.State, err = parseName(f.text(), ledger.FillThin); err != nil {
			return r, err
		}
		r.By, r.Held, r.Expected, r.Times, r.At = f.text(), f.int(), f.int(), f.int(), f.int()
		return r, nil
	},
}

// idsText packs ids of no partition.
func idsText(ids []snowflake.ID) string {
	sent := make([]ledger.Sent, len(ids))
	for i, id := range ids {
		sent[i].ID = id
	}
	return ledger.SentText(sent)
}

func parseIDs(text string) (ids []snowflake.ID, err error) {
	sent, err := ledger.ParseSent(text)
	for _, t := range sent {
		ids = append(ids, t.ID)
	}
	return ids, asRowError(err)
}

// orderTweets are the Tweets of an order, in a row of their own: most orders have none.
type orderTweets struct {
	id   int64
	sent []ledger.Sent
}

var ordersTweets = &table[orderTweets]{
	name:    "order_tweets",
	since:   4,
	columns: "tweets",
	key:     func(r *orderTweets) int64 { return r.id },
	values:  func(r *orderTweets) []any { return []any{ledger.SentText(r.sent)} },
	record: func(f *fields) (r orderTweets, err error) {
		r.id = f.int()
		r.sent, err = ledger.ParseSent(f.text())
		return r, asRowError(err)
	},
}

var gaps = &table[ledger.GapRecord]{
	name:    "gaps",
	columns: "partition, from_ms, to_ms, state, cause, filled_by, tweets, dark, opened_ns, asked",
	key:     func(r *ledger.GapRecord) int64 { return key(r.First(), r.Partition) },
	values: func(r *ledger.GapRecord) []any {
		return []any{int64(r.Partition), r.Span.From, r.Span.To, r.State.String(), r.Cause, r.FilledBy, r.Tweets,
			number(r.Dark), r.Opened, r.Asked}
	},
	record: func(f *fields) (r ledger.GapRecord, err error) {
		f.int()
		r.Partition, r.Span = int(f.int()), timeline.Span{From: f.int(), To: f.int()}
		if r.State, err = parseName(f.text(), ledger.GapLost); err != nil {
			return r, err
		}
		r.Cause, r.FilledBy, r.Tweets, r.Dark = f.text(), f.text(), f.int(), f.bool()
		r.Opened, r.Asked = f.int(), f.int()
		return r, nil
	},
}

// gapStep is a step at its place in the list.
type gapStep struct {
	id int64
	ledger.StepRecord
}

var steps = &table[gapStep]{
	name:    "steps",
	since:   6,
	columns: "partition, minute, step, at_ns",
	key:     func(r *gapStep) int64 { return r.id },
	values:  func(r *gapStep) []any { return []any{int64(r.Partition), int64(r.First), r.Text, r.At} },
	record: func(f *fields) (gapStep, error) {
		return gapStep{f.int(), ledger.StepRecord{Partition: int(f.int()), First: timeline.Minute(f.int()), Text: f.text(), At: f.int()}}, nil
	},
}

var partitions = &table[ledger.PartitionRecord]{
	name:    "partitions",
	columns: "begin_ms, position_ms",
	key:     func(r *ledger.PartitionRecord) int64 { return int64(r.Partition) },
	values:  func(r *ledger.PartitionRecord) []any { return []any{r.Begin, r.Position} },
	record: func(f *fields) (ledger.PartitionRecord, error) {
		return ledger.PartitionRecord{Partition: int(f.int()), Begin: f.int(), Position: f.int()}, nil
	},
}

var requests = &table[ledger.RequestRecord]{
	name:    "requests",
	columns: "method, partition, from_minute, to_minute, at_ns, ended_ns, status, result, tweets, new",
	key:     func(r *ledger.RequestRecord) int64 { return r.ID },
	values: func(r *ledger.RequestRecord) []any {
		return []any{r.Method, int64(r.Partition), int64(r.From), int64(r.To), r.At, r.Ended, r.Status, r.Result, r.Tweets, r.New}
	},
	record: func(f *fields) (ledger.RequestRecord, error) {
		return ledger.RequestRecord{ID: f.int(), Method: f.text(), Partition: int(f.int()),
			From: timeline.Minute(f.int()), To: timeline.Minute(f.int()), At: f.int(), Ended: f.int(),
			Status: f.int(), Result: f.text(), Tweets: f.int(), New: f.int()}, nil
	},
}

var connects = &table[connect]{
	name:    "connects",
	columns: "at_ns",
	key:     func(r *connect) int64 { return r.id },
	values:  func(r *connect) []any { return []any{r.at} },
	record:  func(f *fields) (connect, error) { return connect{f.int(), f.int()}, nil },
}

var moments = &table[moment]{
	name:    "moment",
	columns: "wall_ns, stream_ms, boot, uptime_ns, clean",
	key:     func(*moment) int64 { return 1 },
	values: func(r *moment) []any {
		return []any{r.Wall, r.Stream, r.Boot, r.Uptime, number(r.clean)}
	},
	record: func(f *fields) (moment, error) {
		f.int()
		m := ledger.Moment{Wall: f.int(), Stream: f.int(), Boot: f.text(), Uptime: f.int()}
		return moment{m, f.bool()}, nil
	},
}

var orders = &table[ledger.Order]{
	name:    "orders",
	columns: "kind, partition, from_minute, to_minute",
	key:     func(r *ledger.Order) int64 { return r.ID },
	values: func(r *ledger.Order) []any {
		return []any{r.Kind, int64(r.Partition), int64(r.From), int64(r.To)}
	},
	record: func(f *fields) (ledger.Order, error) {
		return ledger.Order{ID: f.int(), Kind: f.text(), Partition: int(f.int()),
			From: timeline.Minute(f.int()), To: timeline.Minute(f.int())}, nil
	},
}

var answers = &table[ledger.Answer]{
	name:    "answers",
	columns: "text, err",
	key:     func(r *ledger.Answer) int64 { return r.Order },
	values:  func(r *ledger.Answer) []any { return []any{r.Text, number(r.Err)} },
	record: func(f *fields) (ledger.Answer, error) {
		return ledger.Answer{Order: f.int(), Text: f.text(), Err: f.bool()}, nil
	},
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// spansText writes spans as from:to,… in ms from the start of the minute.
func spansText(m timeline.Minute, spans []timeline.Span) string {
	var b []byte
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendInt(b, s.From-m.Milli(), 10), ':')
		b = strconv.AppendInt(b, s.To-m.Milli(), 10)
	}
	return string(b)
}

func parseSpans(m timeline.Minute, text string) (spans []timeline.Span, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, _ := strings.Cut(part, ":")
		f, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return nil, asRowError(err)
		}
		t, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return nil, asRowError(err)
		}
		spans = append(spans, timeline.Span{From: m.Milli() + f, To: m.Milli() + t})
	}
	return spans, nil
}

// parseName finds the state of that name; last is the last one there is.
func parseName[S interface {
	~uint8
	fmt.Stringer
}](name string, last S) (S, error) {
	for s := range last + 1 {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: no state %q", errRow, name)
}

func asRowError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errRow, err)
}
