package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Begin is what a file begins with: all that a core needs to decide again what follows.
type Begin struct {
	Program string // its version
	File    int    // counts from 1 in one process
	// Exact says that the core of this file was given just this, so that all can be decided again as it was. Otherwise the
	// file begins in the middle: the core knew more.
	Exact  bool
	Now    int64 // Unix ns of the steady clock
	Wall   int64 // Unix ns of the host's clock
	Config core.Config
	Lines  []Line // connections that are open or being tried, where it begins in the middle
}

// Line is a connection as it stands at the beginning of a file. Conn is an index into core.Conns.
type Line struct {
	Conn int
	Open bool // its header came
}

// plain is the config without names, and without what does not decide anything.
func plain(c core.Config) core.Config {
	c.StreamLabel, c.RecoveryHost, c.Version = "stream", "", ""
	c.Archives = slices.Clone(c.Archives)
	for i := range c.Archives {
		c.Archives[i].Name = fmt.Sprintf("archive %d", i+1)
	}
	c.Past = plainPast(c.Past, c.Started.Boot)
	if c.Started.Boot != "" {
		c.Started.Boot = "this"
	}
	return c
}

// plainPast leaves the notes out, which name files, and keeps of the boot's name whether it is this one.
func plainPast(past *ledger.Past, boot string) *ledger.Past {
	if past == nil {
		return nil
	}
	p := *past
	p.Notes = nil
	switch {
	case p.Moment.Boot == "":
	case p.Moment.Boot == boot:
		p.Moment.Boot = "this"
	default:
		p.Moment.Boot = "another"
	}
	p.Gaps, p.Requests, p.Fills = slices.Clone(p.Gaps), slices.Clone(p.Requests), slices.Clone(p.Fills)
	for i := range p.Gaps {
		g := &p.Gaps[i]
		g.Cause, g.FilledBy = classOf(g.Cause), classOf(g.FilledBy)
	}
	for i := range p.Requests {
		r := &p.Requests[i]
		r.Method, r.Result = classOf(r.Method), classOf(r.Result)
	}
	for i := range p.Fills {
		p.Fills[i].By = classOf(p.Fills[i].By)
	}
	return &p
}

func (b *Begin) encode() []byte {
	content, err := json.Marshal(b)
	if err != nil {
		panic("BUG: the beginning of a recording is no JSON: " + err.Error())
	}
	return appendFrame([]byte(magic), frameBegin, content)
}

func decodeBegin(content []byte) (b *Begin, err error) {
	b = &Begin{}
	if err := json.Unmarshal(content, b); err != nil {
		return nil, fmt.Errorf("%w: its beginning is not of this form", errDamaged)
	}
	return b, b.check()
}

var errConfig = errors.New("the recording begins with a configuration that no process of ours has")

// check wants a configuration that a core can be made of, in bounded memory.
func (b *Begin) check() error {
	c := &b.Config
	within := func(n, least, most int) bool { return n >= least && n <= most }
	month := func(all ...time.Duration) bool {
		return !slices.ContainsFunc(all, func(d time.Duration) bool { return d < 0 || d > 31*24*time.Hour })
	}
	ok := within(len(c.Partitions), 1, 64) && within(c.Connections, 1, 4) && within(len(c.Archives), 0, 16) && within(c.Recovery.Jobs, 0, 10) &&
		within(c.ConnectLimit, 0, 10000) && within(c.Recovery.Limit, 0, 10000) && c.Recovery.Method <= refill.Archive &&
		c.FalseAlarms >= 0 && c.FalseAlarms <= 100 && len(c.StreamLabel) <= maxClass && within(len(b.Lines), 0, 64*4) &&
		month(c.ConnectPeriod, c.ConnectTimeout, c.DedupWindow, c.SilenceTimeout, c.Interval, c.FactsEvery,
			c.Recovery.Window, c.Recovery.Delay, c.Recovery.Horizon, c.Recovery.Period)
	for i, p := range c.Partitions {
		ok = ok && within(p, 1, 64) && !slices.Contains(c.Partitions[:i], p)
	}
	for _, a := range c.Archives {
		ok = ok && month(a.Delay, a.Horizon) && len(a.Name) <= maxClass
	}
	for _, l := range b.Lines {
		ok = ok && within(l.Conn, 0, len(c.Partitions)*c.Connections-1)
	}
	if !ok {
		return errConfig
	}
	return nil
}

// standing is what can be known of a core from outside, to begin a file in the middle.
type standing struct {
	gaps     map[gapKey]ledger.GapRecord // that are open
	requests map[int64]ledger.RequestRecord
	lines    map[int]bool // by connection: its header came
	live     int          // connections of the stream
}

type gapKey struct {
	partition int
	first     timeline.Minute
}

const (
	// maxGaps and maxRequests bound what a file in the middle begins with; more are left out.
	maxGaps     = 4096
	maxRequests = 1024
)

func newStanding(c core.Config) *standing {
	s := &standing{gaps: map[gapKey]ledger.GapRecord{}, requests: map[int64]ledger.RequestRecord{}, lines: map[int]bool{},
		live: len(c.Partitions) * c.Connections}
	if c.Past != nil {
		s.fold(c.Past.Gaps, c.Past.Requests, 0)
	}
	return s
}

// stepped follows an event and what the core made of it.
func (s *standing) stepped(ev *core.Event, out *core.Ready) {
	switch {
	case ev.Conn >= s.live:
	case ev.Kind == core.Opened:
		s.lines[ev.Conn] = true
	case ev.Kind == core.Ended:
		delete(s.lines, ev.Conn)
	}
	for _, c := range out.Close {
		if c.Leave {
			delete(s.lines, c.Conn)
		}
	}
	for _, c := range out.Connect {
		s.lines[c.Conn] = false
	}
	if k := out.Commit; k != nil {
		s.fold(k.Gaps, k.Requests, k.Moment.Wall)
	}
}

// requestMemory is longer than any period of a limit of X.
const requestMemory = time.Hour

func (s *standing) fold(gaps []ledger.GapRecord, requests []ledger.RequestRecord, wall int64) {
	for _, g := range gaps {
		key := gapKey{g.Partition, g.First()}
		if g.State == ledger.GapRecovered || g.State == ledger.GapLost {
			delete(s.gaps, key)
		} else if len(s.gaps) < maxGaps {
			s.gaps[key] = g
		}
	}
	for _, r := range requests {
		if len(s.requests) < maxRequests {
			s.requests[r.ID] = r
		}
	}
	for id, r := range s.requests {
		if r.Ended != 0 && r.Ended < wall-requestMemory.Nanoseconds() {
			delete(s.requests, id)
		}
	}
}

// begin is a file's beginning in the middle: the gaps that are open, requests that count against the limit, connections.
func (s *standing) begin(c core.Config, now time.Time, wall int64) *Begin {
	past := &ledger.Past{Known: true, Moment: ledger.Moment{Wall: wall}}
	for _, g := range s.gaps {
		past.Gaps = append(past.Gaps, g)
	}
	slices.SortFunc(past.Gaps, func(a, b ledger.GapRecord) int { return int(a.Span.From - b.Span.From) })
	for _, r := range s.requests {
		past.Requests = append(past.Requests, r)
	}
	slices.SortFunc(past.Requests, func(a, b ledger.RequestRecord) int { return int(a.ID - b.ID) })
	if c.Past = past; len(s.gaps) == 0 {
		c.Past = nil // nothing to begin with is a first start
	}
	b := &Begin{Now: now.UnixNano(), Wall: wall}
	for conn, open := range s.lines {
		b.Lines = append(b.Lines, Line{conn, open})
	}
	slices.SortFunc(b.Lines, func(a, b Line) int { return a.Conn - b.Conn })
	c.Started.Boot, c.Started.Wall = "", wall
	b.Config = plain(c)
	return b
}
