package decahose

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/spool"
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
		return nil, option.Bad("state_directory", d.StateDirectory, "a directory that can be created and written: "+err.Error())
	}
	d.spool = s
	past.Notes = append(past.Notes, contents.Notes...)
	past.Spooled = contents.SortOut(d.state.Load)
	return contents.Entries, nil
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
