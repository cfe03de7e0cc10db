package recording

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// encoder turns steps into frames of one file after another.
type encoder struct {
	now     time.Time
	wall    int64
	id      snowflake.ID // the last one written
	outputs []string     // whose buffers were reported: their names stay here
	parser  *tweet.Parser
	parsed  tweet.Tweet
	known   knownIDs
	sum     []byte // what a decision is summed from
}

func newEncoder() *encoder { return &encoder{parser: tweet.NewParser(false)} }

// begin says that a new file begins now.
func (e *encoder) begin(now time.Time, wall int64) {
	e.now, e.wall, e.id = now, wall, 0
}

// step appends a step's content to dst.
func (e *encoder) step(dst []byte, now time.Time, ev *core.Event, out *core.Ready) []byte {
	passed := now.Sub(e.now).Nanoseconds()
	dst = append(dst, byte(ev.Kind), flagsOf(ev.Full, ev.Behind, ev.Unread, ev.UnreadRequests, ev.Drained, ev.Err != "", ev.Wall == 0))
	dst = binary.AppendUvarint(dst, uint64(ev.Conn))
	dst = binary.AppendVarint(dst, passed)
	if ev.Wall != 0 {
		dst = binary.AppendVarint(dst, ev.Wall-e.wall-passed)
		e.wall = ev.Wall
	}
	e.now = now
	dst = e.content(dst, ev, out)
	return e.decisions(dst, out)
}

// content is what an event of its kind brings.
func (e *encoder) content(dst []byte, ev *core.Event, out *core.Ready) []byte {
	switch ev.Kind {
	case core.Received:
		return e.batch(dst, ev.Batch, out)
	case core.Ended:
		dst = append(appendClass(dst, ev.End.Class), flagsOf(ev.End.Opened))
		dst = binary.AppendVarint(dst, int64(ev.End.Status))
		return binary.AppendUvarint(dst, uint64(meaningOf(ev.End.Message)))
	case core.Read:
		return binary.AppendVarint(dst, int64(ev.Minute))
	case core.Loaded:
		return e.ids(binary.AppendVarint(dst, int64(ev.Minute)), ev.IDs)
	case core.Written:
		return binary.AppendVarint(dst, ev.Tweets)
	case core.Delivered:
		return e.sent(e.sent(dst, ev.Sent), ev.Refused)
	case core.Reported:
		return e.report(dst, ev, out)
	case core.Committed:
		return binary.AppendVarint(dst, ev.Bytes)
	case core.Ordered:
		return e.orders(dst, ev.Orders)
	case core.Poll, core.Final:
		return appendRoad(dst, &ev.Road)
	}
	return dst
}

func (e *encoder) delta(dst []byte, id snowflake.ID) []byte {
	dst = binary.AppendVarint(dst, int64(id-e.id))
	e.id = id
	return dst
}

func (e *encoder) ids(dst []byte, ids []snowflake.ID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = e.delta(dst, id)
	}
	return dst
}

func (e *encoder) sent(dst []byte, sent []ledger.Sent) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(sent)))
	for _, t := range sent {
		dst = binary.AppendVarint(e.delta(dst, t.ID), int64(t.Partition))
	}
	return dst
}

// maxOutputs is how many outputs are told apart; the core remembers fewer.
const maxOutputs = 255

func (e *encoder) report(dst []byte, ev *core.Event, out *core.Ready) []byte {
	if out.Feedback != nil && out.Feedback.Dropped > 0 {
		e.known = knownIDs{} // some of them may be taken again
	}
	at := slices.Index(e.outputs, ev.Report.Output)
	if at < 0 && len(e.outputs) < maxOutputs {
		at, e.outputs = len(e.outputs), append(e.outputs, ev.Report.Output)
	}
	if at < 0 {
		at = maxOutputs
	}
	r := &ev.Report
	dst = binary.AppendUvarint(dst, uint64(at))
	for _, n := range [...]int64{r.At, r.Added, r.Written, r.Dropped, r.Rejected, r.Filtered, r.Size, r.Limit} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// orderKinds are those of ledger.Order.
var orderKinds = []ledger.OrderKind{ledger.OrderRecover, ledger.OrderForget, ledger.OrderRepair, ledger.OrderAgain}

func (e *encoder) orders(dst []byte, orders []ledger.Order) []byte {
	e.known = knownIDs{}
	dst = binary.AppendUvarint(dst, uint64(len(orders)))
	for i := range orders {
		o := &orders[i]
		dst = binary.AppendUvarint(dst, uint64(1+slices.Index(orderKinds, o.Kind)))
		for _, n := range [...]int64{o.ID, int64(o.Partition), int64(o.From), int64(o.To)} {
			dst = binary.AppendVarint(dst, n)
		}
		dst = e.sent(dst, o.Sent)
	}
	return dst
}

func appendRoad(dst []byte, r *report.Road) []byte {
	dst = append(appendClass(dst, r.State), flagsOf(r.Oldest.IsZero()))
	if !r.Oldest.IsZero() {
		dst = binary.AppendVarint(dst, r.Oldest.UnixNano())
	}
	for _, n := range [...]int64{r.Undelivered, r.Spooled, r.SpoolBytes, r.Refused, r.Retries} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// What a frame of a batch is to the core.
const (
	wholeRecord    = iota // a Tweet, or a copy of one
	repairedRecord        // the same, with text that is not UTF-8
	brokenRecord          // with an id, and no valid JSON
	otherRecord           // valid JSON with an id, and no Tweet
	notice
	malformed
	frameKinds
)

// batch appends what the core reads in a batch: of a record that is its id, its size, and whether it is a Tweet.
func (e *encoder) batch(dst []byte, b *wire.Batch, out *core.Ready) []byte {
	for _, n := range [...]int{b.Bytes, b.WireBytes, b.Heartbeats, len(b.Frames)} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	fresh := out.Tweets
	for i := range b.Frames {
		f := &b.Frames[i]
		kind := malformed
		switch {
		case f.Kind == wire.Record && len(fresh) > 0 && fresh[0].ID == f.ID:
			kind = e.emitted(&fresh[0])
			fresh = fresh[1:]
		case f.Kind == wire.Record:
			kind = e.judge(f)
		case f.Kind == wire.Notice:
			kind = notice
		}
		dst = binary.AppendUvarint(dst, uint64(len(f.Data))<<3|uint64(kind))
		if kind < notice {
			dst = e.delta(dst, f.ID)
		}
		if kind == notice || kind == otherRecord {
			dst = appendNotice(dst, f.Data)
		}
	}
	return dst
}

func (e *encoder) emitted(t *tweet.Tweet) int {
	e.known.add(t.ID)
	if t.Repaired {
		return repairedRecord
	}
	return wholeRecord
}

// judge says what a record is that was not emitted: a copy of one that was a moment ago is what that was, for the core does
// not read it. Others are parsed, as the core did or will.
func (e *encoder) judge(f *wire.Frame) int {
	if e.known.has(f.ID) {
		return wholeRecord
	}
	e.parser.Reset()
	switch err := e.parser.Parse(f.Data, &e.parsed); {
	case err == tweet.ErrNotTweet:
		return otherRecord
	case err != nil || e.parsed.ID != f.ID:
		return brokenRecord
	case e.parsed.Repaired:
		return repairedRecord
	}
	return wholeRecord
}

// knownIDs remembers ids that were emitted lately: in each place the last one that belongs there.
type knownIDs [1 << 15]snowflake.ID

func (k *knownIDs) place(id snowflake.ID) *snowflake.ID {
	return &k[uint64(id)*0x9e3779b97f4a7c15>>49]
}

func (k *knownIDs) add(id snowflake.ID)      { *k.place(id) = id }
func (k *knownIDs) has(id snowflake.ID) bool { return *k.place(id) == id && id != 0 }
