package spool

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

const (
	pageSize = 4096 // SQLite's own choice
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

// layout is that of a new file: it can shrink again, a page at a time.
const layout = "auto_vacuum(INCREMENTAL)"

// onConn is a connection as a sqlfile.Queryer.
type onConn struct{ *sql.Conn }

func (c onConn) Query(query string, args ...any) (*sql.Rows, error) {
	return c.QueryContext(context.Background(), query, args...)
}

// sizes are the bytes of pages that hold something, and of those that are free.
func sizes(db sqlfile.Queryer) (used, free int64, err error) {
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
	for _, pragma := range []string{"busy_timeout(0)", "wal_checkpoint(TRUNCATE)", sqlfile.BusyTimeout} {
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
