package decasim

import (
	"net"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// send writes one Tweet, or what the faults make of it.
func (c *conn) send(now time.Time, it item, fx effects) {
	if c.over {
		return
	}
	record := c.record(it)
	switch {
	case fx.lose(&c.rng, c.s.cfg.Seed, it.id):
		c.withhold()
		return
	case fx.spoil(&c.rng):
		c.damage(record, it.id, fx.damage)
	default:
		c.write(record, it.id)
	}
	if fx.double(&c.rng) {
		c.write(record, it.id)
	}
	if c.records >= c.target {
		c.flush(now)
	}
}

// write adds a sound record to the batch.
func (c *conn) write(record []byte, id snowflake.ID) {
	c.add(record)
	if c.glued {
		c.glued = false
		c.withhold()
		return
	}
	c.batch = append(c.batch, id)
}

func (c *conn) add(b []byte) {
	if c.records == 0 {
		c.oldest = time.Now()
	}
	c.out.write(b)
	c.records++
}

func (c *conn) withhold() {
	c.mu.Lock()
	c.tally.Withheld++
	c.mu.Unlock()
}

// flush puts the batch on the wire, decodable at once.
func (c *conn) flush(now time.Time) {
	c.wrote, c.records = now, 0
	c.target = c.rng.Between(c.s.cfg.FlushMin, c.s.cfg.FlushMax)
	batch := c.batch
	c.batch = nil
	n, err := c.out.flush()
	c.mu.Lock()
	c.tally.Bytes += int64(n)
	if err == nil {
		c.tally.Sent += len(batch)
	}
	c.mu.Unlock()
	if err != nil {
		c.broken()
		return
	}
	c.sound += len(batch)
	if len(batch) > 0 {
		c.unconfirmed = append(c.unconfirmed, flushed{now, batch})
	}
}

// flushDue puts a batch on the wire that has waited long enough, or would by the next tick.
func (c *conn) flushDue(now time.Time) {
	if c.records > 0 && (now.Sub(c.oldest) >= c.s.cfg.FlushEvery || c.s.cfg.Tick >= c.s.cfg.FlushEvery) {
		c.flush(now)
	}
}

// broken ends a connection whose write failed: the client is gone, or stuck while its queue overflowed.
func (c *conn) broken() {
	c.over = true
	c.mu.Lock()
	full := c.full
	c.mu.Unlock()
	if full {
		c.s.overflowed(c)
		c.note("full buffer")
		return
	}
	c.note("client closed")
}

// confirm books what is known to have arrived.
func (c *conn) confirm(now time.Time) {
	for len(c.unconfirmed) > 0 && (c.out.instant || now.Sub(c.unconfirmed[0].at) >= ConfirmAfter) {
		c.book(c.unconfirmed[0].ids)
		c.unconfirmed = c.unconfirmed[1:]
	}
}

func (c *conn) book(ids []snowflake.ID) {
	if c.job == nil {
		c.s.book.mark(c.partition, flagSent|flagLive, ids...)
		return
	}
	for _, id := range ids {
		c.s.book.mark(c.s.cfg.Source.Partition(id), flagSent, id)
	}
}

func (c *conn) heartbeat(now time.Time) {
	if c.over || now.Sub(c.wrote) < c.s.cfg.HeartbeatEvery {
		return
	}
	c.out.write([]byte("\r\n"))
	c.flush(now)
}

// finish ends the connection as told.
func (c *conn) finish(e ending) {
	now := time.Now()
	if c.records > 0 && !c.over {
		c.flush(now)
	}
	if e.message != "" && !c.over {
		c.out.write(notice("error", e.message, now))
		c.flush(now)
	}
	if e.mode == ModeHalf && !c.over {
		c.half()
	}
	if c.over {
		return
	}
	c.hangup(e.mode)
	c.note(e.why())
}

// half writes the front half of a Tweet.
func (c *conn) half() {
	record := c.s.cfg.Source.AppendRecord(nil, snowflake.First(time.Now().UnixMilli()))
	if len(c.pending) > 0 {
		record = c.s.cfg.Source.AppendRecord(nil, c.pending[0].id)
	}
	c.add(record[:len(record)/2])
	c.flush(time.Now())
}

// hangup closes the socket. Whatever was written before an orderly close arrives; a reset may undo it.
func (c *conn) hangup(m Mode) {
	c.over = true
	switch m {
	case ModeRST:
		if !c.out.instant {
			c.unconfirmed = nil
		}
		reset(c.nc)
		return
	case ModeClose:
		c.out.end()
	}
	c.nc.Close()
	c.confirm(time.Now().Add(ConfirmAfter))
}

func reset(nc net.Conn) {
	if t, ok := nc.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	nc.Close()
}

// note keeps the reason of the end; the first one counts.
func (c *conn) note(why string) {
	c.over = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tally.End == "" {
		c.tally.End = why
	}
}
