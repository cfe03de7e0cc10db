package decahose

import (
	"context"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/guard"
)

// guardedPoints keeps secrets, and what no terminal should get, out of the strings of counters: some hold words of others.
type guardedPoints struct{ encode.Points }

func (g guardedPoints) AddPoint(p *encode.Point) error {
	for i := range p.Fields {
		if text, ok := p.Fields[i].Value.(string); ok {
			p.Fields[i].Value = guard.Line(text, stringMost)
		}
	}
	return g.Points.AddPoint(p)
}

// stringMost bounds a string of a counter, in bytes.
const stringMost = 2000

// accumulatorPoints hands counters to Telegraf. AddPoint, Pending, Due and Take belong to the engine's goroutine and
// use the open batch; Write belongs to an emit goroutine.
type accumulatorPoints struct {
	acc  telegraf.Accumulator
	open points
}

// points is one batch on its way to the accumulator.
type points []telegraf.Metric

// pointBytes is what a counter metric weighs, roughly.
const pointBytes = 200

func (b points) Size() int { return len(b) * pointBytes }

func (s *accumulatorPoints) AddPoint(p *encode.Point) error {
	m := metric.New(p.Name, nil, nil, time.Unix(0, p.Time))
	for _, t := range p.Tags {
		m.AddTag(t.Key, t.Value)
	}
	for _, f := range p.Fields {
		m.AddField(f.Key, f.Value)
	}
	s.open = append(s.open, m)
	return nil
}

func (s *accumulatorPoints) Pending() int { return s.open.Size() }

func (s *accumulatorPoints) Due(age time.Duration) bool {
	return s.Pending() >= encode.FlushBytes || age >= encode.FlushAfter && len(s.open) > 0
}

func (s *accumulatorPoints) Take() encode.Batch {
	b := s.open
	s.open = nil
	return b
}

// Write returns when the agent took everything of b, or when ctx is done.
func (s *accumulatorPoints) Write(ctx context.Context, b encode.Batch) error {
	for _, p := range b.(points) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.acc.AddMetric(p)
	}
	return nil
}
