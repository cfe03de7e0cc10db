package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/decahose/telegraf-decahose/internal/durable"
	"github.com/decahose/telegraf-decahose/internal/sqlfile"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	lockName    = "lock"
	dbName      = "ledger.db"
	freshName   = "ledger.db.new"    // a ledger being built to take the place of a damaged one
	backupName  = "ledger.backup.db" // a copy, at most an hour old
	damagedName = "ledger.db.damaged-"

	// keepDamaged is how many damaged ledgers are kept to be looked at.
	keepDamaged = 3

	// lockTries is for commands that look whether somebody holds the lock, and hold it themselves meanwhile.
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

// prepareDir makes the directory, and proves that it can be written.
func prepareDir(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, idsDir)} {
		_, err := os.Stat(d)
		fresh := errors.Is(err, os.ErrNotExist)
		if err := os.MkdirAll(d, dirMode); err != nil {
			return fmt.Errorf("create state directory %s: %w", dir, err)
		}
		if !fresh {
			continue
		}
		if err := os.Chmod(d, dirMode); err != nil {
			return fmt.Errorf("protect state directory %s: %w", dir, err)
		}
	}
	return nil
}

// probe proves that a page can be written and made durable.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe")
	if err == nil {
		_, err = f.Write(make([]byte, 4096))
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("write to state directory %s: %w", dir, err)
	}
	return nil
}

func lockDir(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(fileMode))
	for try := 1; ; try++ {
		ok, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock state directory %s: %w", dir, err)
		}
		if ok {
			return lock, nil
		}
		if try == lockTries {
			return nil, fmt.Errorf("state directory %s: %w", dir, ErrLocked)
		}
		time.Sleep(lockPause)
	}
}

// held reports whether some process holds the lock of the directory.
func held(dir string) bool {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryRLock()
	if ok {
		_ = lock.Unlock()
	}
	return err == nil && !ok
}

// setAside renames the damaged ledger, with its log, and deletes all but the newest of those.
func setAside(dir string, now time.Time) error {
	name := damagedName + now.UTC().Format("20060102T150405Z")
	path := filepath.Join(dir, dbName)
	if err := sqlfile.SetAside(path, filepath.Join(dir, name)); err != nil {
		return err
	}
	old, err := sqlfile.Aside(dir, damagedName)
	if err != nil {
		return err
	}
	for len(old) > keepDamaged {
		if err := durable.Remove(old[0], old[0]+sqlfile.LogSuffix); err != nil {
			return err
		}
		old = old[1:]
	}
	return nil
}

// sizeOf sums the sizes of all files in the directory and in the one of ids.
func sizeOf(dir string) (sum int64) {
	for _, d := range []string{dir, filepath.Join(dir, idsDir)} {
		entries, err := os.ReadDir(d)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				sum += info.Size()
			}
		}
	}
	return sum
}

// adopt takes a ledger that was built beside, where the old one is gone.
func adopt(dir string) error {
	return sqlfile.Adopt(filepath.Join(dir, dbName), filepath.Join(dir, freshName))
}

// missing says that there should be a ledger and is none: something else of it is there.
func missing(dir string, ids bool) error {
	if info, err := os.Stat(filepath.Join(dir, dbName)); err == nil && info.Size() > 0 {
		return nil
	}
	log, _ := os.Stat(filepath.Join(dir, dbName+sqlfile.LogSuffix))
	_, err := os.Stat(filepath.Join(dir, backupName))
	if ids || err == nil || log != nil && log.Size() > 0 {
		return errors.New("the file is missing or empty")
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
