package core

import (
	"fmt"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Sample is the beginning of a record that was not valid.
type Sample struct {
	Conn Conn
	Time int64 // Unix ns of receipt
	Data []byte
}

const (
	quarantineMost  = 16
	quarantineBytes = 256
)

// quarantine keeps the last samples of malformed records, in bounded memory.
type quarantine struct {
	ring [quarantineMost]Sample
	n    int
}

func (q *quarantine) put(conn Conn, at int64, data []byte) {
	s := &q.ring[q.n%quarantineMost]
	s.Conn, s.Time = conn, at
	s.Data = append(s.Data[:0], data[:min(len(data), quarantineBytes)]...)
	q.n++
}

func (q *quarantine) samples() []Sample {
	var all []Sample
	for i := max(0, q.n-quarantineMost); i < q.n; i++ {
		s := q.ring[i%quarantineMost]
		s.Data = append([]byte(nil), s.Data...)
		all = append(all, s)
	}
	return all
}

func (c *Core) malformed(n *conn, data []byte) {
	n.counters.Malformed++
	c.quarantine.put(n.Conn, c.now.UnixNano(), data)
}

// notice reads X's messages inside the stream: some announce the connection's end, and why.
func (c *Core) notice(n *conn, data []byte) {
	m, ok := wire.ParseNotice(data)
	if !ok || m.Root == "" {
		return // a delete, a compliance record, something new: counted
	}
	verdict := xapi.ClassOf(m.Message)
	if verdict == "" || n.state != live {
		if c.now.Sub(n.heardAt) >= time.Minute { // a chatty X must not fill the log; all are counted
			n.heardAt = c.now
			c.noteMessage(n, m.Root, m.Message)
		}
		return
	}
	n.verdict, n.message = verdict, m.Message
	c.unsound(n, verdict, true)
	if verdict == xapi.TooManyConnections {
		c.hangUp(n, verdict)
	}
}

func (c *Core) note(level Level, format string, args ...any) {
	c.out.Notes = append(c.out.Notes, Note{level, fmt.Sprintf(format, args...)})
}

func (n *conn) String() string {
	if n.job != nil {
		return "request for " + n.job.String()
	}
	return fmt.Sprintf("partition %d connection %d", n.Partition, n.Index)
}

// printable makes X's words fit for a log line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

func (c *Core) noteMessage(n *conn, root, message string) {
	level := Info
	if root == "error" || root == "warn" {
		level = Warn
	}
	c.note(level, "%s: X says: %s", n, printable(message))
}

func minutesOf(g *ledger.Gap) string {
	first, end := g.Minutes()
	if end == first+1 {
		return first.String()
	}
	return fmt.Sprintf("%s to %s", first, end-1)
}
