package engine

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// queueMost is how many closed batches wait for a sink; then no more records are taken, the connections block, and the
// sockets are left unread.
const queueMost = 8

// laneMost is how many bytes of closed batches wait for a sink, if that is reached first: a batch is as long as the
// records that made it due.
const laneMost = 8 << 20

// lookAgain is how often a sink is asked that does not want an old batch; it wants it when what it has is gone, and that
// is mostly heard of.
const lookAgain = 100 * time.Millisecond

// item is one closed batch on its way through a sink and back.
type item struct {
	batch  encode.Batch
	size   int // of the batch, in bytes
	tweets int64
	err    error
}

// lane leads to one sink. The engine's goroutine owns it; a goroutine of its own, which may block on the sink, hears
// of batches through queue and answers through back.
type lane struct {
	sink   encode.Sink
	queue  chan item
	back   chan item // written
	queued int       // batches in queue, in Write or in back
	bytes  int       // of those
	since  time.Time // when the first was added to the open batch; zero: it is empty
	tweets int64     // in the open batch
}

func newLane(sink encode.Sink, depth int) *lane {
	return &lane{sink: sink, queue: make(chan item, depth), back: make(chan item, depth)}
}

// carry is the goroutine that may block on the sink.
func (l *lane) carry(r *run) {
	for it := range l.queue {
		it.err = l.sink.Write(r.write, it.batch)
		l.back <- it // has room for all that may be queued
	}
}

// full reports whether the sink is so far behind that nothing more may be added.
func (l *lane) full(now time.Time) bool { return !l.room() && l.due(now) }

func (l *lane) room() bool { return l.queued < cap(l.queue) && l.bytes < laneMost }

func (l *lane) due(now time.Time) bool { return !l.since.IsZero() && l.sink.Due(now.Sub(l.since)) }

// idle reports whether nothing is on its way.
func (l *lane) idle() bool { return l.queued == 0 && l.sink.Pending() == 0 }

// flush closes the open batch when it is due and the queue has room.
func (l *lane) flush(now time.Time) {
	if l.since.IsZero() && l.sink.Pending() > 0 {
		l.since = now
	}
	if l.due(now) {
		l.send()
	}
}

// send hands the open batch to the sink, if there is one and the queue has room.
func (l *lane) send() {
	if l.room() && l.sink.Pending() > 0 {
		b := l.sink.Take()
		size := b.Size()
		l.queue <- item{batch: b, size: size, tweets: l.tweets}
		l.queued++
		l.bytes += size
		l.tweets, l.since = 0, time.Time{}
	}
}

// wake is when the open batch should be looked at again; at where that is earlier.
func (l *lane) wake(now, at time.Time) time.Time {
	if l.since.IsZero() || !l.room() {
		return at
	}
	next := l.since.Add(encode.FlushAfter)
	if !next.After(now) { // the sink has no use for it yet
		next = now.Add(lookAgain)
	}
	if next.Before(at) {
		return next
	}
	return at
}

// took takes back a batch that was written, or was not.
func (l *lane) took(it item) error {
	l.queued--
	l.bytes -= it.size
	if it.err != nil {
		return fmt.Errorf("write batch: %w", it.err)
	}
	return nil
}
