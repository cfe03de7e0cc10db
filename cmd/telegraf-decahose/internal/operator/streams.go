package operator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// stream is one input of the configuration and, once opened, what is stored of it.
type stream struct {
	input  *decahose.Decahose
	label  string
	rules  refill.Rules
	reader *store.Reader
	now    time.Time // of the stream
	warn   func(format string, args ...any)
	warned bool // of damage
}

// streams are the inputs that the command is about.
func (c *Console) streams(ctx *cli.Context) ([]*stream, error) {
	path := configOf(ctx)
	if path == "" {
		return nil, badUsage("-config FILE is missing, and %s is not there: the configuration says where the state is", settings.UsualPath)
	}
	all, err := c.inputs(path)
	if err != nil {
		return nil, usageError{err}
	}
	label := ctx.String("stream_label")
	if !ctx.IsSet("stream_label") {
		return all, nil
	}
	for _, s := range all {
		if s.label == label {
			return []*stream{s}, nil
		}
	}
	return nil, badUsage("option \"stream_label\" is %q, must be one of %s", label, labels(all))
}

// inputs are those of the file, as far as commands need them.
func (c *Console) inputs(path string) ([]*stream, error) {
	s, err := c.settings(path)
	if err != nil {
		return nil, err
	}
	var all []*stream
	for i, ri := range s.Inputs {
		d := ri.Input.(*decahose.Decahose)
		err := d.InitState()
		if oe, ok := errors.AsType[*option.Error](err); ok {
			return nil, fmt.Errorf("%s: %s%w", path, s.Where(i, oe.Option), oe)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, &stream{input: d, label: d.StreamLabel, rules: d.RecoveryRules(), warn: c.warn})
	}
	return all, nil
}

// settings reads the file; what Telegraf's loader says goes to stderr.
func (c *Console) settings(path string) (*settings.File, error) {
	c.config = path
	log := process.NewLog()
	log.TakeTelegrafs()
	defer log.Drain(c.stderr)
	return settings.Load(path)
}

func labels(all []*stream) string {
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprintf("%q", s.label))
	}
	return strings.Join(names, ", ")
}

// oneStream is for commands that change something.
func (c *Console) oneStream(ctx *cli.Context) (*stream, error) {
	all, err := c.streams(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		return nil, badUsage("the configuration has several inputs: -stream_label must be one of %s", labels(all))
	}
	return all[0], nil
}

// opened calls f with each stream, its state open, as the state's owner; errors get the stream's name here. A stream without state is passed over with a line,
// as it may be new in the configuration, unless there is no other.
func (c *Console) opened(all []*stream, f func(*stream) error) error {
	missing := 0
	for _, s := range all {
		if err := process.Become(s.input.StateDir()); err != nil {
			return s.name(err)
		}
		err := s.open(c.now())
		if errors.Is(err, store.ErrNoState) && missing+1 < len(all) {
			missing++
			c.warn("%v", s.name(err))
			continue
		}
		if err != nil {
			return s.name(err)
		}
		err = f(s)
		s.close()
		if err != nil {
			return s.name(err)
		}
	}
	return nil
}

// open reads what time it is in the stream: it runs on from when it was last noted. After it, close is due.
func (s *stream) open(now time.Time) (err error) {
	if s.reader, err = store.OpenReader(s.input.StateDir()); err != nil {
		return err
	}
	if err = s.tick(now); err != nil {
		s.close()
	}
	return err
}

// tick brings the stream's time up to date.
func (s *stream) tick(now time.Time) error {
	m, err := s.reader.Moment()
	if err = s.read(err); err == nil {
		s.now = streamTime(m, now)
	}
	return err
}

// gaps are all that can be read.
func (s *stream) gaps() ([]ledger.GapRecord, error) {
	gaps, err := s.reader.Gaps()
	return gaps, s.read(err)
}

// read takes damage for a warning, once: the rest was read and is worth showing.
func (s *stream) read(err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	if !s.warned {
		s.warn("stream %q: what cannot be read is left out (verify says more): %v", s.label, err)
	}
	s.warned = true
	return nil
}

// streamTime is the stream's time at now; the host's own where no stream was ever seen.
func streamTime(m ledger.Moment, now time.Time) time.Time {
	if m.Stream == 0 {
		return now.UTC()
	}
	return time.UnixMilli(m.Stream).Add(now.Sub(time.Unix(0, m.Wall))).UTC()
}

func (s *stream) close() {
	// Nothing was written, so nothing can be lost by a failure.
	_ = s.reader.Close()
}

// name says of which stream an error is, and of missing state what that may mean.
func (s *stream) name(err error) error {
	if _, ok := errors.AsType[usageError](err); ok {
		return err
	}
	if errors.Is(err, store.ErrNoState) {
		return fmt.Errorf("stream %q: %w: the plugin has not run with this configuration, or its state_directory is another one", s.label, err)
	}
	return fmt.Errorf("stream %q: %w", s.label, err)
}
