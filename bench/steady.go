package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// steadyTime holds two backups, two merges, and a prune for each five minutes.
const steadyTime = 2 * time.Hour

// steadyResult is what the commits of so many ids cost.
type steadyResult struct {
	IDs     int
	Took    []time.Duration // real time of each
	CPU     time.Duration   // of all
	Written int64           // bytes that went to the disk: whole pages
	Called  int64           // bytes given to the system
}

// steady measures the commits of two hours, which are over as soon as the disk allows: the clock is that of a
// testing/synctest bubble, so a test must be built for it.
func (b *bench) steady(state string, h *history) error {
	length := steadyTime
	if b.quick {
		length /= 12
	}
	binary := filepath.Join(b.dir, "steady.test")
	build := exec.CommandContext(b.ctx, "go", "test", "-c", "-o", binary, ".")
	build.Dir = "bench"
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the commits' bubble: %w\n%s", err, out)
	}
	out := filepath.Join(b.dir, "steady.json")
	cmd := exec.CommandContext(b.ctx, binary, "-test.run=^TestSteady$", "-steady-state="+filepath.Join(state, stateName),
		"-steady-time="+length.String(), "-steady-out="+out)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run commits: %w\n%s", err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return fmt.Errorf("run commits: %w", err)
	}
	var r steadyResult
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("run commits: %w", err)
	}
	return b.commits(&r, length)
}

func (b *bench) commits(r *steadyResult, length time.Duration) error {
	n := len(r.Took)
	sum := time.Duration(0)
	for _, t := range r.Took {
		sum += t
	}
	mean := sum / time.Duration(n)
	b.line("%-28s %8.1f ms mean, p50 %s, p99 %s, max %s; %.1f ms of CPU; %d commits, %d ids each", "a commit each 5 s", float64(mean)/1e6,
		millis(percentile(r.Took, 0.5)), millis(percentile(r.Took, 0.99)), millis(percentile(r.Took, 1)), float64(r.CPU)/1e6/float64(n), n, r.IDs/n)
	b.line("%-28s %8.1f kB/s, %.1f bytes per id; %.1f kB/s given to the system", "writes to disk", float64(r.Written)/1e3/length.Seconds(),
		float64(r.Written)/float64(r.IDs), float64(r.Called)/1e3/length.Seconds())
	if r.Written == 0 {
		return fmt.Errorf("%s is not on a disk", b.dir)
	}
	if b.quick {
		return nil
	}
	b.figure("state_write_kb_s", float64(r.Written)/1e3/length.Seconds())
	b.figure("state_ms_per_commit", float64(mean)/1e6)
	b.figure("state_p99_ms_per_commit", float64(percentile(r.Took, 0.99))/1e6)
	return nil
}

// runSteady commits as the core does in steady state, each 5 s of the bubble's time.
func runSteady(dir string, length time.Duration) (*steadyResult, error) {
	s, past, err := store.Open(dir, store.Options{Horizon: horizon})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	w := &watch{ids: newIDs(worldRate), begin: past.Partitions[0].Begin}
	r := &steadyResult{}
	written, called := ioOfSelf()
	for range length / commitEvery {
		time.Sleep(commitEvery)
		c := w.commit(time.Now())
		cpu, at := cpuTime(), realTime()
		if err := s.Commit(c); err != nil {
			return nil, err
		}
		r.Took = append(r.Took, realTime()-at)
		r.CPU += cpuTime() - cpu
	}
	r.IDs = w.count
	r.Written, r.Called = ioOfSelf()
	r.Written -= written
	r.Called -= called
	return r, nil
}

// realTime is a clock that no bubble stops.
func realTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("BUG: clock_gettime: " + err.Error())
	}
	return time.Duration(t.Nano())
}

// ioOfSelf is what this process has had written to disks, and what it has given to the system for that; 0 where the
// system does not say.
func ioOfSelf() (written, called int64) {
	text, _ := os.ReadFile("/proc/self/io")
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "write_bytes: %d", &written) // another line leaves it
		_, _ = fmt.Sscanf(line, "wchar: %d", &called)
	}
	return written, called
}

// watch is a core in steady state, as far as its commits go.
type watch struct {
	ids   *idSource
	begin int64
	seq   uint64
	rows  [partitions + 1]map[timeline.Minute]*ledger.MinuteRecord
	count int
}

// commit is that of now: the ids of five seconds that are settled, and the rows that changed since the one before.
func (w *watch) commit(now time.Time) *ledger.Commit {
	w.seq++
	ms := now.UnixMilli()
	to := ms - timeline.Settle.Milliseconds() // ids are stored, and the position moves, that long after they came
	settled := timeline.Span{From: to - commitEvery.Milliseconds(), To: to}
	c := &ledger.Commit{Seq: w.seq, Keep: timeline.MinuteOf(ms - (horizon + time.Hour).Milliseconds()),
		Moment: ledger.Moment{Wall: ms * 1e6, Stream: ms, Boot: "c0ffee00-0000-4000-8000-000000000000", Uptime: ms * 1e6}}
	for p := 1; p <= partitions; p++ {
		c.Partitions = append(c.Partitions, ledger.PartitionRecord{Partition: p, Begin: w.begin, Position: to})
		for m := timeline.MinuteOf(settled.From); m <= timeline.MinuteOf(ms); m++ {
			ids := w.ids.in(nil, settled.Intersect(m.Span()))
			if len(ids) > 0 {
				c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: ids})
			}
			w.count += len(ids)
			c.Minutes = append(c.Minutes, w.row(p, m, ids, to))
		}
	}
	return c
}

// row adds settled ids to a minute.
func (w *watch) row(p int, m timeline.Minute, ids []snowflake.ID, position int64) ledger.MinuteRecord {
	if w.rows[p] == nil {
		w.rows[p] = map[timeline.Minute]*ledger.MinuteRecord{}
	}
	r := w.rows[p][m]
	if r == nil {
		r = &ledger.MinuteRecord{Partition: p, Minute: m, State: ledger.Open}
		w.rows[p][m] = r
		delete(w.rows[p], m-3)
	}
	n := int64(len(ids))
	r.Unique, r.Duplicate, r.Received, r.Emitted, r.Bytes = r.Unique+n, r.Duplicate+n, r.Received+2*n, r.Emitted+n, r.Bytes+2*5200*n
	r.Digest += ledger.Digest(ids...)
	if covered := m.Span().Intersect(timeline.Span{From: m.Milli(), To: position}); !covered.Empty() {
		r.Covered = []timeline.Span{covered}
	}
	if (m + 1).Milli() <= position {
		r.State, r.Connections = ledger.Whole, 2
	}
	return *r
}
