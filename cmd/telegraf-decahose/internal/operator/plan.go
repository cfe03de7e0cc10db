package operator

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// plan is what the plugin that keeps the state says it will do about its gaps. Nothing is decided here: what a command
// made up from the rules alone would not come true, since it knows of no refusal, no limit and no attempt.
type plan struct {
	rules    refill.Rules
	archives []refill.Copy
	now      int64 // in the stream's time, Unix ms
	live     bool  // the plugin runs
	steps    map[gapName]ledger.StepRecord
}

// gapName identifies a gap.
type gapName struct {
	partition int
	first     timeline.Minute
}

// plan reads what is stored of it.
func (s *stream) plan() (*plan, error) {
	p := &plan{rules: s.rules, archives: s.input.Ways().Archives, now: s.now.UnixMilli(), live: s.reader.Running(), steps: make(map[gapName]ledger.StepRecord)}
	steps, err := s.reader.Steps()
	for _, r := range steps {
		p.steps[gapName{r.Partition, r.First}] = r
	}
	return p, s.read(err)
}

// missing reports whether the gap's minutes may still be had.
func missing(g *ledger.GapRecord) bool {
	return g.State == ledger.GapOpen || g.State == ledger.GapRequested
}

// gapMinutes are the first minute of the gap and the first one after it.
func gapMinutes(g *ledger.GapRecord) (first, end timeline.Minute) {
	return (&ledger.Gap{Span: g.Span}).Minutes()
}

// minutes are those of the gap; one of a dark partition has grown up to now.
func (p *plan) minutes(g *ledger.GapRecord) (first, end timeline.Minute) {
	first, end = gapMinutes(g)
	if g.Dark && missing(g) {
		end = max(end, timeline.CeilMinute(p.now))
	}
	return first, end
}

// next is what is done about the gap, and when, where that is known.
func (p *plan) next(g *ledger.GapRecord) (text string, at *time.Time) {
	switch g.State {
	case ledger.GapLost:
		return "lost", nil
	case ledger.GapRecovered:
		return "done", nil
	}
	if !p.live {
		return "none: the plugin is not running", nil
	}
	r, ok := p.steps[gapName{g.Partition, g.First()}]
	if !ok {
		return "not decided yet", nil
	}
	return r.Text, nanoTime(r.At)
}

// expires is when the first minute of a gap can no longer be asked for; nil where nobody asks.
func (p *plan) expires(g *ledger.GapRecord) *time.Time {
	if p.rules.Method == refill.None && len(p.archives) == 0 || !missing(g) {
		return nil
	}
	first, _ := gapMinutes(g)
	t := milliTime(p.rules.Expires(first))
	for _, a := range p.archives {
		if kept := milliTime(first.Milli() + a.Horizon.Milliseconds()); kept.After(t) {
			t = kept
		}
	}
	return &t
}
