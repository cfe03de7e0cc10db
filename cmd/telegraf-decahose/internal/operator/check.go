package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// checkTimeout bounds what -check proves: a flush of the outputs, an attempt at X, and some more.
const checkTimeout = time.Minute

// Check proves the ways out of this process that the configuration names, and says what it proved and what not.
func Check(s *settings.File, log *process.Log, stops <-chan os.Signal, stdout io.Writer, connect bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	done := make(chan error, 1)
	var wg sync.WaitGroup
	p := &proof{file: s, log: log, out: stdout, connect: connect}
	wg.Go(func() { done <- p.run(ctx) })
	select {
	case err := <-done:
		if err != nil {
			log.Print('E', fmt.Sprintf("%s: %v", s.Path, err))
			return process.ExitFailure
		}
		fmt.Fprintf(stdout, "%s: configuration ok\n", s.Path)
		return process.ExitStopped
	case <-stops:
		return process.ExitStopped
	}
}

// proof is one check under way.
type proof struct {
	file    *settings.File
	log     *process.Log
	out     io.Writer
	connect bool // X is asked, too
}

// run tries the archive of an output, or what inputs need one after the other.
func (p *proof) run(ctx context.Context) error {
	if p.file.Output != nil {
		if err := p.file.Output.Output.(*decahose_archive.Archive).Check(ctx); err != nil {
			return fmt.Errorf("check the archive: %w", err)
		}
	}
	for _, ri := range p.file.Inputs {
		d := ri.Input.(*decahose.Decahose)
		if err := d.CheckState(); err != nil {
			return err
		}
		p.say(d, "checked: this file, the files that it names, and that state can be kept in %s", d.StateDir())
		for _, part := range []func(context.Context, *decahose.Decahose) error{p.delivery, p.archives, p.login} {
			if err := part(ctx, d); err != nil {
				return fmt.Errorf("stream %q: %w", d.StreamLabel, err)
			}
		}
	}
	return nil
}

func (p *proof) say(d *decahose.Decahose, format string, args ...any) {
	fmt.Fprintf(p.out, "%s: stream %q: %s\n", p.file.Path, d.StreamLabel, guard.Line(fmt.Sprintf(format, args...), guard.LineMost))
}

// delivery sends a Tweet of its own where outputs answer, and looks for it in the stores of the audits.
func (p *proof) delivery(ctx context.Context, d *decahose.Decahose) error {
	id, err := d.CheckDelivery(ctx)
	if err != nil {
		return fmt.Errorf("check the delivery: %w", err)
	}
	if id != 0 {
		p.say(d, "every output whose filters let it pass accepted a whole Tweet of the check (decahose_tweet, stream_label=%s, id=%d)", decahose.CheckLabel, id)
		return p.stores(ctx, d, id)
	}
	p.say(d, "not checked: whether outputs take Tweets; only delivery = \"acknowledged\" has their answer")
	p.answering(ctx, d)
	return nil
}

// stores proves that what was accepted is there: some outputs drop what their store refuses, and say that it was written.
func (p *proof) stores(ctx context.Context, d *decahose.Decahose, id snowflake.ID) error {
	if len(d.Audits) == 0 {
		p.say(d, "not checked: whether stores kept it; that takes an [[inputs.decahose.audit]]")
	}
	for _, a := range d.Audits {
		err := d.CheckStore(ctx, a, id)
		switch {
		case errors.Is(err, decahose.ErrNotStored):
			return fmt.Errorf("check the store of audit %q: every output accepted the Tweet with id %d, and %w: see Telegraf's log, or filters by stream_label",
				a.Name, id, err)
		case err != nil:
			return fmt.Errorf("check the store of audit %q: %w", a.Name, err)
		}
		p.say(d, "audit %q: its store holds that Tweet", a.Name)
	}
	return nil
}

// answering says which stores of audits answer. That one does not is no fault of the configuration for certain.
func (p *proof) answering(ctx context.Context, d *decahose.Decahose) {
	for _, a := range d.Audits {
		if err := d.CheckStore(ctx, a, 0); err != nil {
			p.log.Print('W', fmt.Sprintf("%s: stream %q: audit %q: its store does not answer: %v", p.file.Path, d.StreamLabel, a.Name, err))
			continue
		}
		p.say(d, "audit %q: its store answers", a.Name)
	}
}

func (p *proof) archives(ctx context.Context, d *decahose.Decahose) error {
	if err := d.CheckArchives(ctx); err != nil {
		return fmt.Errorf("check the archives: %w", err)
	}
	return nil
}

// login spends one attempt at X where that is wanted.
func (p *proof) login(ctx context.Context, d *decahose.Decahose) error {
	if !p.connect {
		p.say(d, "not checked: whether X takes user name, password, account and label; -check -connect asks it, in one attempt")
		return nil
	}
	began := time.Now()
	if err := d.CheckConnect(ctx); err != nil {
		return fmt.Errorf("connect to %s: %w", d.StreamURL, err)
	}
	p.say(d, "%s let us in, and its stream came after %v (partition %d, one attempt)", d.StreamURL,
		time.Since(began).Round(time.Millisecond), d.Partitions[0])
	return nil
}
