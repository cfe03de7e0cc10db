package engine

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// maxQueue is how many closed batches wait for a sink; then no more records are taken, the connections block, and the
// sockets are left unread.
const maxQueue = 8

// maxQueueBytes is how many bytes of closed batches wait for a sink, if that is reached first: a batch is as long as the
// records that made it due.
const maxQueueBytes = 8 << 20

// pollInterval is how often a sink is asked that does not want an old batch; it wants it when what it has is gone, and that
// is mostly heard of.
const pollInterval = 100 * time.Millisecond

// item is one closed batch on its way through a sink and back.
type item struct {
	batch  encode.Batch
	size   int // of the batch, in bytes
	tweets int64
	err    error
}

// sinkQueue leads to one sink. The engine's goroutine owns it; a goroutine of its own, which may block on the sink, hears
// of batches through queue and answers through back.
type sinkQueue struct {
	sink   encode.Sink
	queue  chan item
	back   chan item // written
	queued int       // batches in queue, in Write or in back
	bytes  int       // of those
	since  time.Time // when the first was added to the open batch; zero: it is empty
	tweets int64     // in the open batch
}

func newSinkQueue(sink encode.Sink, depth int) *sinkQueue {
	return &sinkQueue{sink: sink, queue: make(chan item, depth), back: make(chan item, depth)}
}

// run is the goroutine that may block on the sink.
func (q *sinkQueue) run(r *run) {
	for it := range q.queue {
		it.err = q.sink.Write(r.write, it.batch)
		q.back <- it // has room for all that may be queued
	}
}

// full reports whether the sink is so far behind that nothing more may be added.
func (q *sinkQueue) full(now time.Time) bool { return !q.room() && q.due(now) }

func (q *sinkQueue) room() bool { return q.queued < cap(q.queue) && q.bytes < maxQueueBytes }

func (q *sinkQueue) due(now time.Time) bool { return !q.since.IsZero() && q.sink.Due(now.Sub(q.since)) }

// idle reports whether nothing is on its way.
func (q *sinkQueue) idle() bool { return q.queued == 0 && q.sink.Pending() == 0 }

// flush closes the open batch when it is due and the queue has room.
func (q *sinkQueue) flush(now time.Time) {
	if q.since.IsZero() && q.sink.Pending() > 0 {
		q.since = now
	}
	if q.due(now) {
		q.send()
	}
}

// send hands the open batch to the sink, if there is one and the queue has room.
func (q *sinkQueue) send() {
	if q.room() && q.sink.Pending() > 0 {
		b := q.sink.Take()
		size := b.Size()
		q.queue <- item{batch: b, size: size, tweets: q.tweets}
		q.queued++
		q.bytes += size
		q.tweets, q.since = 0, time.Time{}
	}
}

// wake is when the open batch should be looked at again; at where that is earlier.
func (q *sinkQueue) wake(now, at time.Time) time.Time {
	if q.since.IsZero() || !q.room() {
		return at
	}
	next := q.since.Add(encode.FlushAfter)
	if !next.After(now) { // the sink has no use for it yet
		next = now.Add(pollInterval)
	}
	if next.Before(at) {
		return next
	}
	return at
}

// took takes back a batch that was written, or was not.
func (q *sinkQueue) took(it item) error {
	q.queued--
	q.bytes -= it.size
	if it.err != nil {
		return fmt.Errorf("write batch: %w", it.err)
	}
	return nil
}
