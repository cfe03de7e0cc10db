package main

import (
	"fmt"
	"io"
	"time"
)

// goals are the figures in the order in which they end the output, with what is asked of them.
var goals = []struct {
	name, goal string
	digits     int
}{
	{"pipeline_x_naive", ">=4.5", 2},
	{"pipeline_x_library", ">=1.05", 2},
	{"cpu_x_jq", ">=8", 1},
	{"parse_x_encoding_json", ">=6", 2},
	{"allocs_per_record", "<=0", 1},
	{"counting_pct", "<=3", 2},
	{"dedup_bytes_per_id", "<=8", 2},
	{"dedup_ns", "<=60", 1},
	{"two_core_x", ">=1.7", 2},
	{"rss_mib", "<=64", 1},
	{"agent_x_json_v2", ">=4", 2},
	{"p99_ms", "<=100", 1},
	{"state_bytes_per_id", "<=4", 2},
	{"state_write_kb_s", "<=16", 1},
	{"state_ms_per_commit", "<=10", 1},
	{"state_p99_ms_per_commit", "<=100", 1},
	{"state_start_s", "<=2", 2},
	{"state_rss_mib", "<=256", 1},
	{"replay_x_live", ">=0.8", 2},
	{"replay_x_realtime", ">=50", 1},
	{"refill_hour_s", "-", 1},
	{"acknowledged_per_s", ">=30000", 0},
	{"courier_per_s", ">=30000", 0},
	{"tracked_per_s", ">=100000", 0},
	{"spool_write_per_s", ">=20000", 0},
	{"spool_read_per_s", ">=20000", 0},
	{"delivery_p99_ms", "-", 0},
	{"tracked_p99_ms", "-", 0},
}

// report is what the benchmark prints: measurements as they come, figures at the very end.
type report struct {
	out    io.Writer
	values map[string]float64
	why    map[string]string // of figures that could not be measured
}

func newReport(out io.Writer) *report {
	return &report{out: out, values: map[string]float64{}, why: map[string]string{}}
}

func (r *report) section(title string) { r.line("\n%s", title) }

func (r *report) line(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

func (r *report) figure(name string, value float64) { r.values[name] = value }

// missing says why a figure has no value.
func (r *report) missing(name string, err error) { r.why[name] = err.Error() }

// times prints one contender's median over so many records of so many bytes, all together.
func (r *report) times(name string, s series, records, bytes int) {
	mid := s.median()
	if bytes == 0 {
		r.line("%-28s %8.2f us/record", name, perRecord(mid, records))
		return
	}
	r.line("%-28s %8.2f us/record %8.0f MB/s", name, perRecord(mid, records), float64(bytes)/mid.Seconds()/1e6)
}

func perRecord(d time.Duration, records int) float64 {
	return float64(d.Nanoseconds()) / 1e3 / float64(records)
}

// ratio makes a figure of how many times the time of to is in that of of.
func (r *report) ratio(name string, of, to series) {
	mid, least, most := ratio(of, to)
	r.line("%-28s %8.2f x (%.2f to %.2f)", name, mid, least, most)
	r.figure(name, mid)
}

// figures ends the output.
func (r *report) figures() {
	r.section("figures")
	for _, g := range goals {
		if why, ok := r.why[g.name]; ok {
			r.line("%s could not be measured: %s", g.name, why)
		}
	}
	for _, g := range goals {
		value := "-"
		if v, ok := r.values[g.name]; ok {
			value = fmt.Sprintf("%.*f", g.digits, v)
		}
		r.line("figure %s %s %s", g.name, value, g.goal)
	}
}
