package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

// recoverAlone is for when no plugin runs: this process becomes one, without connections to the stream, until the
// minutes are there. Their Tweets go to stdout, or to the file of -output, as line protocol.
func (c *Console) recoverAlone(ctx *cli.Context, s *stream) error {
	c.asksX = true
	out, texts, err := c.outputs(ctx)
	if err != nil {
		return err
	}
	p, err := c.startAlone(ctx, s, out)
	if err != nil {
		return err
	}
	said := *c
	said.stdout = texts
	signalled, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	unhook := context.AfterFunc(signalled, func() {
		p.stop() // in order: what was printed is not printed again
		os.Exit(process.ExitFailure)
	})
	err = said.opened([]*stream{s}, func(s *stream) error { return said.recoverRunning(ctx, s) })
	if !unhook() {
		select {} // it is being stopped
	}
	p.stop()
	if out != c.stdout {
		err = errors.Join(err, out.(io.Closer).Close())
	}
	return err
}

// outputs says where Tweets and where texts go.
func (c *Console) outputs(ctx *cli.Context) (tweets, texts io.Writer, err error) {
	path := ctx.String("output")
	switch {
	case path == "" && ctx.Bool("json"):
		return nil, nil, badUsage("no plugin runs, so the Tweets would be mixed with the JSON: -output FILE says where they go")
	case path == "" && c.stdout == io.Writer(os.Stdout) && process.ClosedStdout():
		return nil, nil, badUsage("stdout is closed, and no plugin runs: -output FILE says where the Tweets go")
	case path == "":
		return c.stdout, c.stderr, nil
	}
	var f *os.File
	err = process.AsCaller(func() (err error) {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		return err
	})
	if err != nil {
		return nil, nil, badUsage("option \"output\" must be a file that can be written: %v", err)
	}
	return f, c.stdout, nil
}

// alone is a plugin in this process.
type alone struct {
	input  *decahose.Decahose
	log    *process.Log
	done   context.CancelFunc
	writer sync.WaitGroup
}

func (c *Console) startAlone(ctx *cli.Context, s *stream, out io.Writer) (*alone, error) {
	p := &alone{log: process.NewLog()}
	p.log.Begin(c.stderr)
	err := process.AsCaller(func() (err error) {
		p.input, err = c.wholeInput(ctx, s.label, p.log)
		return err
	})
	if err != nil {
		return nil, usageError{err}
	}
	w := encode.NewWriter(out)
	writing, done := context.WithCancel(context.Background())
	p.done = done
	p.writer.Go(func() { w.Run(writing) })
	p.input.Host = &decahose.Host{Writer: w, Recover: true}
	if err := p.input.Start(nil); err != nil {
		done()
		p.writer.Wait()
		return nil, s.name(err)
	}
	return p, nil
}

// wholeInput is the input of a label with all its options checked, credentials included.
func (c *Console) wholeInput(ctx *cli.Context, label string, log *process.Log) (*decahose.Decahose, error) {
	s, err := c.settings(configOf(ctx))
	if err != nil {
		return nil, err
	}
	for i, ri := range s.Inputs {
		if d := ri.Input.(*decahose.Decahose); d.StreamLabel == label {
			if err := s.InitInput(log, i, ri); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Path, err)
			}
			return d, nil
		}
	}
	return nil, fmt.Errorf("%s: no input has the label %q any more", s.Path, label)
}

func (p *alone) stop() {
	p.input.Stop()
	p.done()
	p.writer.Wait()
	p.log.Flush()
}

// forgetAlone gives the minutes up where no plugin runs that could be asked to. It owns the state meanwhile.
func (c *Console) forgetAlone(ctx *cli.Context, s *stream, w wish) error {
	kept, past, err := store.Open(s.input.StateDir(), store.Options{Horizon: s.input.Ways().Reach()})
	if err != nil {
		return s.name(err)
	}
	for _, note := range past.Notes {
		s.warn("stream %q: %s", s.label, note)
	}
	given := w.count(past.Gaps, s.partitions(w, past.Gaps)).minutes.missing
	commit, minutes := forgetting(past, w)
	if err := errors.Join(kept.Commit(commit), kept.Close()); err != nil {
		return s.name(err)
	}
	doc := s.document(w)
	doc.Answer = timeline.InWords(given) + " given up"
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
