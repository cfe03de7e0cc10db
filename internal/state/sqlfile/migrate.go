package sqlfile

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Migration brings a schema from one version to the next, in one transaction. One that changes what a row holds must
// also write the row's checksum anew.
type Migration func(*sql.Tx) error

// Migrate brings the schema of a file up to date: migrations make version 1, 2, …, and are never changed, only added to.
// It always writes, so that it fails where the file cannot be written. A file that says that it is newer got so by damage,
// or whoever opens it has refused it (Inspect).
func Migrate(db *sql.DB, application uint32, migrations []Migration) error {
	var have int
	if err := db.QueryRow("PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have < 0 { // a flipped bit
		return fmt.Errorf("version %d: %w", have, ErrRow)
	}
	for v := have + 1; v <= len(migrations); v++ {
		err := InTx(db, func(tx *sql.Tx) error {
			if err := migrations[v-1](tx); err != nil {
				return err
			}
			return mark(tx, application, v)
		})
		if err != nil {
			return fmt.Errorf("migrate to version %d: %w", v, err)
		}
	}
	return mark(db, application, len(migrations))
}

type execer interface {
	Exec(query string, args ...any) (sql.Result, error)
}

// mark writes the version of a schema into the file's header, twice: also as the low half of the application's id, of
// which application is the high half, so that a flipped bit in one of the two is not taken for a newer version.
func mark(db execer, application uint32, version int) error {
	id := int32(application | uint32(version)) // SQLite takes it as signed
	_, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version, id))
	return err
}

// Version is what Migrate wrote, read from a first page: 0 where the two differ by a single bit, which was flipped, and
// where it is not of the application.
func Version(page []byte, application uint32) int {
	if len(page) < HeaderLen {
		return 0
	}
	user, id := binary.BigEndian.Uint32(page[UserVersionAt:]), binary.BigEndian.Uint32(page[ApplicationAt:])
	if user > 0xffff || id&^0xffff != application || bits.OnesCount32(id^application^user) == 1 {
		return 0
	}
	return int(user)
}
