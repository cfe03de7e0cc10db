package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/store"
)

// recoverAlone is for when no plugin keeps the state of the stream.
func (c *console) recoverAlone(_ *cli.Context, s *stream, _ wish) error {
	return s.name(fmt.Errorf("%w: start it, it asks for what is missing by itself", errNotRunning))
}

// forgetAlone gives the minutes up where no plugin runs that could be asked to. It owns the state meanwhile.
func (c *console) forgetAlone(ctx *cli.Context, s *stream, w wish) error {
	kept, past, err := store.Open(s.input.StateDir(), store.Options{Horizon: s.rules.Horizon})
	if err != nil {
		return s.name(err)
	}
	for _, note := range past.Notes {
		s.warn("stream %q: %s", s.label, note)
	}
	commit, minutes := forgetting(past, w)
	if err := errors.Join(kept.Commit(commit), kept.Close()); err != nil {
		return s.name(err)
	}
	doc := s.document(w)
	doc.Answer = fmt.Sprintf("%d minutes given up", minutes)
	doc.Minutes, doc.Lost = minutes, minutes
	return c.printWish(ctx, doc, doc.Answer)
}

// forgetting is the past with the wish's minutes given up, and how many those are. All else stays as it was
// found, the moment above all: since then nobody listened.
func forgetting(past *ledger.Past, w wish) (*ledger.Commit, int) {
	gaps, minutes := w.giveUp(past.Gaps)
	commit := &ledger.Commit{
		Seq: 1, Gaps: gaps, Partitions: past.Partitions, Connects: past.Connects, Moment: past.Moment, Clean: past.Clean,
	}
	for _, r := range past.Minutes {
		if r.State == ledger.Missing && within(gaps, r) {
			r.State = ledger.Lost
			commit.Minutes = append(commit.Minutes, r)
		}
	}
	return commit, minutes
}

// within reports whether the minute is in one of the gaps that are lost, and in none that is not.
func within(gaps []ledger.GapRecord, r ledger.MinuteRecord) (lost bool) {
	for i := range gaps {
		g := &gaps[i]
		if g.Partition != r.Partition || g.Span.Intersect(r.Minute.Span()).Empty() {
			continue
		}
		if missing(g) {
			return false
		}
		lost = true
	}
	return lost
}
