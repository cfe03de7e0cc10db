package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/point"
	"github.com/decahose/telegraf-decahose/internal/recovery"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/wire"
)

// TestScripts plays testdata/*.txt: each block says what happens to the connections, and below ---- what
// the core asked for. -rewrite accepts what it says now.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.said = t, nil
			s.play(d)
			if len(s.said) == 0 {
				return "nothing\n"
			}
			return strings.Join(s.said, "\n") + "\n"
		})
	})
}

// script drives one core in fake time, as the engine would.
type script struct {
	t     *testing.T
	core  *Core
	ready Ready
	start time.Time
	now   time.Time
	show  map[string]bool
	said  []string
	open  map[int]bool
	ids   map[snowflake.ID]bool
	skew  time.Duration // of the Tweets' time against ours
}

// play carries out one block: the command line, then one per input line.
func (s *script) play(d *datadriven.TestData) {
	if d.Cmd == "start" {
		s.begin(d)
	} else if d.Cmd != "do" {
		d.Fatalf(s.t, "unknown block %q", d.Cmd)
	}
	for line := range strings.SplitSeq(d.Input, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			s.command(strings.Fields(line))
		}
	}
}

func (s *script) begin(d *datadriven.TestData) {
	cfg := Config{StreamLabel: "prod", Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute,
		DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Recovery: recovery.Rules{Horizon: 120 * time.Hour}, Interval: 10 * time.Second, Partitions: []int{1}}
	s.show, s.open, s.ids = map[string]bool{}, map[int]bool{}, map[snowflake.ID]bool{}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "partitions":
			cfg.Partitions = nil
			for _, v := range a.Vals {
				cfg.Partitions = append(cfg.Partitions, s.number(v))
			}
		case "connections":
			cfg.Connections = s.number(a.Vals[0])
		case "limit":
			cfg.ConnectLimit = s.number(a.Vals[0])
		case "backfill":
			cfg.Backfill = map[string]Backfill{"always": BackfillAlways, "none": BackfillNone}[a.Vals[0]]
		case "show":
			for _, v := range a.Vals {
				s.show[v] = true
			}
		default:
			d.Fatalf(s.t, "unknown argument %q", a.Key)
		}
	}
	s.core = New(cfg)
	s.core.jitter.state = 0
	s.start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s.now = s.start
	s.step(Event{Kind: Tick})
}

func (s *script) number(v string) int {
	n, err := strconv.Atoi(v)
	require.NoError(s.t, err)
	return n
}

// command is: [+dur] verb [pN.cM …] [key=value …]
func (s *script) command(words []string) {
	if words[0][0] == '+' {
		d, err := time.ParseDuration(words[0][1:])
		require.NoError(s.t, err)
		s.until(s.now.Add(d))
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	args, conns := map[string]string{}, []int(nil)
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = strings.ReplaceAll(v, "_", " ")
		} else {
			conns = append(conns, s.conns(w)...)
		}
	}
	switch words[0] {
	case "feed":
		s.feed(conns, args)
	case "opened", "silent":
		kind := map[string]Kind{"opened": Opened, "silent": Silent}[words[0]]
		for _, c := range conns {
			s.open[c] = kind == Opened || s.open[c]
			s.step(Event{Kind: kind, Conn: c})
		}
	case "ended":
		for _, c := range conns {
			class := args["class"]
			s.step(Event{Kind: Ended, Conn: c, End: End{Class: strings.ReplaceAll(class, " ", "_"), Status: status(args), Opened: s.open[c], Message: args["message"]}})
			s.open[c] = false
		}
	case "fail", "accept": // whatever is being tried
		for c := range s.core.conns {
			if s.core.conns[c].state != dialing {
				continue
			}
			if words[0] == "accept" {
				s.open[c] = true
				s.step(Event{Kind: Opened, Conn: c})
				continue
			}
			s.step(Event{Kind: Ended, Conn: c, End: End{Class: args["class"], Status: status(args)}})
		}
	case "notice":
		for _, c := range conns {
			s.deliver(c, []wire.Frame{{Kind: wire.Notice, Data: fmt.Appendf(nil, `{"error":{"message":%q,"sent":"2026-01-01T12:00:00+00:00"}}`, args["message"])}})
		}
	case "poll":
		s.step(Event{Kind: Poll})
	case "stop":
		s.step(Event{Kind: Stop})
		s.step(Event{Kind: Final})
	default:
		s.t.Fatalf("unknown command %q", words[0])
	}
}

// conns are the indices of "p1.c0", or of all connections of a partition, "p1.*".
func (s *script) conns(name string) (found []int) {
	for i, c := range s.core.Conns() {
		full := fmt.Sprintf("p%d.c%d", c.Partition, c.Index)
		if full == name || name == fmt.Sprintf("p%d.*", c.Partition) || name == "*" {
			found = append(found, i)
		}
	}
	require.NotEmpty(s.t, found, name)
	return found
}

// feed delivers Tweets for a while: rate per second and connection, all connections of a partition the
// same; from and to (ago) instead deliver a past span at once, as a backfill does.
func (s *script) feed(conns []int, args map[string]string) {
	s.skew = 0
	if v := args["skew"]; v != "" {
		s.skew, _ = time.ParseDuration(v)
	}
	rate := 30
	if v := args["rate"]; v != "" {
		rate = s.number(v)
	}
	duration := func(key string) time.Duration {
		d, err := time.ParseDuration(args[key])
		require.NoError(s.t, err)
		return d
	}
	if args["from"] != "" {
		for _, c := range conns {
			for at := s.now.Add(-duration("from")); at.Before(s.now.Add(-duration("to"))); at = at.Add(time.Second) {
				s.deliver(c, s.tweets(c, at, rate))
			}
		}
		return
	}
	for end := s.now.Add(duration("for")); s.now.Before(end); {
		for _, c := range conns {
			s.deliver(c, s.tweets(c, s.now, rate))
		}
		s.until(s.now.Add(time.Second))
	}
}

// tweets of one second of a partition: the same for each connection.
func (s *script) tweets(c int, at time.Time, rate int) (frames []wire.Frame) {
	for k := range rate {
		ms := at.Add(s.skew).Truncate(time.Second).UnixMilli() - 1000 + int64(k*1000/rate)
		id := snowflake.First(ms) | snowflake.ID(s.core.Conns()[c].Partition)<<12
		frames = append(frames, wire.Frame{Kind: wire.Record, ID: id,
			Data: fmt.Appendf(nil, `{"id":%d,"text":"x","user":{"id":1}}`, id)})
	}
	return frames
}

func (s *script) deliver(c int, frames []wire.Frame) {
	b := &wire.Batch{Frames: frames}
	for _, f := range frames {
		b.Bytes += len(f.Data) + 2
	}
	s.step(Event{Kind: Received, Conn: c, Batch: b})
}

// until lets time pass, with Ticks when the core wants them.
func (s *script) until(at time.Time) {
	for s.ready.Wake.Before(at) {
		s.now = s.ready.Wake
		s.step(Event{Kind: Tick})
	}
	s.now = at
}

func (s *script) step(ev Event) {
	s.core.Step(s.now, ev, &s.ready)
	checkInvariants(s.t, s.core)
	for i := range s.ready.Tweets {
		id := s.ready.Tweets[i].ID
		require.False(s.t, s.ids[id], "id %d emitted twice", id)
		s.ids[id] = true
	}
	for _, c := range s.ready.Close {
		s.say("close %s (%s)", s.name(c.Conn), c.Class)
	}
	for _, c := range s.ready.Connect {
		s.say("connect %s backfill=%d", s.name(c.Conn), c.Backfill)
	}
	for _, n := range s.ready.Notes {
		if s.show["notes"] {
			s.say("%c! %s", n.Level, n.Text)
		}
	}
	for _, p := range s.ready.Points {
		s.showPoint(p)
	}
	if len(s.ready.Posted) > 0 {
		posted := slices.Clone(s.ready.Posted)
		s.step(Event{Kind: Written, Postings: posted})
	}
}

func (s *script) name(i int) string {
	c := s.core.Conns()[i]
	return fmt.Sprintf("p%d.c%d", c.Partition, c.Index)
}

func (s *script) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf("%v ", s.now.Sub(s.start).Round(100*time.Millisecond))+fmt.Sprintf(format, args...))
}

func (s *script) showPoint(p point.Point) {
	kind := strings.TrimPrefix(p.Name, "decahose_")
	if !s.show[kind] {
		return
	}
	parts := []string{kind}
	for _, t := range p.Tags[1:] {
		parts = append(parts, t.Key+"="+t.Value)
	}
	if kind == "volume" || kind == "gap" {
		parts = append(parts, "at="+time.Unix(0, p.Time).UTC().Format("15:04"))
	}
	skip := map[string]bool{"bytes": true, "wire_bytes": true, "end": true, "heartbeats": true, "lag_ms": true, "state_bytes": true, "state_ok": true, "time_collisions": true}
	for _, f := range p.Fields {
		if !skip[f.Key] {
			parts = append(parts, fmt.Sprintf("%s=%v", f.Key, f.Value))
		}
	}
	s.say("%s", strings.Join(parts, " "))
}

// checkInvariants is what must hold after every step, whatever happened.
func checkInvariants(t require.TestingT, c *Core) {
	var unique, first int64
	for _, p := range c.partitions {
		for _, m := range p.book.Minutes() {
			r := p.book.Find(m)
			require.True(t, r.Balanced(), "minute %v of partition %d: %+v", m, p.id, r)
			unique += r.Unique
		}
		for _, n := range p.conns {
			first += n.counters.first
			require.GreaterOrEqual(t, n.counters.missed, int64(0))
			require.False(t, n.sound && n.state != live && n.state != closing, "%v is sound but not up", n)
		}
		dark := slices.ContainsFunc(p.holes, func(h *hole) bool { return h.Dark })
		require.True(t, c.stopping || dark == (p.begin != 0 && !p.lit()), "partition %d: dark gap", p.id)
	}
	// Less only where minutes beyond the horizon were dropped.
	require.LessOrEqual(t, unique, first, "unique of the minutes and first of the connections")
	require.LessOrEqual(t, c.budget.inFlight+len(c.budget.ended), c.cfg.ConnectLimit, "connect budget")
	require.GreaterOrEqual(t, c.budget.inFlight, 0)
}

func status(args map[string]string) int {
	n, _ := strconv.Atoi(args["status"])
	return n
}
