package engine

import "sync"

// Bytes of batches that may wait for the core: what connections to the stream have brought, and what requests and
// readings have, which must never take the stream's share.
const (
	maxStreamBytes  = 24 << 20
	maxRequestBytes = 8 << 20
)

// MaxMemory bounds, in bytes, what an engine holds of records and lines: batches that wait, and the lines of two, the
// one that is being written and the next.
const MaxMemory = maxStreamBytes + maxRequestBytes + 2*maxQueueBytes

// budget bounds bytes over all connections together. A connection takes a batch's size before the batch is queued, and
// the engine gives it back when the core has taken the batch. A connection that waits reads nothing: its socket fills,
// and X is held up.
type budget struct {
	max int

	mu    sync.Mutex
	used  int
	peak  int
	freed chan struct{} // closed when something was given back; nil: nobody waits
}

// take waits until n bytes are free; false when gone is closed first. What is larger than all of the budget is taken
// when nothing else is: one record may be.
func (b *budget) take(n int, gone <-chan struct{}) bool {
	for {
		freed := b.try(n)
		if freed == nil {
			return true
		}
		select {
		case <-freed:
		case <-gone:
			return false
		}
	}
}

// try takes n bytes, or returns what is closed when it is worth trying again.
func (b *budget) try(n int) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == 0 || b.used+n <= b.max {
		b.used += n
		b.peak = max(b.peak, b.used)
		return nil
	}
	if b.freed == nil {
		b.freed = make(chan struct{})
	}
	return b.freed
}

// give returns n bytes that were taken.
func (b *budget) give(n int) {
	b.mu.Lock()
	b.used -= n
	freed := b.freed
	b.freed = nil
	broken := b.used < 0
	b.mu.Unlock()
	if broken {
		panic("BUG: more bytes given back than were taken")
	}
	if freed != nil {
		close(freed)
	}
}

// state is how much is taken, and the most that ever was.
func (b *budget) state() (used, peak int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.peak
}
