package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// bound is a promise of docs/volumes.md about a row.
type bound struct {
	noticed float64 // share of the losses, at least
	p95     int     // minutes, at most; 0: none
}

// lossRow is one line of the table of losses.
type lossRow struct {
	weather volumes.Weather
	loss    volumes.Loss
	bound   bound
	delays  volumes.Delays
}

func lossRows() (rows []*lossRow) {
	add := func(w volumes.Weather, place volumes.Place, share, noticed float64, p95 int) {
		rows = append(rows, &lossRow{weather: w, loss: volumes.Loss{Place: place, Share: share}, bound: bound{noticed, p95}})
	}
	add(volumes.Calm, volumes.Connection, 0.01, 1, 40)
	add(volumes.Calm, volumes.Connection, 0.05, 1, 8)
	add(volumes.Calm, volumes.Connection, 0.2, 1, 5)
	add(volumes.Calm, volumes.Connection, 1, 1, 1)
	add(volumes.Calm, volumes.Partition, 0.01, 0.95, 240)
	add(volumes.Calm, volumes.Partition, 0.05, 0.99, 10)
	add(volumes.Calm, volumes.Partition, 0.2, 0.99, 1)
	add(volumes.Calm, volumes.Partition, 1, 0.99, 1)
	add(volumes.Calm, volumes.Everything, 0.01, 0, 0)
	add(volumes.Calm, volumes.Everything, 0.05, 0, 0)
	add(volumes.Calm, volumes.Everything, 0.1, 0.5, 0)
	add(volumes.Calm, volumes.Everything, 0.2, 0.95, 2)
	add(volumes.Calm, volumes.Everything, 1, 0.99, 1)
	add(volumes.Rough, volumes.Everything, 0.2, 0, 0)
	add(volumes.Rough, volumes.Everything, 0.5, 0.5, 0)
	add(volumes.Rough, volumes.Everything, 1, 0.99, 1)
	return rows
}

// each is after how many days another stream begins: what is never noticed must not be learned for long.
func (r *lossRow) each() int {
	if r.loss.Place == volumes.Everything && r.loss.Share < 0.5 {
		return 10
	}
	return 50
}

// quietRow is one line of the table of false alarms.
type quietRow struct {
	weather volumes.Weather
	fresh   bool // begins without history, and is judged in its first four weeks
	quiet   volumes.Quiet
}

func quietRows() []*quietRow {
	return []*quietRow{
		{weather: volumes.Calm}, {weather: volumes.Rough}, {weather: volumes.Thin},
		{weather: volumes.Calm, fresh: true}, {weather: volumes.Rough, fresh: true},
	}
}

// coverRow is one line of the table of the estimate.
type coverRow struct {
	capture  volumes.Capture
	coverage volumes.Coverage
}

func (r *coverRow) independent() bool { return r.capture.Together == 0 }

func coverRows() (rows []*coverRow) {
	add := func(offered int64, together float64, own ...float64) {
		rows = append(rows, &coverRow{capture: volumes.Capture{Offered: offered, Own: own, Together: together}})
	}
	for _, own := range []float64{0.0001, 0.001, 0.01, 0.05, 0.2, 0.5} {
		add(12_000, 0, own, own)
	}
	add(12_000, 0, 0.001, 0.2)
	add(60, 0, 0.05, 0.05)
	add(60, 0, 0.2, 0.2)
	for _, own := range []float64{0.01, 0.2, 0.5} {
		add(12_000, 0, own, own, own)
		add(12_000, 0, own, own, own, own)
	}
	add(12_000, 0, 0.01, 0.1, 0.5)
	for _, together := range []float64{0.01, 0.05, 0.2} {
		add(12_000, together, 0.01, 0.01)
		add(12_000, together, 0.01, 0.01, 0.01)
	}
	return rows
}

// measure fills all tables, and says which bounds are not kept.
func measure(count int, seed uint64) (report string, broken []string) {
	quiet, losses, covers := quietRows(), lossRows(), coverRows()
	var jobs []func()
	for _, r := range quiet {
		jobs = append(jobs, func() { r.fill(count, seed) })
	}
	for _, r := range losses {
		jobs = append(jobs, func() { r.delays = volumes.Lose(r.weather, r.loss, count, r.each(), seed) })
	}
	for _, r := range covers {
		jobs = append(jobs, func() { r.coverage = volumes.Cover(r.capture, 5*count, seed) })
	}
	spread(jobs)
	var b strings.Builder
	broken = append(broken, quietTable(&b, quiet)...)
	broken = append(broken, lossTable(&b, losses)...)
	broken = append(broken, coverTable(&b, covers)...)
	return b.String(), broken
}

// fill lets a row listen, to streams of a month each if they are to begin without history.
func (r *quietRow) fill(count int, seed uint64) {
	if !r.fresh {
		r.quiet = volumes.Listen(r.weather, volumes.Warm, count, seed)
		return
	}
	const month = 28
	for i := range uint64((count + month - 1) / month) {
		r.quiet.Add(volumes.Listen(r.weather, 0, month, seed<<32+i))
	}
}

// spread does the jobs on all cores, and tells how many are done.
func spread(jobs []func()) {
	var done atomic.Int32
	next := make(chan func(), len(jobs))
	for _, j := range jobs {
		next <- j
	}
	close(next)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range next {
				j()
				fmt.Fprintf(os.Stderr, "\r%d of %d rows", done.Add(1), len(jobs))
			}
		})
	}
	wg.Wait()
	fmt.Fprintln(os.Stderr)
}

func quietTable(b *strings.Builder, rows []*quietRow) (broken []string) {
	fmt.Fprintf(b, "**False alarms**, where nothing is lost. The bound is %g a day, all of them together.\n\n", volume.FalseAlarms)
	b.WriteString("| weather | history before | days | x | partition | network | us, sink | all, a day | bound kept |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, r := range rows {
		history := "six weeks"
		if r.fresh {
			history = "none; the first four weeks"
		}
		q := &r.quiet
		kept := q.PerDay() <= volume.FalseAlarms
		if !kept {
			broken = append(broken, fmt.Sprintf("%s, %s: %.4f false alarms a day", r.weather.Name, history, q.PerDay()))
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d | %d | %.4f | %s |\n", r.weather.Name, history, q.Days, q.Alarms[volume.X], q.Alarms[volume.Partition],
			q.Alarms[volume.Network], q.Alarms[volume.Us]+q.Alarms[volume.Sink], q.PerDay(), yes(kept))
	}
	return broken
}

func lossTable(b *strings.Builder, rows []*lossRow) (broken []string) {
	b.WriteString("\n**Delay** from the start of a loss to the close of the minute that gives the right alarm, in minutes of stream time; a minute closes 15 to 30 s after its end. " +
		"A loss lasts until it is noticed, six hours at most. *Misled*: another kind of alarm came as well.\n\n")
	b.WriteString("| weather | lost on | share | losses | noticed | median | p95 | misled | bound |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, r := range rows {
		d := &r.delays
		kept := d.Noticed() >= r.bound.noticed && (r.bound.p95 == 0 || d.Quantile(0.95) > 0 && d.Quantile(0.95) <= r.bound.p95) && 20*d.Misled <= d.Losses
		if !kept {
			broken = append(broken, fmt.Sprintf("%s, %g on %s: noticed %.3f, p95 %d, misled %d", r.weather.Name, r.loss.Share, r.loss.Place, d.Noticed(), d.Quantile(0.95), d.Misled))
		}
		fmt.Fprintf(b, "| %s | %s | %g %% | %d | %.1f %% | %s | %s | %d | %s |\n", r.weather.Name, r.loss.Place, 100*r.loss.Share, d.Losses, 100*d.Noticed(),
			minutes(d.Quantile(0.5)), minutes(d.Quantile(0.95)), d.Misled, r.bound)
	}
	return broken
}

func (b bound) String() string {
	switch {
	case b.noticed == 0:
		return "none"
	case b.p95 == 0:
		return fmt.Sprintf("≥ %g %%", 100*b.noticed)
	}
	return fmt.Sprintf("≥ %g %%, p95 ≤ %d", 100*b.noticed, b.p95)
}

func minutes(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}

func yes(kept bool) string {
	if kept {
		return "yes"
	}
	return "**no**"
}

func coverTable(b *strings.Builder, rows []*coverRow) (broken []string) {
	for _, independent := range []bool{true, false} {
		if independent {
			b.WriteString("\n**The estimate where connections lose independently.** The bound is 90 % of intervals that hold the truth, nominally 95 %.\n\n")
		} else {
			b.WriteString("\n**The estimate where they also lose together.** No bound: it does not see what all lose together.\n\n")
		}
		b.WriteString("| connections, own loss | lost together | Tweets a minute | minutes | known | all missed, mean | estimate, mean | error, stated | error, found | intervals that hold it |\n" +
			"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
		for _, r := range rows {
			if r.independent() != independent {
				continue
			}
			c := &r.coverage
			if independent && (c.Share() < 0.9 || 2*c.Known < c.Minutes) {
				broken = append(broken, fmt.Sprintf("own loss %v of %d: %.3f of intervals hold the truth", r.capture.Own, r.capture.Offered, c.Share()))
			}
			fmt.Fprintf(b, "| %s | %g %% | %d | %d | %.1f %% | %.4g | %.4g | %.4g | %.4g | %.1f %% |\n", own(r.capture.Own), 100*r.capture.Together, r.capture.Offered,
				c.Minutes, 100*float64(c.Known)/float64(c.Minutes), c.Missed, c.Estimate, c.Error, c.Wander, 100*c.Share())
		}
	}
	return broken
}

func own(shares []float64) string {
	var s []string
	for _, x := range shares {
		s = append(s, fmt.Sprintf("%g %%", 100*x))
	}
	return fmt.Sprintf("%d: %s", len(shares), strings.Join(s, ", "))
}
