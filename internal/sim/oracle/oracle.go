package oracle

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Run is one rehearsal: the product's stream against a simulator, inside a testing/synctest bubble.
type Run struct {
	Server  decasim.ServerConfig
	Core    func(*core.Config)    // changes the options, nil: as they are
	Stream  func(*stream.Options) // the same
	Offer   time.Duration         // how long Tweets are offered
	Patient time.Duration         // how much longer, while the plugin says that gaps are open
	Quiet   time.Duration         // how long heartbeats only follow; 0: 5 s
	Between func(*decasim.Server) // called when the engine runs, nil: nothing

	Other *Site // whose archive gaps are filled from, nil: there is none

	Outputs *Outputs // whose word is awaited; nil: what is written to the pipe was read

	Out func(io.Writer) io.Writer // wraps the reader of the output, nil: it takes all at once

	Dir   string // of the state; empty: none is kept, and there is one life
	Lives []Life // of the process, before the last one, which is stopped in order
}

// Life of the process that ends before the run does.
type Life struct {
	For  time.Duration
	Kill bool          // at once, and what the reader of the pipe had not read is gone
	Down time.Duration // until the next life
	Then func()        // while it is down, nil: nothing
	// Damage says that Then damages the state, so that Tweets may be emitted again.
	Damage bool
}

// Outcome is what the run came to.
type Outcome struct {
	Offered, Emitted int
	Lost             []snowflake.ID // offered, never emitted
	Told             []snowflake.ID // the same, of minutes that requests lied about, and that are told of as not proven to be full
	Doubled          []snowflake.ID // emitted more than once
	Wrong            []snowflake.ID // emitted with another time than their own
	Repeated         int            // emitted again by a later life, after a kill: that is allowed
	Unsent           int            // offered, but written to no sound connection
	Dark             []string       // roads that were healed and not found so in time
	Unfired          []string       // planned faults that did not happen
	Notes            []string
	Lines            []byte // all output
	Err              error  // of the engine, or of its state
	Requests         []decasim.Request
	Open             int64 // gaps that were open in the end, as the plugin says
	Undelivered      int64 // Tweets that were not delivered in the end, as the plugin says
	Refused          int   // Tweets that the outputs will never accept

	lives  []life
	noting sync.Mutex // guards Notes while a process lives
}

// life is what one life of the process put out.
type life struct {
	lines  []byte
	killed bool // it, or something before the next one, may have lost what was known
}

// String is the verdict in one line.
func (o *Outcome) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "offered %d emitted %d lost %d doubled %d wrong %d unsent %d open %d", o.Offered, o.Emitted, len(o.Lost), len(o.Doubled), len(o.Wrong), o.Unsent, o.Open)
	for name, ids := range map[string][]snowflake.ID{"lost": o.Lost, "doubled": o.Doubled} {
		if len(ids) > 0 {
			fmt.Fprintf(&s, "; %s from %s to %s", name, ids[0].Time().UTC().Format("15:04:05.000"), ids[len(ids)-1].Time().UTC().Format("15:04:05.000"))
		}
	}
	return s.String()
}

// Play runs r to its end. The caller must be inside a bubble whose clock is past 2010.
func (r Run) Play() *Outcome {
	l := decasim.NewPipeListener()
	s := decasim.NewServer(r.Server)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	out := &Outcome{}
	begun := time.Now()
	if r.Outputs != nil {
		r.Outputs.begin()
	}
	done := make(chan struct{})
	if r.Other != nil {
		serving.Go(func() { r.Other.live(r, l, done) })
	}
	for _, f := range r.Lives {
		p := r.begin(l, out)
		time.Sleep(f.For)
		p.end(f.Kill)
		out.lives[len(out.lives)-1].killed = f.Kill || f.Damage
		time.Sleep(f.Down)
		if f.Then != nil {
			f.Then()
		}
	}
	p := r.begin(l, out)
	if r.Between != nil {
		r.Between(s)
	}
	time.Sleep(time.Until(begun.Add(r.Offer)))
	for end := time.Now().Add(r.Patient); time.Now().Before(end) && !p.whole(); {
		time.Sleep(time.Minute)
	}
	s.StopOffering()
	time.Sleep(max(r.Quiet, 5*time.Second))
	p.whole()
	p.end(false)
	close(done)
	out.judge(s, r.Server.Faults, r.Outputs)
	out.Requests = s.Requests()
	_ = s.Close()
	serving.Wait()
	return out
}

// config is the product's stream, with the simulator as X, and the pipe or Outputs behind it.
func (r Run) config(l *decasim.PipeListener, w *encode.Writer, out *Outcome) app.Config {
	o, c := streamOptions(l), coreConfig(r.Server.Seed)
	if r.Stream != nil {
		r.Stream(&o)
	}
	if r.Core != nil {
		r.Core(&c)
	}
	requests := o
	requests.SilenceTimeout = 5 * time.Minute
	cfg := app.Config{Schema: schema(), Dir: r.Dir, SpoolLimit: 64 << 20, MaxUndelivered: app.MaxUndelivered, Output: app.Stdout{Writer: w},
		Engine: engine.Config{Core: c, Clients: []*stream.Client{stream.NewClient(o)}, Points: encode.NewLines(nil, w), OrdersInterval: time.Hour,
			Requesters: []*stream.Client{stream.NewClient(requests)}, RequestURL: func(q refill.Request) string { return requestURL(c.Recovery, q) },
			URL: url, Listener: engine.Listener{Note: out.note}}}
	if r.Outputs != nil {
		cfg.SpoolLimit, cfg.MaxUndelivered = r.Outputs.Spool, cmp.Or(r.Outputs.Memory, 500)
	}
	cfg.MaxBytes = cfg.MaxUndelivered * linesBytes
	return cfg
}

// linesBytes is the usual length of a Tweet's line here: memory is full in bytes as often as in Tweets.
const linesBytes = 200

func streamOptions(l *decasim.PipeListener) stream.Options {
	return stream.Options{
		Credentials: func() (string, string, error) { return "demo", "demo", nil },
		Dial:        l.DialContext, ConnectTimeout: 10 * time.Second, HeartbeatTimeout: 31 * time.Second,
		SilenceTimeout: 10 * time.Second, RecordLimit: 4 << 20,
	}
}

func coreConfig(seed uint64) core.Config {
	return core.Config{StreamLabel: "prod", Partitions: []int{1, 2}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute,
		DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Recovery: refill.Rules{Horizon: 120 * time.Hour}, Interval: 10 * time.Second, Seed: seed}
}

// note is called by several goroutines.
func (o *Outcome) note(n core.Note) {
	o.noting.Lock()
	defer o.noting.Unlock()
	o.Notes = append(o.Notes, fmt.Sprintf("%s %c! %s", time.Now().UTC().Format("15:04:05.0"), n.Level, n.Text))
}

func schema() *encode.Schema {
	s, err := encode.NewSchema("prod", []string{"kind"}, []string{"id", "text"}, encode.Space)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return s
}

func url(partition, backfill int) string {
	u := fmt.Sprintf("http://127.0.0.1:1/stream/sample10/accounts/demo/publishers/twitter/prod.json?partition=%d", partition)
	if backfill > 0 {
		u += fmt.Sprintf("&backfillMinutes=%d", backfill)
	}
	return u
}

func requestURL(r refill.Rules, q refill.Request) string {
	kind := "replay"
	if r.Method == refill.Recovery {
		kind = "stream"
	}
	return fmt.Sprintf("http://127.0.0.1:1/%s/sample10/accounts/demo/publishers/twitter/prod.json?%s", kind,
		refill.Query(r.Method, q, [2]string{"startTime", "endTime"}, r.ByPartition))
}

// liesTold are the minutes that requests lied about, as the server knows, and of which the last word of the output is that
// they are not proven to be full. To be whole by a lie is a loss.
func (o *Outcome) liesTold(requests []decasim.Request) map[timeline.Minute]bool {
	type row struct {
		minute    timeline.Minute
		partition string
	}
	lied, marked, told := map[timeline.Minute]bool{}, map[row]bool{}, map[timeline.Minute]bool{}
	for _, r := range requests {
		for m := timeline.MinuteOf(r.From.UnixMilli()); r.Lied && m.Milli() < r.To.UnixMilli(); m++ {
			lied[m] = true
		}
	}
	for p := range points(o.Lines) {
		if m := timeline.MinuteOf(p.time / 1e6); p.name == "decahose_volume" && lied[m] && p.fields["state"] == "recovered" {
			marked[row{m, p.tags["partition"]}] = p.fields["fill"] != nil
		}
	}
	for r, yes := range marked {
		told[r.minute] = told[r.minute] || yes
	}
	return told
}

// judge compares the output with what the server says it offered. A Tweet that X deleted, or that an edit took the
// place of, cannot be had later: it is not counted as lost.
func (o *Outcome) judge(s *decasim.Server, plan *decasim.FaultPlan, behind *Outputs) {
	emitted := o.compare()
	if behind != nil { // a batch whose answer was lost is sent again
		o.Repeated, o.Doubled = o.Repeated+len(o.Doubled), nil
		for id := range behind.Refused {
			emitted[id] = "refused"
		}
		o.Refused = len(behind.Refused)
	}
	offered, lies := s.OfferedIDs(), o.liesTold(s.Requests())
	for _, id := range offered {
		switch _, ok := emitted[id]; {
		case ok || s.Gone(id):
		case lies[timeline.MinuteOf(id.Milli())]:
			o.Told = append(o.Told, id)
		default:
			o.Lost = append(o.Lost, id)
		}
	}
	o.Offered, o.Emitted, o.Unsent = len(offered), len(emitted), len(s.UnsentIDs())
	o.Unfired = plan.Unfired()
	o.Dark = stillDark(s, plan)
}
