package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// driver plays commands of a script, as the driver of the core's tests does (internal/core: script_test.go), and says what
// that will say. Of its grammar it has what Script writes. A test holds the two to each other.
type driver struct {
	cfg   core.Config
	core  *core.Core
	ready core.Ready
	start time.Time
	now   time.Time
	said  []string
	open  map[int]bool
	dials map[int]bool
	left  map[int]bool

	ids     map[timeline.Minute][]snowflake.ID // stored
	todo    []core.Event
	flight  *ledger.Commit
	posted  int
	waiting map[int][]core.Event
	queries map[int]refill.Request // of requests under way
	busy    bool
	waits   bool
}

func newDriver(cfg core.Config) *driver {
	d := &driver{cfg: cfg, start: scriptStart, now: scriptStart, open: map[int]bool{}, dials: map[int]bool{}, left: map[int]bool{},
		ids: map[timeline.Minute][]snowflake.ID{}, waiting: map[int][]core.Event{}, queries: map[int]refill.Request{}}
	d.core = core.New(cfg)
	d.step(core.Event{Kind: core.Tick})
	return d
}

// scriptStart is the time of a script's beginning.
var scriptStart = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func (d *driver) say(format string, args ...any) {
	d.said = append(d.said, fmt.Sprintf("%v ", d.now.Sub(d.start).Round(100*time.Millisecond))+fmt.Sprintf(format, args...))
}

func (d *driver) name(conn int) string {
	if k := conn - len(d.core.Conns()); k >= 0 {
		return fmt.Sprintf("r%d", k)
	}
	c := d.core.Conns()[conn]
	return fmt.Sprintf("p%d.c%d", c.Partition, c.Index)
}

func (d *driver) step(ev core.Event) {
	ev.Wall = d.now.UnixNano()
	d.core.Step(d.now, ev, &d.ready)
	waits := d.ready.Wait
	for _, c := range d.ready.Close {
		if c.Leave {
			delete(d.dials, c.Conn)
			d.open[c.Conn], d.left[c.Conn] = false, true
			delete(d.waiting, c.Conn)
			d.say("leave %s (%s)", d.name(c.Conn), c.Class)
			continue
		}
		d.say("close %s (%s)", d.name(c.Conn), c.Class)
	}
	d.keep()
	d.begin()
	for _, n := range d.ready.Notes {
		if (n.Level == core.Warn || n.Level == core.Error) && !strings.HasPrefix(n.Text, "alarm ") {
			d.say("%c! %s", n.Level, n.Text)
		}
	}
	for i := range d.ready.Points {
		d.showGap(&d.ready.Points[i])
	}
	d.turn()
	d.waits = waits
}

// begin says what is begun.
func (d *driver) begin() {
	for _, c := range d.ready.Connect {
		d.dials[c.Conn], d.left[c.Conn] = true, false
		d.say("connect %s backfill=%d", d.name(c.Conn), c.Backfill)
	}
	for _, a := range d.ready.Requests {
		d.dials[a.Conn], d.left[a.Conn] = true, false
		d.queries[a.Conn] = a.Query
		of := fmt.Sprintf("%s-%s", clockTime(a.Query.From), clockTime(a.Query.To))
		if a.Query.Partition != ledger.AnyPartition {
			of += fmt.Sprintf(" p%d", a.Query.Partition)
		}
		d.say("request %s %s", d.name(a.Conn), of)
	}
}

func clockTime(m timeline.Minute) string { return time.UnixMilli(m.Milli()).UTC().Format("15:04") }

func (d *driver) showGap(p *point.Point) {
	if p.Name != "decahose_gap" {
		return
	}
	parts := []string{"gap"}
	for _, t := range p.Tags[1:] {
		parts = append(parts, t.Key+"="+t.Value)
	}
	parts = append(parts, "at="+time.Unix(0, p.Time).UTC().Format("15:04"))
	for _, f := range p.Fields {
		if f.Key != "end" {
			parts = append(parts, fmt.Sprintf("%s=%v", f.Key, f.Value))
		}
	}
	d.say("%s", strings.Join(parts, " "))
}

// keep takes what is for store and sink, which answer at once.
func (d *driver) keep() {
	if d.ready.Commit != nil {
		d.flight = d.ready.Commit
	}
	var loads []core.Event
	for _, m := range d.ready.Load {
		loads = append(loads, core.Event{Kind: core.Loaded, Minute: m, IDs: slices.Clone(d.ids[m])})
	}
	if d.posted += len(d.ready.From); d.posted > 0 {
		d.todo = append(d.todo, core.Event{Kind: core.Written, Tweets: int64(d.posted)})
		d.posted = 0
	}
	if d.flight != nil {
		d.todo = append(d.todo, core.Event{Kind: core.Committed})
	}
	d.todo = append(d.todo, loads...)
}

func (d *driver) answer(ev core.Event) {
	if ev.Kind == core.Committed {
		if d.flight == nil {
			return
		}
		for _, g := range d.flight.IDs {
			d.ids[g.Minute] = append(d.ids[g.Minute], g.IDs...)
		}
		for m := range d.ids {
			if m < d.flight.Keep {
				delete(d.ids, m)
			}
		}
		d.flight = nil
	}
	d.step(ev)
	if ev.Kind == core.Loaded {
		for conn := range len(d.core.Conns()) + d.core.Requests() {
			d.goOn(conn)
		}
	}
}

func (d *driver) turn() {
	for !d.busy && len(d.todo) > 0 {
		next := d.todo[0]
		d.todo, d.busy = d.todo[1:], true
		switch {
		case next.Kind != core.Received:
			d.answer(next)
		case !d.left[next.Conn]:
			d.waiting[next.Conn] = append(d.waiting[next.Conn], next)
			d.goOn(next.Conn)
		}
		d.busy = false
	}
}

func (d *driver) goOn(conn int) {
	for len(d.waiting[conn]) > 0 {
		ev := d.waiting[conn][0]
		d.waiting[conn] = d.waiting[conn][1:]
		d.step(ev)
		if d.waits {
			d.waiting[conn] = append([]core.Event{ev}, d.waiting[conn]...)
			return
		}
	}
}

// until lets time pass.
func (d *driver) until(at time.Time) {
	for d.ready.Wake.Before(at) {
		d.now = d.ready.Wake
		d.step(core.Event{Kind: core.Tick})
	}
	d.now = at
}

// feed is the command of that name: each connection delivers for so many seconds.
func (d *driver) feed(conns []int, seconds int64) {
	for range seconds {
		for _, c := range conns {
			d.deliver(c, d.tweets(nil, d.core.Conns()[c].Partition, d.now, scriptRate))
		}
		d.until(d.now.Add(time.Second))
	}
}

// feedPast is the same with from and to, so many seconds ago.
func (d *driver) feedPast(conn int, from, to int64, rate int) {
	end := d.now.Add(-time.Duration(to) * time.Second)
	for at := d.now.Add(-time.Duration(from) * time.Second); at.Before(end); at = at.Add(time.Second) {
		d.deliver(conn, d.tweets(nil, d.core.Conns()[conn].Partition, at, rate))
	}
}

// replay is the command of that name.
func (d *driver) replay(conn int, from, to timeline.Minute, rate int) {
	for ms := from.Milli(); ms < to.Milli(); ms += 10_000 {
		var frames []wire.Frame
		for k := range int64(10) {
			for _, p := range d.cfg.Partitions {
				if q := d.queries[conn]; q.Partition == ledger.AnyPartition || q.Partition == p {
					frames = d.tweets(frames, p, time.UnixMilli(ms+(k+1)*1000).UTC(), rate)
				}
			}
		}
		d.deliver(conn, frames)
	}
}

func (d *driver) tweets(frames []wire.Frame, partition int, at time.Time, rate int) []wire.Frame {
	for k := range rate {
		ms := at.Truncate(time.Second).UnixMilli() - 1000 + int64(k*1000/rate)
		id := snowflake.First(ms) | snowflake.ID(partition)<<12
		frames = append(frames, wire.Frame{Kind: wire.Record, ID: id, Data: fmt.Appendf(nil, `{"id":%d,"text":"x","user":{"id":1}}`, id)})
	}
	return frames
}

func (d *driver) deliver(conn int, frames []wire.Frame) {
	b := &wire.Batch{Frames: frames}
	for _, f := range frames {
		b.Bytes += len(f.Data) + 2
	}
	d.todo = append(d.todo, core.Event{Kind: core.Received, Conn: conn, Batch: b})
	d.turn()
}

// opened, ended and silent are the commands of these names.
func (d *driver) opened(conn int) {
	delete(d.dials, conn)
	d.open[conn] = true
	d.step(core.Event{Kind: core.Opened, Conn: conn})
}

func (d *driver) ended(conn int, end core.End) {
	delete(d.dials, conn)
	end.Opened = d.open[conn]
	d.step(core.Event{Kind: core.Ended, Conn: conn, End: end})
	d.open[conn] = false
}

func (d *driver) notice(conn int, data string) {
	d.deliver(conn, []wire.Frame{{Kind: wire.Notice, Data: []byte(data)}})
}
