package sqlfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/durable"
)

// Suffixes of the files that SQLite keeps beside its own.
const (
	LogSuffix     = "-wal"
	IndexSuffix   = "-shm"
	journalSuffix = "-journal"
)

// Adopt puts a file that was built beside in the place of one that is gone. While the old one is there, the new one
// may be unfinished and is dropped.
func Adopt(path, fresh string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, Discard(fresh))
	}
	if _, err := os.Stat(fresh); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := durable.Remove(path+LogSuffix, path+IndexSuffix); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("put the new file in place: %w", err)
	}
	return durable.Dir(filepath.Dir(path))
}

// Discard deletes a file that was being built, with its journal. It need not be there.
func Discard(path string) error { return durable.Remove(path, path+journalSuffix) }

// SetAside renames a damaged file, with its log.
func SetAside(path, name string) error {
	// The log goes first: it must never be replayed over a new file.
	for _, suffix := range []string{LogSuffix, ""} {
		err := os.Rename(path+suffix, name+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set the damaged one aside: %w", err)
		}
	}
	return durable.Remove(path + IndexSuffix)
}

// Aside lists the files that were set aside under names with the prefix, oldest first, without their logs.
func Aside(dir, prefix string) (names []string, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if strings.HasPrefix(e.Name(), prefix) && !strings.HasSuffix(e.Name(), LogSuffix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}
