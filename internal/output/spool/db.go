package spool

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

const (
	pageSize = 4096
	// keepFree is how many free bytes the file may keep, to be used again.
	keepFree = 8 << 20
	// usualLog is how large the log may be by itself: checkpoints begin at 4 MB, and a batch comes on top.
	usualLog = 16 << 20
	// shrinkPages is by how many pages the file shrinks at a time.
	shrinkPages = 1024
	// manyRefused, or fewer where they could take more than an eighth of a small limit, are kept in quarantine.
	manyRefused, fewRefused, refusedShare = 10_000, 20, 8 * pageSize
	// maxWhy bounds what is kept of a reason, in bytes.
	maxWhy = 1000
	// maxID is the highest number that an entry may have.
	maxID = 1 << 53
)

// busyTimeout is how long a writer waits for another one.
const busyTimeout = "busy_timeout(5000)"

var (
	// A commit is durable when it returns: the log is synced, not only written. The layout can be told only to a
	// file that is empty.
	writing = sqlfile.Access{Mode: "rw", Pragmas: []string{busyTimeout, "page_size(" + strconv.Itoa(pageSize) + ")", "auto_vacuum(INCREMENTAL)",
		"journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(4194304)"}}
	reading = sqlfile.Access{Mode: "ro", Pragmas: []string{"busy_timeout(5000)", "query_only(1)"}}
	// With writable_schema SQLite reads what it can of a file that is shorter than its header says.
	salvage = sqlfile.Access{Mode: "rw", Pragmas: []string{"busy_timeout(5000)", "query_only(1)", "writable_schema(1)"}}
	// A file that is built beside has no log.
	building = sqlfile.Access{Mode: "rw", Pragmas: []string{"page_size(" + strconv.Itoa(pageSize) + ")", "auto_vacuum(INCREMENTAL)",
		"journal_mode(MEMORY)", "synchronous(FULL)"}}
)

// sizes are the bytes of pages that hold something, and of those that are free.
func sizes(db queryer) (used, free int64, err error) {
	rows, err := db.Query("SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&used, &free); err != nil {
			return 0, 0, err
		}
	}
	return (used - free) * pageSize, free * pageSize, rows.Err()
}

// cost is what an entry takes at most, in bytes on disk: pages of its lines and of its manifest, and of the trees.
func cost(e *Entry) int64 {
	const most = 26 // bytes of a Tweet in the manifest
	pages := len(e.Lines)/(pageSize-4) + most*len(e.Tweets)/(pageSize-4) + 6
	return int64(pages+pages/800) * pageSize
}

// shrink gives free pages at the end of the file back, moving others there from. Where it fails the next write tries
// again.
func shrink(conn *sql.Conn) {
	rows, err := onConn{conn}.Query(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrinkPages))
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() { // each step frees a page
	}
	_ = rows.Err()
}

// cutLog empties a log that has grown while somebody read the file, if nobody does now: it waits for no reader. Where it
// fails the next write tries again.
func cutLog(conn *sql.Conn) {
	for _, pragma := range []string{"busy_timeout(0)", "wal_checkpoint(TRUNCATE)", busyTimeout} {
		rows, err := onConn{conn}.Query("PRAGMA " + pragma)
		if err != nil {
			continue
		}
		for rows.Next() { // what it says does not matter
		}
		_ = rows.Err()
		_ = rows.Close() //nolint:sqlclosecheck // before the next pragma, not at the end
	}
}

// check is SQLite's own look at the file: the first thing that it complains of, nothing if there is none.
func check(db *sql.DB) (complaint string, err error) {
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&complaint); err != nil {
		return "", err
	}
	if complaint == "ok" {
		return "", nil
	}
	return strings.TrimPrefix(complaint, "*** in database main ***\n"), nil
}
