package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	dbName      = "ledger.db"
	freshName   = "ledger.db.new"    // a ledger being built to take the place of a damaged one
	backupName  = "ledger.backup.db" // a copy, at most an hour old
	damagedName = "ledger.db.damaged-"

	// damagedAge is how long damaged ledgers are kept to be looked at, and damagedBytes how much they may take
	// together. One with more bytes than the present ledger stays: it may hold what that one lacks.
	damagedAge   = 14 * 24 * time.Hour
	damagedBytes = 1 << 30
)

// ErrPlace says that the directory itself cannot be used, and that a restart will not change that.
var ErrPlace = errors.New("cannot be used")

// place makes an error about the directory an ErrPlace, unless it is one that may pass: no descriptors, no memory, no
// room, a device that answers with errors.
func place(err error) error {
	for _, passes := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EINTR, syscall.EAGAIN, syscall.EBUSY} {
		if errors.Is(err, passes) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", err, ErrPlace)
}

// prepareDir makes the directory, and proves that it can be written and holds no links to elsewhere.
func prepareDir(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, idsDir)} {
		_, err := os.Stat(d)
		fresh := errors.Is(err, os.ErrNotExist)
		if err := os.MkdirAll(d, dirMode); err != nil {
			return place(fmt.Errorf("create state directory %s: %w", dir, err))
		}
		if !fresh {
			continue
		}
		if err := os.Chmod(d, dirMode); err != nil {
			return place(fmt.Errorf("protect state directory %s: %w", dir, err))
		}
	}
	return refuseLinks(dir)
}

// refuseLinks refuses files that are symbolic links: somebody else may have put them there, and we would write to where
// they lead.
func refuseLinks(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return place(fmt.Errorf("read state directory %s: %w", dir, err))
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink != 0 && e.Name() != idsDir {
			return place(fmt.Errorf("%s is a symbolic link, must be a file of its own", filepath.Join(dir, e.Name())))
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
		return place(fmt.Errorf("write to state_directory %s: %w", dir, err))
	}
	return nil
}

func lockDir(dir string) (*dirlock.Lock, error) {
	l, err := dirlock.Take(dir)
	switch {
	case errors.Is(err, dirlock.ErrHeld):
		return nil, fmt.Errorf("state directory %s: %w", dir, ErrLocked)
	case err != nil:
		return nil, place(fmt.Errorf("lock state directory: %w", err))
	}
	return l, nil
}

// dropDamaged deletes damaged ledgers that need not be kept. What cannot be deleted stays: it takes room only.
func dropDamaged(dir string, now time.Time) error {
	present, err := sqlfile.Size(filepath.Join(dir, dbName))
	if err != nil {
		return err
	}
	return sqlfile.DropAside(dir, damagedName, sqlfile.Kept{Age: damagedAge, Bytes: damagedBytes, Than: max(1, present)}, now)
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

// errMissing is the damage of a ledger that should be there.
var errMissing = errors.New("the file is missing or empty")

// missing is errMissing where there should be a ledger and is none: something else of it is there. Any other error says
// that this cannot be told.
func missing(dir string, ids bool) error {
	path := filepath.Join(dir, dbName)
	var sizes [3]int64
	for i, p := range []string{path, path + sqlfile.LogSuffix, filepath.Join(dir, backupName)} {
		info, err := os.Stat(p)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err == nil {
			sizes[i] = info.Size()
		}
	}
	if sizes[0] == 0 && (ids || sizes[1] > 0 || sizes[2] > 0) {
		return errMissing
	}
	return nil
}
