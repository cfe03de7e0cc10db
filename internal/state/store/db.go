package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

var (
	// A commit is durable when it returns: the log is synced, not only written.
	writing = sqlfile.Access{Mode: "rw", Pragmas: []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(4194304)"}}
	reading = sqlfile.Access{Mode: "ro", Pragmas: []string{"busy_timeout(5000)", "query_only(1)"}}
	// With writable_schema SQLite reads what it can of a file that is shorter than its header says.
	salvage = sqlfile.Access{Mode: "rw", Pragmas: []string{"busy_timeout(5000)", "query_only(1)", "writable_schema(1)"}}
	// A file that is built beside has no log.
	building = sqlfile.Access{Mode: "rw", Pragmas: []string{"journal_mode(MEMORY)", "synchronous(FULL)"}}
	placing  = sqlfile.Access{Mode: "rw", Pragmas: []string{"busy_timeout(5000)", "synchronous(FULL)"}}
)

// createFile makes an empty file that only its owner may read, if there is none; SQLite gives its log the
// same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	return f.Close()
}

// openLedger opens the ledger for writing, brings its schema up to date and proves that it can be written.
func openLedger(path string, to []migration) (*sql.DB, error) {
	db, err := sqlfile.Open(path, writing)
	if err != nil {
		return nil, err
	}
	if err = migrate(db, to); err == nil {
		err = sqlfile.Mark(db, application, len(to))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// check is SQLite's own look at the file; it returns at most limit complaints.
func check(db queryer, pragma string, limit int) (complaints []string, err error) {
	rows, err := db.Query(fmt.Sprintf("PRAGMA %s(%d)", pragma, limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return complaints, err
		}
		if text != "ok" {
			complaints = append(complaints, text)
		}
	}
	return complaints, rows.Err()
}
