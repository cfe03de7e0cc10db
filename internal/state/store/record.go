package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
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

var minutes = &sqlfile.Table[ledger.MinuteRecord]{
	Name:    "minutes",
	Summed:  summed,
	Columns: "partition, minute, received, uniques, duplicate, late, emitted, bytes, connections, covered, state, digest",
	Key:     func(r *ledger.MinuteRecord) int64 { return key(r.Minute, r.Partition) },
	Values: func(r *ledger.MinuteRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Received, r.Unique, r.Duplicate, r.Late, r.Emitted, r.Bytes,
			r.Connections, spansText(r.Minute, r.Covered), r.State.String(), fmt.Sprintf("%016x", r.Digest)}
	},
	Record: func(f *sqlfile.Taken) (r ledger.MinuteRecord, err error) {
		f.Int()
		r.Partition, r.Minute = int(f.Int()), timeline.Minute(f.Int())
		for _, to := range []*int64{&r.Received, &r.Unique, &r.Duplicate, &r.Late, &r.Emitted, &r.Bytes, &r.Connections} {
			*to = f.Int()
		}
		if r.Covered, err = parseSpans(r.Minute, f.Text()); err != nil {
			return r, err
		}
		if r.State, err = parseName(f.Text(), ledger.Lost); err != nil {
			return r, err
		}
		r.Digest, err = strconv.ParseUint(f.Text(), 16, 64)
		return r, err
	},
}

var copies = &sqlfile.Table[ledger.CopyRecord]{
	Name:    "copies",
	Summed:  summed,
	Since:   3,
	Columns: "partition, minute, backfill, replay",
	Key:     func(r *ledger.CopyRecord) int64 { return key(r.Minute, r.Partition) },
	Values: func(r *ledger.CopyRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Backfill, r.Replay}
	},
	Record: func(f *sqlfile.Taken) (ledger.CopyRecord, error) {
		f.Int()
		return ledger.CopyRecord{Partition: int(f.Int()), Minute: timeline.Minute(f.Int()), Backfill: f.Int(), Replay: f.Int()}, nil
	},
}

var hours = &sqlfile.Table[ledger.HourRecord]{
	Name:    "hours",
	Summed:  summed,
	Since:   3,
	Columns: "partition, hour, uniques",
	Key:     func(r *ledger.HourRecord) int64 { return hourKey(r.Hour, r.Partition) },
	Values: func(r *ledger.HourRecord) []any {
		return []any{int64(r.Partition), r.Hour, volumesText(r)}
	},
	Record: func(f *sqlfile.Taken) (r ledger.HourRecord, err error) {
		f.Int()
		r.Partition, r.Hour = int(f.Int()), f.Int()
		return r, parseVolumes(f.Text(), &r)
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
		return fmt.Errorf("%d minutes in an hour", len(parts))
	}
	for i, part := range parts {
		r.Unique[i] = ledger.Unknown
		if part == "" {
			continue
		}
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return err
		}
		r.Unique[i] = int32(n)
	}
	return nil
}

var deliveries = &sqlfile.Table[ledger.DeliveryRecord]{
	Name:    "deliveries",
	Summed:  summed,
	Since:   2,
	Columns: "partition, minute, delivered, refused, untracked, delivered_digest",
	Key:     func(r *ledger.DeliveryRecord) int64 { return key(r.Minute, r.Partition) },
	Values: func(r *ledger.DeliveryRecord) []any {
		return []any{int64(r.Partition), int64(r.Minute), r.Delivered, r.Refused, r.Untracked, fmt.Sprintf("%016x", r.DeliveredDigest)}
	},
	Record: func(f *sqlfile.Taken) (r ledger.DeliveryRecord, err error) {
		f.Int()
		r.Partition, r.Minute = int(f.Int()), timeline.Minute(f.Int())
		r.Delivered, r.Refused, r.Untracked = f.Int(), f.Int(), f.Int()
		r.DeliveredDigest, err = strconv.ParseUint(f.Text(), 16, 64)
		return r, err
	},
}

var repairs = &sqlfile.Table[ledger.RepairRecord]{
	Name:    "repairs",
	Summed:  summed,
	Since:   4,
	Columns: "times, at_ns, pending",
	Key:     func(r *ledger.RepairRecord) int64 { return firstKey(r.Minute) },
	Values:  func(r *ledger.RepairRecord) []any { return []any{r.Times, r.At, idsText(r.Pending)} },
	Record: func(f *sqlfile.Taken) (r ledger.RepairRecord, err error) {
		r = ledger.RepairRecord{Minute: timeline.Minute(f.Int() >> partitionBits), Times: f.Int(), At: f.Int()}
		r.Pending, err = parseIDs(f.Text())
		return r, err
	},
}

var gone = &sqlfile.Table[ledger.GoneRecord]{
	Name:    "gone",
	Summed:  summed,
	Since:   5,
	Columns: "tweets",
	Key:     func(r *ledger.GoneRecord) int64 { return firstKey(r.Minute) },
	Values:  func(r *ledger.GoneRecord) []any { return []any{idsText(r.IDs)} },
	Record: func(f *sqlfile.Taken) (r ledger.GoneRecord, err error) {
		r.Minute = timeline.Minute(f.Int() >> partitionBits)
		r.IDs, err = parseIDs(f.Text())
		return r, err
	},
}

var fills = &sqlfile.Table[ledger.FillRecord]{
	Name:    "fills",
	Summed:  summed,
	Since:   5,
	Columns: "state, filled_by, held, expected, times, at_ns",
	Key:     func(r *ledger.FillRecord) int64 { return firstKey(r.Minute) },
	Values: func(r *ledger.FillRecord) []any {
		return []any{r.State.String(), r.By, r.Held, r.Expected, r.Times, r.At}
	},
	Record: func(f *sqlfile.Taken) (r ledger.FillRecord, err error) {
		r.Minute = timeline.Minute(f.Int() >> partitionBits)
		if r.State, err = parseName(f.Text(), ledger.FillThin); err != nil {
			return r, err
		}
		r.By, r.Held, r.Expected, r.Times, r.At = f.Text(), f.Int(), f.Int(), f.Int(), f.Int()
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
	return ids, err
}

// orderTweets are the Tweets of an order, in a row of their own: most orders have none.
type orderTweets struct {
	id   int64
	sent []ledger.Sent
}

var ordersTweets = &sqlfile.Table[orderTweets]{
	Name:    "order_tweets",
	Summed:  summed,
	Since:   4,
	Columns: "tweets",
	Key:     func(r *orderTweets) int64 { return r.id },
	Values:  func(r *orderTweets) []any { return []any{ledger.SentText(r.sent)} },
	Record: func(f *sqlfile.Taken) (r orderTweets, err error) {
		r.id = f.Int()
		r.sent, err = ledger.ParseSent(f.Text())
		return r, err
	},
}

var gaps = &sqlfile.Table[ledger.GapRecord]{
	Name:    "gaps",
	Summed:  summed,
	Columns: "partition, from_ms, to_ms, state, cause, filled_by, tweets, dark, opened_ns, asked",
	Key:     func(r *ledger.GapRecord) int64 { return key(r.First(), r.Partition) },
	Values: func(r *ledger.GapRecord) []any {
		return []any{int64(r.Partition), r.Span.From, r.Span.To, r.State.String(), r.Cause, r.FilledBy, r.Tweets,
			number(r.Dark), r.Opened, r.Asked}
	},
	Record: func(f *sqlfile.Taken) (r ledger.GapRecord, err error) {
		f.Int()
		r.Partition, r.Span = int(f.Int()), timeline.Span{From: f.Int(), To: f.Int()}
		if r.State, err = parseName(f.Text(), ledger.GapLost); err != nil {
			return r, err
		}
		r.Cause, r.FilledBy, r.Tweets, r.Dark = f.Text(), f.Text(), f.Int(), f.Bool()
		r.Opened, r.Asked = f.Int(), f.Int()
		return r, nil
	},
}

// gapStep is a step at its place in the list.
type gapStep struct {
	id int64
	ledger.StepRecord
}

var steps = &sqlfile.Table[gapStep]{
	Name:    "steps",
	Summed:  summed,
	Since:   6,
	Columns: "partition, minute, step, at_ns",
	Key:     func(r *gapStep) int64 { return r.id },
	Values:  func(r *gapStep) []any { return []any{int64(r.Partition), int64(r.First), r.Text, r.At} },
	Record: func(f *sqlfile.Taken) (gapStep, error) {
		return gapStep{f.Int(), ledger.StepRecord{Partition: int(f.Int()), First: timeline.Minute(f.Int()), Text: f.Text(), At: f.Int()}}, nil
	},
}

var partitions = &sqlfile.Table[ledger.PartitionRecord]{
	Name:    "partitions",
	Summed:  summed,
	Columns: "begin_ms, position_ms",
	Key:     func(r *ledger.PartitionRecord) int64 { return int64(r.Partition) },
	Values:  func(r *ledger.PartitionRecord) []any { return []any{r.Begin, r.Position} },
	Record: func(f *sqlfile.Taken) (ledger.PartitionRecord, error) {
		return ledger.PartitionRecord{Partition: int(f.Int()), Begin: f.Int(), Position: f.Int()}, nil
	},
}

var requests = &sqlfile.Table[ledger.RequestRecord]{
	Name:    "requests",
	Summed:  summed,
	Columns: "method, partition, from_minute, to_minute, at_ns, ended_ns, status, result, tweets, new",
	Key:     func(r *ledger.RequestRecord) int64 { return r.ID },
	Values: func(r *ledger.RequestRecord) []any {
		return []any{r.Method, int64(r.Partition), int64(r.From), int64(r.To), r.At, r.Ended, r.Status, r.Result, r.Tweets, r.New}
	},
	Record: func(f *sqlfile.Taken) (ledger.RequestRecord, error) {
		return ledger.RequestRecord{ID: f.Int(), Method: f.Text(), Partition: int(f.Int()),
			From: timeline.Minute(f.Int()), To: timeline.Minute(f.Int()), At: f.Int(), Ended: f.Int(),
			Status: f.Int(), Result: f.Text(), Tweets: f.Int(), New: f.Int()}, nil
	},
}

var connects = &sqlfile.Table[connect]{
	Name:    "connects",
	Summed:  summed,
	Columns: "at_ns",
	Key:     func(r *connect) int64 { return r.id },
	Values:  func(r *connect) []any { return []any{r.at} },
	Record:  func(f *sqlfile.Taken) (connect, error) { return connect{f.Int(), f.Int()}, nil },
}

var moments = &sqlfile.Table[moment]{
	Name:    "moment",
	Summed:  summed,
	Columns: "wall_ns, stream_ms, boot, uptime_ns, clean",
	Key:     func(*moment) int64 { return 1 },
	Values: func(r *moment) []any {
		return []any{r.Wall, r.Stream, r.Boot, r.Uptime, number(r.clean)}
	},
	Record: func(f *sqlfile.Taken) (moment, error) {
		f.Int()
		m := ledger.Moment{Wall: f.Int(), Stream: f.Int(), Boot: f.Text(), Uptime: f.Int()}
		return moment{m, f.Bool()}, nil
	},
}

var orders = &sqlfile.Table[ledger.Order]{
	Name:    "orders",
	Summed:  summed,
	Columns: "kind, partition, from_minute, to_minute",
	Key:     func(r *ledger.Order) int64 { return r.ID },
	Values: func(r *ledger.Order) []any {
		return []any{string(r.Kind), int64(r.Partition), int64(r.From), int64(r.To)}
	},
	Record: func(f *sqlfile.Taken) (ledger.Order, error) {
		return ledger.Order{ID: f.Int(), Kind: ledger.OrderKind(f.Text()), Partition: int(f.Int()),
			From: timeline.Minute(f.Int()), To: timeline.Minute(f.Int())}, nil
	},
}

var answers = &sqlfile.Table[ledger.Answer]{
	Name:    "answers",
	Summed:  summed,
	Columns: "text, err",
	Key:     func(r *ledger.Answer) int64 { return r.Order },
	Values:  func(r *ledger.Answer) []any { return []any{r.Text, number(r.Err)} },
	Record: func(f *sqlfile.Taken) (ledger.Answer, error) {
		return ledger.Answer{Order: f.Int(), Text: f.Text(), Err: f.Bool()}, nil
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
			return nil, err
		}
		t, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return nil, err
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
	return 0, fmt.Errorf("no state %q", name)
}
