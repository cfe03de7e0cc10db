package recording

import (
	"fmt"
	"strconv"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Step is one event as it was recorded, and what became of it. It is valid until the next one is read.
type Step struct {
	Now     time.Time
	Event   core.Event
	Decided Decided
}

const (
	// maxSize bounds a record as it is decided again: of a longer one the ledger's bytes are fewer.
	maxSize = 1 << 20
	// maxBatch bounds those of a batch together; a live one has 64 KiB and its last record.
	maxBatch = 16 << 20
)

// decoder is the inverse of encoder.
type decoder struct {
	values
	conns int // indices of connections and requests are below it
	now   time.Time
	wall  int64
	id    snowflake.ID
	slab  []byte
	batch wire.Batch
}

// step reads a frame's content.
func (d *decoder) step(content []byte) (s Step, err error) {
	d.values = values{rest: content}
	s.Event.Kind = core.Kind(d.upTo(uint64(core.Final)))
	flags := d.upTo(0x7f)
	ev := &s.Event
	ev.Full, ev.Behind, ev.Unread, ev.UnreadRequests, ev.Drained = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0, flags&16 != 0
	if flags&32 != 0 {
		ev.Err = "an error"
	}
	ev.Conn = d.upTo(uint64(max(0, d.conns-1)))
	passed := d.int()
	d.now = d.now.Add(time.Duration(passed))
	s.Now = d.now
	if flags&64 == 0 {
		d.wall += passed + d.int()
		ev.Wall = d.wall
	}
	d.content(ev)
	s.Decided = d.decided()
	if d.err == nil && len(d.rest) > 0 {
		d.fail()
	}
	return s, d.err
}

func (d *decoder) content(ev *core.Event) {
	switch ev.Kind {
	case core.Received:
		ev.Batch = d.readBatch()
	case core.Ended:
		ev.End.Class, ev.End.Opened = d.class(), d.upTo(1) == 1
		ev.End.Status, ev.End.Message = int(d.int()), Meaning(d.upTo(0xff)).message()
	case core.Read:
		ev.Minute = timeline.Minute(d.int())
	case core.Loaded:
		ev.Minute, ev.IDs = timeline.Minute(d.int()), d.ids()
	case core.Written:
		ev.Tweets = d.int()
	case core.Delivered:
		ev.Sent, ev.Refused = d.sent(), d.sent()
	case core.Reported:
		ev.Report = d.report()
	case core.Committed:
		ev.Bytes = d.int()
	case core.Ordered:
		ev.Orders = d.orders()
	case core.Poll, core.Final:
		ev.Road = d.road()
	}
}

func (d *decoder) nextID() snowflake.ID {
	d.id += snowflake.ID(d.int())
	return d.id
}

func (d *decoder) ids() (ids []snowflake.ID) {
	for range d.count() {
		ids = append(ids, d.nextID())
	}
	return ids
}

func (d *decoder) sent() (sent []ledger.Sent) {
	for range d.count() {
		sent = append(sent, ledger.Sent{ID: d.nextID(), Partition: int32(d.int())})
	}
	return sent
}

func (d *decoder) report() feedback.Report {
	r := feedback.Report{Output: "output " + strconv.Itoa(1+d.upTo(maxOutputs))}
	for _, n := range [...]*int64{&r.At, &r.Added, &r.Written, &r.Dropped, &r.Rejected, &r.Filtered, &r.Size, &r.Limit} {
		*n = d.int()
	}
	return r
}

func (d *decoder) orders() (orders []ledger.Order) {
	for range d.count() {
		o := ledger.Order{Kind: "unknown"}
		if k := d.upTo(uint64(len(orderKinds))); k > 0 {
			o.Kind = orderKinds[k-1]
		}
		o.ID, o.Partition = d.int(), int(d.int())
		o.From, o.To = timeline.Minute(d.int()), timeline.Minute(d.int())
		o.Sent = d.sent()
		orders = append(orders, o)
	}
	return orders
}

func (d *decoder) road() (r report.Road) {
	r.State = d.class()
	if d.upTo(1) == 0 {
		r.Oldest = time.Unix(0, d.int())
	}
	for _, n := range [...]*int64{&r.Undelivered, &r.Spooled, &r.SpoolBytes, &r.Refused, &r.Retries} {
		*n = d.int()
	}
	return r
}

// readBatch makes records that the core takes as those that were.
func (d *decoder) readBatch() *wire.Batch {
	b := &d.batch
	b.Frames, d.slab = b.Frames[:0], d.slab[:0]
	b.Bytes, b.WireBytes, b.Heartbeats = d.upTo(1<<40), d.upTo(1<<40), d.upTo(1<<40)
	var ends []int // of each frame in the slab, which may still move
	for range d.count() {
		tag := d.uint()
		kind, size := int(tag&7), int(min(tag>>3, maxSize))
		if kind >= frameKinds || len(d.slab)+size > maxBatch {
			d.fail()
		}
		if d.err != nil {
			break
		}
		b.Frames = append(b.Frames, d.frame(kind, size))
		ends = append(ends, len(d.slab))
	}
	from := 0
	for i, end := range ends {
		b.Frames[i].Data, from = d.slab[from:end:end], end
	}
	return b
}

// frame appends the data of one record to the slab.
func (d *decoder) frame(kind, size int) wire.Frame {
	f, from := wire.Frame{Kind: wire.Record}, len(d.slab)
	if kind < notice {
		f.ID = d.nextID()
	}
	switch kind {
	case wholeRecord, repairedRecord:
		d.slab = fmt.Appendf(d.slab, `{"id":%d,"text":"x`, int64(f.ID))
		if kind == repairedRecord {
			d.slab = append(d.slab, 0xff)
		}
		d.pad(from + size - 2)
		d.slab = append(d.slab, `"}`...)
	case otherRecord:
		d.slab = d.notice(d.slab, fmt.Sprintf(`"id":%d,`, int64(f.ID)))
		d.pad(from + size) // where a Tweet has its id, it is counted as a copy of that, with its bytes
	case notice:
		f.Kind = wire.Notice
		d.slab = d.notice(d.slab, "")
	case malformed:
		f.Kind = wire.Malformed
		d.pad(from + size)
	case brokenRecord:
		d.slab = append(d.slab, '{')
		d.pad(from + size)
	}
	return f
}

const padding = "                                                                "

func (d *decoder) pad(to int) {
	for len(d.slab) < to {
		d.slab = append(d.slab, padding[:min(len(padding), to-len(d.slab))]...)
	}
}
