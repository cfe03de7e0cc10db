package spool

import (
	"database/sql"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// migration is a step of the spool's schema.
type migration = sqlfile.Migration

// migrations make version 1, 2, …; they are never changed, only added to.
var migrations = []migration{version1}

// application marks our files (PRAGMA application_id); its low half repeats the version, so that a flipped bit in one
// of the two is not taken for a newer version.
const application = 0xDEC5 << 16

// Lines have a table of their own: nearly all pages are theirs, and what is damaged there leaves the manifests whole.
func version1(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER,
  tweets BLOB, -- per Tweet: its id less the one before, its partition, the length of its line; varints
  lines_crc INTEGER, checksum INTEGER);
CREATE TABLE lines (id INTEGER PRIMARY KEY, lines BLOB); -- of entries; none: they are lost
CREATE TABLE refused (
  id INTEGER PRIMARY KEY, -- the Tweet's
  "partition" INTEGER, line BLOB, why TEXT, at_ns INTEGER, checksum INTEGER);`)
	return err
}
