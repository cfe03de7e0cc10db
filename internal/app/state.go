package app

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// open opens the state and the spool, whose entries it returns, and has the core begin where the last process ended.
// Without its state a stream may ask for nothing, so it does not begin.
func (s *Stream) open(cfg *Config) (entries []spool.Entry, err error) {
	if cfg.Dir == "" {
		return nil, nil
	}
	c, now := &cfg.Engine.Core, cfg.Moment
	if now == nil {
		now = moment
	}
	var past *ledger.Past
	s.state, past, err = store.Open(cfg.Dir, store.Options{Horizon: refill.Ways{Archives: c.Archives, Rules: c.Recovery}.Reach()})
	if err != nil {
		return nil, err
	}
	cfg.Engine.Store = s.state
	c.State, c.Past, c.Started = true, past, now()
	if _, alone := cfg.Output.(Recovered); !alone && (cfg.SpoolLimit != 0 || spooledBefore(cfg.Dir)) {
		entries, err = s.openSpool(cfg, past)
	}
	if cfg.Kept != nil && err == nil {
		cfg.Engine.Store = cfg.Kept(s.state, s.spool)
	}
	return entries, err
}

// openSpool opens what keeps Tweets that the outputs have not accepted, and tells past of it.
func (s *Stream) openSpool(cfg *Config, past *ledger.Past) ([]spool.Entry, error) {
	opened, contents, err := spool.Open(cfg.Dir, cfg.SpoolLimit)
	if err != nil {
		return nil, err
	}
	s.spool = opened
	past.Notes = append(past.Notes, contents.Notes...)
	var trouble error // ids that are there and cannot be read now must not make their Tweets unknown
	past.Spooled = contents.SortOut(func(m timeline.Minute, dst []snowflake.ID) ([]snowflake.ID, error) {
		ids, err := s.state.Load(m, dst)
		if err != nil && !errors.Is(err, store.ErrDamaged) && trouble == nil {
			trouble = err
		}
		return ids, err
	})
	return contents.Entries, trouble
}

func spooledBefore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, spool.Name))
	return err == nil
}

// Close gives state and spool to the next process. It is called once, after Run, or in its place. Where the courier hears
// more of batches the spool stays open until that has ended: what the outputs accept then still leaves it.
func (s *Stream) Close() {
	if s.late == nil {
		s.closeSpool()
	} else {
		var wg sync.WaitGroup // nobody waits: the process may end before
		wg.Go(func() {
			<-s.late.Ended()
			s.closeSpool()
		})
	}
	if s.state == nil {
		return
	}
	if err := s.state.Close(); err != nil { // commits are synced as they are made, so this costs nothing
		s.note(core.Error, "close state: %v", err)
	}
}

func (s *Stream) closeSpool() {
	if s.spool == nil {
		return
	}
	if err := s.spool.Close(); err != nil {
		s.note(core.Error, "close spool: %v", err)
	}
}
