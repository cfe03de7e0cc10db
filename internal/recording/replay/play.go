package replay

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Summary is what a play came to.
type Summary struct {
	Steps   int
	Differ  int       // steps that were decided otherwise than they were
	First   time.Time // of the first of them
	Skipped int       // events of connections that the core has not, where the file begins in the middle
}

// Played is one step of a core. It is valid until the next one.
type Played struct {
	Now     time.Time
	Event   *core.Event
	Ready   *core.Ready
	Names   []core.Conn
	Config  *core.Config
	Differs bool // from what was decided then
	Own     bool // the event is not of the file: it is played
}

// Play has a core decide all events of a file, and tells of each.
func Play(file *recording.Reader, each func(*Played)) (s Summary, err error) {
	defer func() {
		if r := recover(); r != nil { // no engine of ours sends such events
			err = fmt.Errorf("the core cannot take this recording: %v", r)
		}
	}()
	p := newPlayer(file.Begin(), each)
	if !file.Begin().Exact {
		p.warmUp(file.Begin())
	}
	for {
		step, err := file.Next()
		if errors.Is(err, io.EOF) {
			return p.summary, nil
		}
		if err != nil {
			return p.summary, err
		}
		p.summary.Steps++
		if file.Begin().Exact {
			p.again(&step)
		} else {
			p.anew(&step)
		}
	}
}

// player is a core and, where a file begins in the middle, what stands in for all that is around it.
type player struct {
	core    *core.Core
	each    func(*Played)
	played  Played
	out     core.Ready
	summary Summary

	lines   map[int]bool         // connections and requests that are being tried; those whose header came: true
	early   map[int][]core.Event // of those that were open before this core tried them, what they said until then
	held    int                  // bytes of that
	ids     map[timeline.Minute][]snowflake.ID
	answers []core.Event
	now     time.Time
	wall    int64
}

func newPlayer(b *recording.Begin, each func(*Played)) *player {
	p := &player{core: core.New(b.Config), each: each, lines: map[int]bool{}, early: map[int][]core.Event{}, ids: map[timeline.Minute][]snowflake.ID{}}
	p.played = Played{Names: p.core.Conns(), Config: &b.Config, Ready: &p.out}
	return p
}

// again decides a step of an exact file.
func (p *player) again(s *recording.Step) {
	p.core.Step(s.Now, s.Event, &p.out)
	p.tell(s.Now, &s.Event, recording.DecidedIn(&p.out) != s.Decided, false)
}

func (p *player) tell(now time.Time, ev *core.Event, differs, own bool) {
	if differs {
		if p.summary.Differ++; p.summary.Differ == 1 {
			p.summary.First = now
		}
	}
	p.played.Now, p.played.Event, p.played.Differs, p.played.Own = now, ev, differs, own
	p.each(&p.played)
}

// warmUps are how long before the file a core may have to begin, to have asked for all connections that are open there.
var warmUps = []time.Duration{0, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}

// warmUp begins a core so that it has the connections of the file's beginning, if it can be had.
func (p *player) warmUp(b *recording.Begin) {
	each := p.each
	p.each = func(*Played) {}
	for _, before := range warmUps {
		p.core = core.New(b.Config)
		clear(p.lines)
		clear(p.ids)
		p.settle(b, before)
		if p.has(b.Lines) {
			break
		}
	}
	p.each = each
}

func (p *player) settle(b *recording.Begin, before time.Duration) {
	begin := time.Unix(0, b.Now).UTC()
	p.now, p.wall = begin.Add(-before), b.Wall-before.Nanoseconds()
	open := map[int]bool{}
	for _, l := range b.Lines {
		open[l.Conn] = l.Open
	}
	for ev := (core.Event{Kind: core.Tick}); ; {
		p.step(ev)
		for conn := range p.played.Names {
			if headed, tried := p.lines[conn]; tried && !headed && open[conn] {
				p.lines[conn] = true
				p.step(core.Event{Kind: core.Opened, Conn: conn})
			}
		}
		if !p.out.Wake.Before(begin) {
			return
		}
		p.wall += p.out.Wake.Sub(p.now).Nanoseconds()
		p.now = p.out.Wake
	}
}

func (p *player) has(lines []recording.Line) bool {
	for _, l := range lines {
		if headed, tried := p.lines[l.Conn]; !tried || headed != l.Open {
			return false
		}
	}
	return true
}

// anew decides a step of a file that begins in the middle.
func (p *player) anew(s *recording.Step) {
	p.now, p.wall = s.Now, s.Event.Wall
	ev := s.Event
	switch ev.Kind {
	case core.Committed, core.Written, core.Loaded:
		return // of what this core did not give out
	case core.Opened, core.Received, core.Silent, core.Read, core.Ended:
		if !p.takes(&ev) {
			return
		}
	}
	p.step(ev)
}

// takes follows what a connection says, and reports whether the core can hear it now.
func (p *player) takes(ev *core.Event) bool {
	headed, tried := p.lines[ev.Conn]
	if held, early := p.early[ev.Conn]; early && ev.Kind != core.Ended {
		return p.hold(held, ev)
	}
	switch ev.Kind {
	case core.Opened:
		if !tried {
			p.early[ev.Conn] = nil // waits are random, and this core's is longer
			return false
		}
		p.lines[ev.Conn] = true
		return !headed
	case core.Ended:
		delete(p.lines, ev.Conn)
		p.summary.Skipped += len(p.release(ev.Conn))
		return p.count(tried)
	}
	return p.count(headed)
}

// count counts what is left out.
func (p *player) count(taken bool) bool {
	if !taken {
		p.summary.Skipped++
	}
	return taken
}

// maxHeld bounds, in bytes, what is kept of connections that the core does not try yet.
const maxHeld = 64 << 20

// hold keeps an event until the core has the connection; what is too much is left out.
func (p *player) hold(held []core.Event, ev *core.Event) bool {
	kept := *ev
	if b := ev.Batch; b != nil {
		if p.held+b.Bytes > maxHeld {
			return p.count(false)
		}
		p.held += b.Bytes
		whole := wire.NewBatch()
		whole.Bytes, whole.WireBytes, whole.Heartbeats = b.Bytes, b.WireBytes, b.Heartbeats
		for _, f := range b.Frames {
			f.Data = slices.Clone(f.Data)
			whole.Frames = append(whole.Frames, f)
		}
		kept.Batch = whole
	}
	p.early[ev.Conn] = append(held, kept)
	return false
}

func (p *player) release(conn int) []core.Event {
	held := p.early[conn]
	for _, ev := range held {
		if ev.Batch != nil {
			p.held -= ev.Batch.Bytes
		}
	}
	delete(p.early, conn)
	return held
}

// step steps the core, and has store and outputs answer at once.
func (p *player) step(ev core.Event) {
	own := false
	for n := 0; ; n++ {
		ev.Wall = p.wall
		p.core.Step(p.now, ev, &p.out)
		p.follow()
		if p.out.Wait && n < 3 { // until the ids are loaded
			p.answers = append(p.answers, ev)
		}
		p.tell(p.now, &ev, false, own)
		if len(p.answers) == 0 {
			return
		}
		ev, p.answers, own = p.answers[0], p.answers[1:], true
	}
}

// follow takes what the core gives out.
func (p *player) follow() {
	for _, c := range p.out.Close {
		if c.Leave {
			delete(p.lines, c.Conn)
		}
	}
	for _, c := range p.out.Connect {
		_, early := p.early[c.Conn]
		if p.lines[c.Conn] = early; early {
			p.answers = append(append(p.answers, core.Event{Kind: core.Opened, Conn: c.Conn}), p.release(c.Conn)...)
		}
	}
	for _, a := range p.out.Requests {
		p.lines[a.Conn] = false
	}
	for _, m := range p.out.Load {
		p.answers = append(p.answers, core.Event{Kind: core.Loaded, Minute: m, IDs: p.ids[m]})
	}
	if k := p.out.Commit; k != nil {
		for _, g := range k.IDs {
			p.ids[g.Minute] = append(p.ids[g.Minute], g.IDs...)
		}
		p.answers = append(p.answers, core.Event{Kind: core.Committed})
	}
	if n := len(p.out.From); n > 0 {
		p.answers = append(p.answers, core.Event{Kind: core.Written, Tweets: int64(n)})
	}
}
