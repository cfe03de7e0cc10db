package main

import (
	"errors"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
)

// drawDay shows counts against the season, and a fifth of everything missing in the morning.
func drawDay(seed uint64) (*plot.Plot, error) {
	const from, to = 9.5, 11.25
	t := follow(seed, between(from, to, volumes.Loss{Place: volumes.Everything, Share: 0.2}))
	p := newPlot("All partitions against the minute of the week; 20 % of everything is lost from 09:30 to 11:15", "Tweets a minute")
	var counts, expected, low, high plotter.XYs
	for i, v := range t.grades {
		x, sum, all := hour(i), t.minutes[i].Parts[0].Unique+t.minutes[i].Parts[1].Unique, v.All
		counts = append(counts, plotter.XY{X: x, Y: float64(sum)})
		expected = append(expected, plotter.XY{X: x, Y: all.Expected})
		if all.Score != 0 {
			sigma := (float64(sum) - all.Expected) / all.Score
			low = append(low, plotter.XY{X: x, Y: all.Expected - 2*sigma})
			high = append(high, plotter.XY{X: x, Y: all.Expected + 2*sigma})
		}
	}
	const top = 52_000
	p.Y.Min, p.Y.Max = 0, top
	return p, errors.Join(
		shade(p, "loss", from, to, 0, top-4_000),
		area(p, "expected ± 2 standard deviations", pale, low, high),
		line(p, "expected", blue, 1.2, expected),
		dots(p, "counted", grey, counts),
		marks(p, t.alarms, 0, top-4_000),
	)
}

// drawSplit shows the share of a partition by the minute and by the hour, and a loss of one in a hundred.
func drawSplit(seed uint64) (*plot.Plot, error) {
	const from, to = 8, 14
	t := follow(seed, between(from, to, volumes.Loss{Place: volumes.Partition, Share: 0.01}))
	p := newPlot("Share of partition 1; 1 % of it is lost from 08:00 to 14:00, and nothing of partition 2", "share of the total, %")
	var minute, hourly plotter.XYs
	for i := range t.minutes {
		minute = append(minute, plotter.XY{X: hour(i), Y: share(t, i, 1)})
		if i >= 60 {
			hourly = append(hourly, plotter.XY{X: hour(i), Y: share(t, i, 60)})
		}
	}
	const bottom, top = 48.7, 51.5
	p.Y.Min, p.Y.Max = bottom, top
	return p, errors.Join(
		shade(p, "loss", from, to, bottom, top-0.3),
		dots(p, "by the minute", grey, minute),
		line(p, "by the hour", blue, 1.5, hourly),
		marks(p, t.alarms, bottom, top-0.3),
	)
}

// share is partition 1's part of the n minutes up to minute i, in per cent.
func share(t *trace, i, n int) float64 {
	var own, total float64
	for _, m := range t.minutes[max(0, i-n+1) : i+1] {
		own += float64(m.Parts[0].Unique)
		total += float64(m.Parts[0].Unique + m.Parts[1].Unique)
	}
	return 100 * own / total
}

// drawMissed shows the estimate against the truth: where connections lose by themselves, and where they lose together.
func drawMissed(seed uint64) (*plot.Plot, error) {
	apart, together := between(6, 10, volumes.Loss{Place: volumes.Each, Share: 0.1}), between(14, 18, volumes.Loss{Place: volumes.Everything, Share: 0.02})
	t := follow(seed, func(minute int) volumes.Loss {
		if l := apart(minute); l.Place != "" {
			return l
		}
		return together(minute)
	})
	p := newPlot("Partition 1, missed by all: each connection loses 10 % by itself from 06 to 10, X loses 2 % for both from 14 to 18", "Tweets a minute")
	var truth, estimate, low, high plotter.XYs
	for i, v := range t.grades {
		x, e, missed := hour(i), v.Parts[0].Missed, float64(t.missed[i])
		if l := together(i); l.Place != "" {
			missed += float64(t.minutes[i].Parts[0].Unique) * l.Share / (1 - l.Share)
		}
		truth = append(truth, plotter.XY{X: x, Y: missed})
		estimate = append(estimate, plotter.XY{X: x, Y: e.Missed})
		low, high = append(low, plotter.XY{X: x, Y: e.Low}), append(high, plotter.XY{X: x, Y: e.High})
	}
	p.Y.Min, p.Y.Max = 0, 600
	return p, errors.Join(
		area(p, "interval of 95 %", pale, low, high),
		line(p, "estimate", blue, 1.2, estimate),
		dots(p, "truth", red, truth),
	)
}
