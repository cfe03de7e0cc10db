package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// judgedMinutes is how many minutes are judged to know what one costs.
const judgedMinutes = 2000

// benchCounting measures what counting and judging add to the pipeline: each record's posting to its account, by cause
// and by who brought it before, and each minute's verdict, against the whole way of the same records.
func benchCounting(r *report, c *corpus, rounds int) error {
	tweets, err := c.parsed()
	if err != nil {
		return err
	}
	records := 2 * len(tweets)
	minutes := time.Duration(len(tweets)+worldRate*60-1) / (worldRate * 60)
	var all, counts, verdicts, both series
	for range rounds {
		took, err := timed(func() error { _, err := runOurs(c, nowhere{}); return err })
		if err != nil {
			return err
		}
		count, err := timed(func() error { return countAll(tweets) })
		if err != nil {
			return err
		}
		judge, sample := newJudge()
		verdict, _ := timed(func() error {
			for _, m := range sample {
				judge.Close(m)
			}
			return nil
		})
		all, counts, verdicts = append(all, took), append(counts, count), append(verdicts, verdict/judgedMinutes)
		both = append(both, count+minutes*verdict/judgedMinutes)
	}
	r.section("counting and judging, 2 redundant connections")
	r.times("pipeline", all, records, 0)
	r.times("counting", counts, records, 0)
	r.line("%-28s %8.2f us/minute", "judging", perRecord(verdicts.median(), 1))
	share, least, most := ratio(both, all)
	r.line("%-28s %8.2f %% (%.2f to %.2f)", "counting_pct", 100*share, 100*least, 100*most)
	r.figure("counting_pct", 100*share)
	return nil
}

// timed is the CPU time of f, garbage collection included.
func timed(f func() error) (time.Duration, error) {
	runtime.GC()
	before := cpuTime()
	err := f()
	return cpuTime() - before, err
}

// nowhere takes everything.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// countAll posts all ids to their accounts: once as new, and once as the copy that the other connection brings.
func countAll(tweets []tweet.Tweet) error {
	book := ledger.NewBook(1, 2)
	for i := range tweets {
		ms := tweets[i].ID.Milli()
		r := book.Row(timeline.MinuteOf(ms))
		r.PostUnique(ms, 5000)
		r.Capture(0, 0)
		r = book.Row(timeline.MinuteOf(ms))
		r.PostDuplicate(ledger.Redundant, 5000)
		r.Capture(1, 1)
	}
	for _, m := range book.Minutes() {
		if r := book.Find(m); !r.Balanced() || r.Missed(0)+r.Missed(1) != 0 {
			return fmt.Errorf("%w: minute %v is %+v", errDisagree, m, *r)
		}
	}
	return nil
}

// newJudge has six weeks of history, and minutes to judge, of both partitions.
func newJudge() (*volume.Judge, []volume.Minute) {
	const rate = worldRate / 2 * 60
	rng := rand.New(rand.NewPCG(worldSeed, 'j'))
	judge := volume.New(volume.Config{Partitions: []int{1, 2}, Connections: 2})
	first := timeline.MinuteOf(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).UnixMilli())
	for m := first - 6*7*24*60; m < first; m++ {
		for p := 1; p <= 2; p++ {
			judge.Learn(m, p, rate+rng.Int64N(200))
		}
	}
	sample := make([]volume.Minute, judgedMinutes)
	for i := range sample {
		sample[i].Minute = first + timeline.Minute(i)
		for range 2 {
			n := rate + rng.Int64N(200)
			seconds := new([60]uint16)
			for i := range seconds {
				seconds[i] = rate / 60
			}
			sample[i].Parts = append(sample[i].Parts, volume.Part{Unique: n, Emitted: n, Seconds: seconds, Covered: timeline.MinuteMilli,
				Histories: []int64{0, 5, 6, n - 11}, Missed: []int64{6, 5}})
		}
	}
	return judge, sample
}
