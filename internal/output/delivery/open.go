package delivery

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

const (
	// roomyLinger is how long Tweets wait for a free slot to be worth a small batch; then memory takes it all the same.
	roomyLinger = 250 * time.Millisecond
	// maxLinger is how long they wait for more of them while memory is full, too.
	maxLinger = time.Second
	// maxFreeBytes is the largest buffer that is kept for reuse: one giant must not stay in memory.
	maxFreeBytes = 1 << 20
)

// openBatch is what Take closes: more than one batch where Tweets came faster than they were taken. The engine's
// goroutine owns it.
type openBatch struct {
	batches []*Batch
	tweets  int
	bytes   int
}

// Size is how many bytes there are in it.
func (o *openBatch) Size() int { return o.bytes }

// AddTweet appends t to the open batch. Add, Pending, Due and Take are the engine's goroutine's.
func (d *Delivery) AddTweet(t *tweet.Tweet, partition int) (collided bool) {
	b := d.last()
	size := len(b.Lines)
	b.Lines = encode.AppendTweet(b.Lines, t, d.cfg.Schema)
	b.Tweets = append(b.Tweets, spool.Tweet{Sent: ledger.Sent{ID: t.ID, Partition: int32(partition)}, End: len(b.Lines)})
	if d.cfg.Attach != nil {
		d.cfg.Attach(b, t)
	}
	d.open.tweets++
	d.open.bytes += len(b.Lines) - size
	_, collided = t.ID.Nano()
	return collided
}

// last is the batch that has room for one more Tweet.
func (d *Delivery) last() *Batch {
	if n := len(d.open.batches); n > 0 {
		b := d.open.batches[n-1]
		if len(b.Tweets) < d.cfg.Most && len(b.Lines) < d.cfg.MostBytes {
			return b
		}
	}
	b := d.newBatch()
	d.open.batches = append(d.open.batches, b)
	return b
}

func (d *Delivery) newBatch() *Batch {
	select {
	case b := <-d.free:
		return b
	default:
		return &Batch{}
	}
}

// recycle takes back a batch that nobody else uses any more.
func (d *Delivery) recycle(b *Batch) {
	if cap(b.Lines) > maxFreeBytes {
		return
	}
	b.Lines, b.Tweets, b.Attached = b.Lines[:0], b.Tweets[:0], nil
	select {
	case d.free <- b:
	default:
	}
}

// Pending is the size of the open batch in bytes.
func (d *Delivery) Pending() int { return d.open.bytes }

// Due reports whether the open batch, whose first Tweet was added age ago, should be taken now. It says yes after
// maxLinger at the latest; who asks must ask again then.
func (d *Delivery) Due(age time.Duration) bool {
	switch {
	case d.open.tweets == 0:
		return false
	case d.open.tweets >= d.cfg.Most || d.open.bytes >= d.cfg.MostBytes || age >= maxLinger:
		return true
	case age >= roomyLinger:
		return d.roomy.Load()
	}
	return age >= encode.FlushAfter && d.slot.Load()
}

// Take closes the open batch and returns it.
func (d *Delivery) Take() encode.Batch {
	b := d.open
	d.open = openBatch{batches: make([]*Batch, 0, max(1, len(b.batches)))}
	return &b
}
