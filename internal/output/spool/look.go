package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// Look says which Tweets the spool in dir holds, in order or in quarantine, while some other process may be using it:
// no output has accepted them, as of the latest write. Where there is no spool there are none. What is damaged is left
// out.
func Look(dir string) (waiting []ledger.Sent, err error) {
	path := filepath.Join(dir, Name)
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, nil
	}
	db, err := sqlfile.Open(path, sqlfile.Reading)
	if err != nil {
		return nil, fmt.Errorf("look into the spool %s: %w", path, err)
	}
	defer db.Close()
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("look into the spool %s: %w", path, err)
	}
	if version > len(migrations) {
		return nil, fmt.Errorf("%s: %w", path, ErrNewer)
	}
	kept, _, err := entries.All(db)
	if err != nil {
		return nil, fmt.Errorf("look into the spool %s: %w", path, err)
	}
	for i := range kept {
		for _, t := range kept[i].tweets {
			waiting = append(waiting, t.Sent)
		}
	}
	given, _, err := refused.All(db)
	if err != nil {
		return nil, fmt.Errorf("look into the spool %s: %w", path, err)
	}
	for i := range given {
		waiting = append(waiting, given[i].sent)
	}
	return waiting, nil
}
