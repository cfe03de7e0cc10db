package operator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func (c *Console) recover(ctx *cli.Context) error {
	w, err := c.wanted(ctx, c.now())
	if err != nil {
		return err
	}
	s, err := c.oneStream(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.rules.Method.String() == "none" && len(s.input.Archives) == 0:
		return badUsage(`option "recovery" is "none" in %s, must be "replay" or "recovery" for that, or there must be an archive`, configOf(ctx))
	case w.partition != ledger.AnyPartition && !slices.Contains(s.input.Partitions, w.partition):
		return badUsage("option \"partition\" is %d, must be one of %v", w.partition, s.input.Partitions)
	}
	err = c.opened([]*stream{s}, func(s *stream) error { return c.recoverRunning(ctx, s) })
	if errors.Is(err, errNotRunning) || errors.Is(err, store.ErrNoState) {
		return c.recoverAlone(ctx, s)
	}
	return err
}

// recoverRunning has the running plugin do it. errNotRunning: there is none.
func (c *Console) recoverRunning(ctx *cli.Context, s *stream) error {
	w, err := c.wanted(ctx, s.now) // relative times mean the stream's
	if err != nil {
		return err
	}
	kind, sent, err := s.recoverOrder(ctx.Bool("emit-again"), w)
	if err != nil {
		return err
	}
	before, err := s.lastRequest()
	if err != nil {
		return err
	}
	doc, err := c.order(s, kind, w, sent...)
	if err != nil {
		return err
	}
	if ctx.Bool("no-wait") {
		return c.printWish(ctx, doc, doc.Answer)
	}
	if !ctx.Bool("json") {
		_ = c.tell(doc.Answer)
	}
	t, err := c.follow(s, w.askable(s.input.Ways().Reach(), s.now))
	if err != nil {
		return err
	}
	t.fill(&doc)
	if err := s.countResults(&doc, w, before); err != nil {
		return err
	}
	texts := []string{fmt.Sprintf("%s recovered, %d lost", timeline.InWords(t.minutes.recovered()), t.minutes.lost)}
	if t.minutes.recovered() > 0 {
		texts = append(texts, doc.summary())
	}
	if err := c.printWish(ctx, doc, texts...); err != nil {
		return err
	}
	if t.minutes.lost > 0 {
		return fmt.Errorf("%d of %s lost", t.minutes.lost, timeline.InWords(t.minutes.all))
	}
	return nil
}

func (c *Console) printWish(ctx *cli.Context, doc wishDocument, texts ...string) error {
	if ctx.Bool("json") {
		return printJSON(c.stdout, wishDocuments{[]wishDocument{doc}, doc})
	}
	for _, text := range texts {
		if err := c.tell(text); err != nil {
			return err
		}
	}
	return nil
}

// follow returns when none of the minutes is missing any more. The answer and the gaps that it opened
// became durable in one step, so they are seen from the first look on.
func (c *Console) follow(s *stream, w wish) (tally, error) {
	b := c.newBar(w.String())
	defer b.end()
	for ; ; time.Sleep(c.poll) {
		running := s.reader.Running() // before the gaps: a plugin may end with its last gap filled
		gaps, err := s.gaps()
		if err != nil {
			return tally{}, err
		}
		t := w.count(gaps, s.partitions(w, gaps))
		b.set(t.minutes.all-t.minutes.missing, t.minutes.all)
		switch {
		case t.minutes.missing == 0:
			return t, nil
		case !running:
			return t, fmt.Errorf("the plugin stopped with %d of %s missing; it goes on at its next start", t.minutes.missing, timeline.InWords(t.minutes.all))
		}
		if text, err := c.progressText(s, w, gaps); err != nil {
			return t, err
		} else if text != "" {
			b.say(text)
		}
	}
}

// progressText is the next step of the oldest gap that is meant.
func (c *Console) progressText(s *stream, w wish, gaps []ledger.GapRecord) (string, error) {
	if err := s.tick(c.now()); err != nil {
		return "", err
	}
	p, err := s.plan()
	if err != nil {
		return "", err
	}
	oldest := -1
	for i := range gaps {
		if w.meets(&gaps[i]) && missing(&gaps[i]) && (oldest < 0 || gaps[i].Span.From < gaps[oldest].Span.From) {
			oldest = i
		}
	}
	if oldest < 0 {
		return "", nil
	}
	text, _ := p.next(&gaps[oldest])
	return text, nil
}
