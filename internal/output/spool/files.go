package spool

import (
	"errors"
	"os"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	dbName      = "spool.db"
	freshName   = "spool.db.new" // a file being built to take the place of a damaged one
	damagedName = "spool.damaged-"
	logName     = dbName + sqlfile.LogSuffix

	// damagedAge is how long damaged files are kept to be looked at, as far as they take no more than the limit.
	damagedAge = 14 * 24 * time.Hour
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

// dropDamaged deletes damaged files that need not be kept.
func dropDamaged(dir string, limit int64, now time.Time) error {
	return sqlfile.DropAside(dir, damagedName, sqlfile.Kept{Age: damagedAge, Bytes: limit}, now)
}
