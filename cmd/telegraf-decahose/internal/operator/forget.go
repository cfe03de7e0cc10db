package operator

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func (c *Console) forget(ctx *cli.Context) error {
	if _, err := c.wanted(ctx, c.now()); err != nil {
		return err
	}
	s, err := c.oneStream(ctx)
	if err != nil {
		return err
	}
	var w wish
	err = c.opened([]*stream{s}, func(s *stream) error {
		if w, err = c.wanted(ctx, s.now); err != nil {
			return err
		}
		if err := c.agreed(ctx, s, w); err != nil {
			return err
		}
		doc, err := c.order(s, ledger.OrderForget, w)
		if err != nil {
			return err
		}
		if err := c.recount(s, w, &doc); err != nil {
			return err
		}
		return c.printWish(ctx, doc, doc.Answer)
	})
	if errors.Is(err, errNotRunning) {
		return c.forgetAlone(ctx, s, w)
	}
	return err
}

// agreed asks whether that many minutes are to be given up.
func (c *Console) agreed(ctx *cli.Context, s *stream, w wish) error {
	gaps, err := s.gaps()
	if err != nil {
		return err
	}
	n := w.count(gaps, s.partitions(w, gaps)).minutes.missing
	switch {
	case n == 0:
		return fmt.Errorf("nothing is missing from %v", w)
	case ctx.Bool("yes"):
		return nil
	case c.ask == nil:
		return badUsage("-yes is missing: %s would be given up, and nobody is there to ask", timeline.InWords(n))
	case c.ask(fmt.Sprintf("Stream %q, %v: give %s up for good?", s.label, w, strings.Replace(timeline.InWords(n), " ", " missing ", 1))):
		return nil
	}
	return errors.New("nothing was given up")
}

func (c *Console) recount(s *stream, w wish, doc *wishDocument) error {
	gaps, err := s.gaps()
	if err != nil {
		return err
	}
	w.count(gaps, s.partitions(w, gaps)).fill(doc)
	return nil
}

// giveUp are the rows that make what the wish means of the gaps lost, and how many minutes that is.
// A gap that is only partly meant is split: its first part keeps its name, and what came of it.
func (w wish) giveUp(gaps []ledger.GapRecord) (rows []ledger.GapRecord, minutes int) {
	for _, g := range gaps {
		if !missing(&g) || !w.meets(&g) {
			continue
		}
		parts := w.split(g)
		for i := range parts {
			if i > 0 {
				parts[i].Tweets = 0
			}
			if parts[i].State == ledger.GapLost {
				first, end := gapMinutes(&parts[i])
				minutes += int(end - first)
			}
		}
		rows = append(rows, parts...)
	}
	return rows, minutes
}

// split cuts a gap into what is before, within and after the wish's minutes. The last part alone may
// still grow.
func (w wish) split(g ledger.GapRecord) (parts []ledger.GapRecord) {
	if g.Span.Empty() { // of one minute, of which no more is known
		g.State, g.FilledBy, g.Dark = ledger.GapLost, "", false
		return []ledger.GapRecord{g}
	}
	for _, cut := range []struct {
		within timeline.Span
		lost   bool
	}{
		{timeline.Span{From: g.Span.From, To: w.from.Milli()}, false},
		{timeline.Span{From: w.from.Milli(), To: w.to.Milli()}, true},
		{timeline.Span{From: w.to.Milli(), To: g.Span.To}, false},
	} {
		part := g
		if part.Span = g.Span.Intersect(cut.within); part.Span.Empty() {
			continue
		}
		if cut.lost {
			part.State, part.FilledBy = ledger.GapLost, ""
		}
		part.Dark = g.Dark && part.Span.To == g.Span.To && !cut.lost
		parts = append(parts, part)
	}
	return parts
}
