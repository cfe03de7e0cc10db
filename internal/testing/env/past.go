//go:build unix

package env

import (
	"errors"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// LeavePast leaves the state of a plugin that had read both partitions and was stopped in order at that time, so
// that a test need not wait for an outage of minutes: the next process finds one.
func LeavePast(dir string, at time.Time) error {
	s, _, err := store.Open(dir, store.Options{Horizon: 120 * time.Hour})
	if err != nil {
		return fmt.Errorf("leave a past: %w", err)
	}
	ms := at.UnixMilli()
	err = s.Commit(&ledger.Commit{Seq: 1, Clean: true, Moment: ledger.Moment{Wall: at.UnixNano(), Stream: ms},
		Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: ms, Position: ms}, {Partition: 2, Begin: ms, Position: ms}}})
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("leave a past: %w", err)
	}
	return nil
}
