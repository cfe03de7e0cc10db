package decahose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// openSpool opens what keeps Tweets that the outputs have not accepted, and tells past of it. With a limit of 0 there is
// none, unless an earlier process left Tweets in it. It needs the state to be open.
func (d *Decahose) openSpool(past *ledger.Past) ([]spool.Entry, error) {
	if d.offline || d.SpoolLimit == 0 && !spooledBefore(d.StateDir()) {
		return nil, nil
	}
	s, contents, err := spool.Open(d.StateDir(), int64(d.SpoolLimit))
	switch {
	case errors.Is(err, spool.ErrNewer):
		return nil, option.Bad("state_directory", d.StateDirectory, "one of this version or an older one; nothing was touched: "+err.Error())
	case err != nil:
		return nil, fmt.Errorf("%w; nothing was touched", err)
	}
	d.spool = s
	past.Notes = append(past.Notes, contents.Notes...)
	var trouble error // ids that are there and cannot be read now must not make their Tweets unknown
	past.Spooled = contents.SortOut(func(m timeline.Minute, dst []snowflake.ID) ([]snowflake.ID, error) {
		ids, err := d.state.Load(m, dst)
		if err != nil && !errors.Is(err, store.ErrDamaged) && trouble == nil {
			trouble = err
		}
		return ids, err
	})
	return contents.Entries, trouble
}

// closeSpool ends the use of the spool. Where we are compiled in, outputs are flushed only after inputs have stopped:
// what they accept then still leaves the spool.
func (d *Decahose) closeSpool() {
	s, t := d.spool, d.tracked
	d.spool, d.road = nil, nil
	if t == nil {
		d.closed(s)
		return
	}
	t.stop()
	var wg sync.WaitGroup // nobody waits: the process may end before
	wg.Go(func() {
		<-t.ended
		d.closed(s)
	})
}

func (d *Decahose) closed(s *spool.Spool) {
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		d.Log.Errorf("Stream %s: close spool: %v", d.StreamLabel, err)
	}
}

func spooledBefore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, spool.Name))
	return err == nil
}
