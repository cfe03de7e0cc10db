package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

type options struct {
	quick   bool
	only    string
	profile string
	root    string
	binary  string
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "few rounds, no Telegraf agent")
	flag.StringVar(&o.only, "only", "", "comma-separated `parts` to measure: "+strings.Join(partNames(), ", "))
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of our own pipeline to `FILE` and end")
	flag.StringVar(&o.root, "root", "..", "the project's `directory`")
	flag.StringVar(&o.binary, "binary", "", "measure this telegraf-decahose, `FILE`, rather than build one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is one group of measurements. One that cannot be made says so and the others go on; an error
// wrapping errDisagree ends the run.
type part struct {
	name    string
	figures []string
	agent   bool // needs a Telegraf
	run     func(*bench) error
}

// errDisagree: contenders saw different things, so that their times mean nothing.
var errDisagree = errors.New("contenders disagree")

// bench is what the parts share.
type bench struct {
	*report
	ctx    context.Context
	quick  bool
	corpus *corpus
	binary string // the real one
	dir    string // for temporary files
	err    error  // why there is no binary
}

func parts() []part {
	return []part{
		{"pipeline", []string{"pipeline_x_naive", "pipeline_x_library"}, false, func(b *bench) error { return benchPipeline(b.report, b.corpus, b.rounds()) }},
		{"allocs", []string{"allocs_per_record"}, false, func(b *bench) error { return benchAllocs(b.report, b.corpus) }},
		{"parse", []string{"parse_x_encoding_json"}, false, func(b *bench) error { return benchParse(b.report, b.corpus, b.rounds()) }},
		{"counting", []string{"counting_pct"}, false, func(b *bench) error { return benchCounting(b.report, b.corpus, b.rounds()) }},
		{"dedup", []string{"dedup_bytes_per_id", "dedup_ns"}, false, func(b *bench) error { return benchDedup(b.report, b.rounds()) }},
		{"cores", []string{"two_core_x"}, false, benchCores},
		{"jq", []string{"cpu_x_jq"}, false, benchJQ},
		{"rss", []string{"rss_mib"}, false, benchMemory},
		{"latency", []string{"p99_ms"}, false, benchLatency},
		{"state", []string{"state_bytes_per_id", "state_write_kb_s", "state_ms_per_commit", "state_p99_ms_per_commit", "state_start_s", "state_rss_mib"}, false, benchState},
		{"replay", []string{"replay_x_live", "replay_x_realtime"}, false, benchReplay},
		{"refill", []string{"refill_hour_s"}, false, benchRefill},
		{"spool", []string{"spool_write_per_s", "spool_read_per_s"}, false, benchSpool},
		{"acknowledged", []string{"acknowledged_per_s", "courier_per_s"}, true, benchAcknowledged},
		{"tracked", []string{"tracked_per_s"}, true, benchTracked},
		{"added", []string{"delivery_p99_ms", "tracked_p99_ms"}, true, benchAdded},
		{"agent", []string{"agent_x_json_v2"}, true, benchAgent},
	}
}

func partNames() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func (b *bench) rounds() int {
	if b.quick {
		return 2
	}
	return 7
}

func run(ctx context.Context, o options) error {
	if err := os.Chdir(o.root); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "decahose-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tweets := 30_000
	if o.quick {
		tweets = 10_000
	}
	b := &bench{report: newReport(os.Stdout), ctx: ctx, quick: o.quick, dir: dir, binary: o.binary, corpus: newCorpus(tweets, time.Now())}
	b.line("%s, %s/%s, %d cores, %s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Format("2006-01-02 15:04Z"))
	b.line("corpus: %v", b.corpus)
	if o.profile != "" {
		return profile(b.corpus, o.profile)
	}
	for _, p := range parts() {
		if err := b.measure(p, o); err != nil {
			return err
		}
	}
	b.figures()
	return nil
}

// measure runs one part, unless it was not asked for.
func (b *bench) measure(p part, o options) error {
	err := errors.New("not asked for")
	switch {
	case o.only != "" && !strings.Contains(","+o.only+",", ","+p.name+","):
	case o.quick && p.agent:
		err = errors.New("not measured with -quick")
	default:
		before := readMachine()
		err = p.run(b)
		b.line("%-28s %8.0f %% of the machine's time", "other programs", 100*before.others(readMachine()))
	}
	if errors.Is(err, errDisagree) || b.ctx.Err() != nil {
		return errors.Join(err, b.ctx.Err())
	}
	for _, name := range p.figures {
		if err != nil {
			b.missing(name, err)
		}
	}
	return nil
}

// profile runs our pipeline often enough for pprof to see where the time goes.
func profile(c *corpus, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	runtime.GOMAXPROCS(1)
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for range 10 {
		if _, err := runOurs(c, null); err != nil {
			return err
		}
	}
	return nil
}
