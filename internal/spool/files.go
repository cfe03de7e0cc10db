package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	dbName      = "spool.db"
	freshName   = "spool.db.new" // a file being built to take the place of a damaged one
	damagedName = "spool.damaged-"
	logName     = dbName + logSuffix
	logSuffix   = "-wal"
	indexSuffix = "-shm"

	// keepDamaged is how many damaged files are kept to be looked at, as far as they take no more than the limit.
	keepDamaged = 3
)

// prepare makes the directory, and proves that a page can be written there and made durable.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "probe")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, pageSize))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// createFile makes an empty file that only its owner may read, if there is none; SQLite gives its log the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in the directory durable. Windows has no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func removeAll(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// adopt puts a file that was built beside in the place of one that is gone. While the old one is there, the new one
// may be unfinished and is dropped.
func (o *opening) adopt() error {
	if _, err := os.Stat(o.path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, removeAll(o.fresh, o.fresh+"-journal"))
	}
	if _, err := os.Stat(o.fresh); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := removeAll(o.path+logSuffix, o.path+indexSuffix); err != nil {
		return err
	}
	if err := os.Rename(o.fresh, o.path); err != nil {
		return err
	}
	return syncDir(o.dir)
}

// setAside renames the damaged file, with its log, and deletes older ones.
func (o *opening) setAside(now time.Time) error {
	name := filepath.Join(o.dir, damagedName+now.UTC().Format("20060102T150405Z"))
	// The log goes first: it must never be replayed over a new file.
	for _, suffix := range []string{logSuffix, ""} {
		err := os.Rename(o.path+suffix, name+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set the damaged one aside: %w", err)
		}
	}
	if err := removeAll(o.path + indexSuffix); err != nil {
		return err
	}
	return dropDamaged(o.dir, o.limit)
}

// dropDamaged keeps the newest damaged file, and older ones up to a number and the limit.
func dropDamaged(dir string, limit int64) error {
	names, err := damagedIn(dir)
	if err != nil {
		return err
	}
	slices.Reverse(names)
	var size int64
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if size += info.Size(); i == 0 || i < keepDamaged && size <= limit {
			continue
		}
		if err := removeAll(name, name+logSuffix); err != nil {
			return err
		}
	}
	return nil
}

// damagedIn lists the damaged files, oldest first, without their logs.
func damagedIn(dir string) (names []string, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if strings.HasPrefix(e.Name(), damagedName) && !strings.HasSuffix(e.Name(), logSuffix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}
