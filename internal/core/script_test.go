package core

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// TestScripts plays testdata/*.txt, whose grammar is in testdata/README.md: each block says what happens to the
// connections, and below ---- what the core asked for. -rewrite accepts what it says now.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playScript(t, path) })
	}
}

func playScript(t *testing.T, path string) {
	s := &script{t: t}
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		s.t, s.said = t, nil
		s.play(d)
		if len(s.said) == 0 {
			return "nothing\n"
		}
		return strings.Join(s.said, "\n") + "\n"
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
	dials map[int]bool // attempts under way
	left  map[int]bool // attempts that the core gave up: nothing of them comes any more
	ids   map[snowflake.ID]bool
	skew  time.Duration // of the Tweets' time against ours
	lie   *lie          // one Tweet's id, nil: none

	asleep time.Duration // how long this host slept: X's time is so much later

	cfg     Config
	shelf   *shelf
	hold    map[string]bool // what is not answered at once: commits, loads, sink
	todo    []Event         // answers of store and sink that are under way
	flight  *ledger.Commit
	made    []time.Time     // requests
	numbers []int64         // ids of requests, in the order in which they were noted
	disk    string          // why commits fail
	exact   bool            // the core is as it was when it gave flight away
	loads   []Event         // what was read
	posted  int             // Tweets emitted and not reported as written
	waiting map[int][]Event // records that wait for ids
	clock   time.Duration   // of our wall clock against ours
	boot    int
	bootAt  time.Time
	orders  int64
	way     []ledger.Sent // safe, and not delivered
	busy    bool          // an answer of store or sink is being taken
	unread  bool          // events of connections are not taken now
	waits   bool          // the last step did not take its event

	begins  func(Config)                   // hears what each process's core is given; nil: nobody does
	stepped func(time.Time, Event, *Ready) // hears each step; nil: nobody does
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
		DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, Partitions: []int{1}}
	cfg.RecoveryHost = "replay.test"
	cfg.Recovery = refill.Rules{Horizon: 120 * time.Hour, Window: time.Hour, Delay: 30 * time.Minute, Jobs: 1, Limit: 5, Period: 5 * time.Minute}
	s.config(cfg)
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "partitions":
			cfg.Partitions = nil
			for _, v := range a.Vals {
				cfg.Partitions = append(cfg.Partitions, s.number(v))
			}
		case "connections":
			cfg.Connections = s.number(a.Vals[0])
		case "timeout":
			cfg.ConnectTimeout = s.duration(a.Vals[0])
		case "limit":
			cfg.ConnectLimit = s.number(a.Vals[0])
		case "backfill":
			cfg.Backfill = map[string]Backfill{"always": BackfillAlways, "none": BackfillNone}[a.Vals[0]]
		case "state":
			cfg.State = true
		case "recovery":
			cfg.Recovery.Method = map[string]refill.Method{"replay": refill.Replay, "recovery": refill.Recovery}[a.Vals[0]]
		case "window", "delay", "horizon", "dedup":
			*map[string]*time.Duration{"window": &cfg.Recovery.Window, "delay": &cfg.Recovery.Delay,
				"horizon": &cfg.Recovery.Horizon, "dedup": &cfg.DedupWindow}[a.Key] = s.duration(a.Vals[0])
		case "jobs":
			cfg.Recovery.Jobs, cfg.Recovery.ByPartition = s.number(a.Vals[0]), true
		case "archives": // the delay of each
			for k, v := range a.Vals {
				cfg.Archives = append(cfg.Archives, refill.Copy{Name: string(rune('b' + k)), Delay: s.duration(v), Horizon: 120 * time.Hour})
			}
		case "trust":
			cfg.Archives[0].Trust = true
		case "acknowledged":
			cfg.Acknowledged = true
		case "feedback":
			cfg.Feedback = true
		case "tweets":
			cfg.Tweets = TweetsNone
		case "alarms":
			cfg.FalseAlarms = volume.FalseAlarms
		case "learned": // Tweets of each minute of four weeks, in each partition
			s.shelf.remember(cfg.Partitions, timeline.MinuteOf(s.start.UnixMilli()), s.number(a.Vals[0]))
		case "hold":
			for _, v := range a.Vals {
				s.hold[v] = true
			}
		case "show":
			for _, v := range a.Vals {
				s.show[v] = true
			}
		default:
			d.Fatalf(s.t, "unknown argument %q", a.Key)
		}
	}
	s.cfg = cfg
	s.live()
}

func (s *script) config(cfg Config) {
	s.show, s.ids, s.hold, s.shelf = map[string]bool{}, map[snowflake.ID]bool{}, map[string]bool{}, newShelf()
	s.start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s.made, s.numbers = nil, nil
	s.now, s.bootAt, s.cfg = s.start, s.start.Add(-time.Hour), cfg
}

// live begins a process.
func (s *script) live() {
	cfg := s.cfg
	cfg.Started = s.moment()
	if cfg.State {
		cfg.Past = s.shelf.past()
		cfg.Past.Spooled = s.spooled()
	}
	s.dials, s.left = map[int]bool{}, map[int]bool{}
	s.open, s.waiting, s.todo, s.flight, s.loads, s.posted = map[int]bool{}, map[int][]Event{}, nil, nil, nil, 0
	if s.begins != nil {
		s.begins(cfg)
	}
	s.core = New(cfg)
	s.core.attempts.jitter = retry.NewJitter(0)
	s.step(Event{Kind: Tick})
}

func (s *script) moment() ledger.Moment {
	return ledger.Moment{Wall: s.now.Add(s.clock).UnixNano(), Boot: strconv.Itoa(s.boot), Uptime: s.now.Sub(s.bootAt).Nanoseconds()}
}

func (s *script) duration(v string) time.Duration {
	d, err := time.ParseDuration(v)
	require.NoError(s.t, err)
	return d
}

func (s *script) number(v string) int {
	n, err := strconv.Atoi(v)
	require.NoError(s.t, err)
	return n
}

// command is: [+dur] verb [pN.cM …] [key=value …]
func (s *script) command(words []string) {
	if words[0][0] == '+' {
		s.until(s.now.Add(s.duration(words[0][1:])))
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	args, conns := map[string]string{}, []int(nil)
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = strings.ReplaceAll(v, "_", " ")
		} else if nouns[w] {
			args[w] = "yes"
		} else {
			conns = append(conns, s.conns(w)...)
		}
	}
	switch words[0] {
	case "feed":
		s.feed(conns, args)
	case "opened", "silent":
		kind := map[string]Kind{"opened": Opened, "silent": Silent}[words[0]]
		s.wantUnderWay(conns)
		for _, c := range conns {
			delete(s.dials, c)
			s.open[c] = kind == Opened || s.open[c]
			s.step(Event{Kind: kind, Conn: c})
		}
	case "ended":
		s.wantUnderWay(conns)
		for _, c := range conns {
			delete(s.dials, c)
			class := args["class"]
			s.step(Event{Kind: Ended, Conn: c, End: End{Class: strings.ReplaceAll(class, " ", "_"), Status: status(args), Opened: s.open[c], Message: args["message"]}})
			s.open[c] = false
		}
	case "fail", "accept": // whatever is being tried
		for c := range s.core.conns {
			if !s.dials[c] {
				continue
			}
			delete(s.dials, c)
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
		s.keeping(words[0], conns, args)
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
	for k := range s.core.Requests() {
		if name == fmt.Sprintf("r%d", k) {
			found = append(found, len(s.core.Conns())+k)
		}
	}
	require.NotEmpty(s.t, found, name)
	return found
}

// feed delivers Tweets for a while: rate per second and connection, all connections of a partition the
// same, and to those of half every other one; from and to (ago) instead deliver a past span at once, as a backfill does.
func (s *script) feed(conns []int, args map[string]string) {
	s.skew = 0
	if v := args["skew"]; v != "" {
		s.skew, _ = time.ParseDuration(v)
	}
	rate := 30
	if v := args["rate"]; v != "" {
		rate = s.number(v)
	}
	duration := func(key string) time.Duration { return s.duration(args[key]) }
	if args["from"] != "" {
		for _, c := range conns {
			for at := s.now.Add(-duration("from")); at.Before(s.now.Add(-duration("to"))); at = at.Add(time.Second) {
				s.deliver(c, s.tweets(s.core.Conns()[c].Partition, at, rate))
			}
		}
		return
	}
	for end := s.now.Add(duration("for")); s.now.Before(end); {
		for _, c := range conns {
			frames := s.tweets(s.core.Conns()[c].Partition, s.now, rate)
			if args["half"] != "" && slices.Contains(s.conns(args["half"]), c) {
				frames = every(2, frames)
			}
			s.deliver(c, frames)
		}
		s.until(s.now.Add(time.Second))
	}
}

func every(n int, frames []wire.Frame) (some []wire.Frame) {
	for i := 0; i < len(frames); i += n {
		some = append(some, frames[i])
	}
	return some
}

// tweets of one second of a partition: the same for each connection.
func (s *script) tweets(partition int, at time.Time, rate int) (frames []wire.Frame) {
	for k := range rate {
		ms := at.Add(s.skew+s.asleep).Truncate(time.Second).UnixMilli() - 1000 + int64(k*1000/rate)
		id := snowflake.First(ms) | snowflake.ID(partition)<<12
		frames = append(frames, wire.Frame{Kind: wire.Record, ID: id,
			Data: fmt.Appendf(nil, `{"id":%d,"text":"x","user":{"id":1}}`, id)})
	}
	return frames
}

func (s *script) deliver(c int, frames []wire.Frame) {
	b := &wire.Batch{Frames: s.tell(c, frames)}
	for _, f := range b.Frames {
		b.Bytes += len(f.Data) + 2
	}
	s.hear(Event{Kind: Received, Conn: c, Batch: b})
}

// until lets time pass, with Ticks when the core wants them.
func (s *script) until(at time.Time) {
	for s.ready.Wake.Before(at) {
		s.now = s.ready.Wake
		s.step(Event{Kind: Tick})
	}
	s.now = at
}

// loading are the minutes whose ids are waited for, but for the one that ev brings.
func (s *script) loading(ev Event) (minutes []timeline.Minute) {
	for _, m := range s.core.seen.Loading() {
		if ev.Kind != Loaded || ev.Minute != m {
			minutes = append(minutes, m)
		}
	}
	return minutes
}

// allowRepeats of minutes that are waited for no longer, though their ids did not come: the disk hangs.
func (s *script) allowRepeats(loading []timeline.Minute) {
	for _, m := range loading {
		if !s.core.seen.Cold(m) {
			maps.DeleteFunc(s.ids, func(id snowflake.ID, _ bool) bool { return timeline.MinuteOf(id.Milli()) == m })
		}
	}
}

func (s *script) step(ev Event) {
	ev.Wall, ev.Unread = s.now.Add(s.clock).UnixNano(), s.unread
	last, loading := s.core.requests.last, s.loading(ev)
	s.core.Step(s.now, ev, &s.ready)
	if s.stepped != nil {
		s.stepped(s.now, ev, &s.ready)
	}
	waits := s.ready.Wait
	if s.core.requests.last > last {
		s.checkAsked()
	}
	checkInvariants(s.t, s.core)
	for id := range s.core.seen.AllUnseen() {
		delete(s.ids, id)
	}
	s.allowRepeats(loading)
	for i := range s.ready.Tweets {
		id := s.ready.Tweets[i].ID
		require.False(s.t, s.ids[id], "id %d emitted twice", id)
		s.ids[id] = true
	}
	for _, c := range s.ready.Close {
		if c.Leave {
			delete(s.dials, c.Conn)
			s.open[c.Conn], s.left[c.Conn] = false, true
			delete(s.waiting, c.Conn)
			s.say("leave %s (%s)", s.name(c.Conn), c.Class)
			continue
		}
		s.say("close %s (%s)", s.name(c.Conn), c.Class)
	}
	s.keep()
	for _, c := range s.ready.Connect {
		s.dials[c.Conn], s.left[c.Conn] = true, false
		s.say("connect %s backfill=%d", s.name(c.Conn), c.Backfill)
	}
	for _, a := range s.ready.Requests {
		s.dials[a.Conn], s.left[a.Conn] = true, false
		if a.Archive != X {
			s.say("read %s %s of %s", s.name(a.Conn), s.asked(a.Query), s.cfg.Archives[a.Archive].Name)
			continue
		}
		s.made = append(s.made, s.now)
		if k := len(s.made) - 1 - s.cfg.Recovery.Limit; k >= 0 {
			require.GreaterOrEqual(s.t, s.now.Sub(s.made[k]), s.cfg.Recovery.Period, "requests above the limit")
		}
		s.say("request %s %s", s.name(a.Conn), s.asked(a.Query))
	}
	for _, n := range s.ready.Notes {
		if alarm := strings.HasPrefix(n.Text, "alarm "); alarm && !s.show["alarm"] {
			continue
		}
		if s.show["notes"] || s.show[string(n.Level)] {
			s.say("%c! %s", n.Level, n.Text)
		}
	}
	for _, p := range s.ready.Points {
		s.showPoint(p)
	}
	s.turn()
	s.waits = waits
}

func (s *script) name(i int) string {
	if k := i - len(s.core.Conns()); k >= 0 {
		return fmt.Sprintf("r%d", k)
	}
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
	if kind == "recovery" {
		for i := range 3 {
			p.Fields[i].Value = time.Unix(0, p.Fields[i].Value.(int64)).UTC().Format("15:04")
		}
	}
	if kind == "alarm" {
		p.Fields[3].Value = time.Unix(0, p.Fields[3].Value.(int64)).UTC().Format("15:04")
	}
	if kind == "volume" || kind == "gap" {
		parts = append(parts, "at="+time.Unix(0, p.Time).UTC().Format("15:04"))
	}
	skip := map[string]bool{"bytes": true, "wire_bytes": true, "end": true, "heartbeats": true, "lag_ms": true, "state_bytes": true, "state_ok": true, "time_collisions": true}
	for _, f := range p.Fields {
		if strings.HasPrefix(f.Key, "duplicate") && strings.Contains(f.Key, "_") {
			skip[f.Key] = !s.show["copies"]
		}
		if kind == "volume" && graded[f.Key] {
			skip[f.Key] = !s.show["grades"]
		}
		if !skip[f.Key] || s.show[f.Key] {
			parts = append(parts, fmt.Sprintf("%s=%v", f.Key, f.Value))
		}
	}
	s.say("%s", strings.Join(parts, " "))
}

// graded are the fields of a volume that the judge has a say in.
var graded = map[string]bool{"expected": true, "score": true, "level": true, "missed_estimate": true, "missed_error": true, "empty_seconds": true}

func status(args map[string]string) int {
	n, _ := strconv.Atoi(args["status"])
	return n
}
