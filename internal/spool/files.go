package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/durable"
	"github.com/decahose/telegraf-decahose/internal/sqlfile"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	dbName      = "spool.db"
	freshName   = "spool.db.new" // a file being built to take the place of a damaged one
	damagedName = "spool.damaged-"
	logName     = dbName + sqlfile.LogSuffix

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
	return durable.Dir(filepath.Dir(path))
}

// setAside renames the damaged file, with its log, and deletes older ones.
func (o *opening) setAside(now time.Time) error {
	name := filepath.Join(o.dir, damagedName+now.UTC().Format("20060102T150405Z"))
	if err := sqlfile.SetAside(o.path, name); err != nil {
		return err
	}
	return dropDamaged(o.dir, o.limit)
}

// dropDamaged keeps the newest damaged file, and older ones up to a number and the limit.
func dropDamaged(dir string, limit int64) error {
	names, err := sqlfile.Aside(dir, damagedName)
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
		if err := durable.Remove(name, name+sqlfile.LogSuffix); err != nil {
			return err
		}
	}
	return nil
}
