package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// maxProblems bounds the list of a Report.
const maxProblems = 100

// Report is what Verify found.
type Report struct {
	Rows     int      `json:"rows"`     // of the ledger, sound ones
	Files    int      `json:"files"`    // of ids
	Blocks   int      `json:"blocks"`   // of ids, sound ones
	IDs      int      `json:"ids"`      // in them
	Bytes    int64    `json:"bytes"`    // on disk, everything
	Ahead    int      `json:"ahead"`    // minutes with more ids than their rows say: a commit under way or cut short; harmless
	Bad      int      `json:"bad"`      // how many problems
	Problems []string `json:"problems"` // the first of them
}

func (p *Report) problem(format string, args ...any) {
	p.Bad++
	if len(p.Problems) < maxProblems {
		p.Problems = append(p.Problems, fmt.Sprintf(format, args...))
	}
}

// add puts what was found of a part to what was found before.
func (p *Report) add(part Report) {
	p.Files += part.Files
	p.Blocks += part.Blocks
	p.IDs += part.IDs
	p.Ahead += part.Ahead
	p.Bad += part.Bad
	p.Problems = append(p.Problems, part.Problems[:min(len(part.Problems), maxProblems-len(p.Problems))]...)
}

// account is what rows or ids say of one minute of one partition.
type account struct {
	count  int64
	digest uint64
}

// Verify checks every row, SQLite's own structures and every block of ids, and each row against the ids that are
// stored of its minute. progress is told how many steps of how many are done; it may be nil. An error means that it could
// not look; what it found wrong is in the Report.
func (r *Reader) Verify(progress func(done, total int)) (Report, error) {
	p := Report{Bytes: sizeOf(r.dir)}
	booked, err := r.verifyRows(&p)
	if err != nil {
		return p, err
	}
	hours, err := hoursIn(r.dir)
	if err != nil {
		return p, err
	}
	c := newCodec()
	defer c.close()
	for i, h := range hours {
		if progress != nil {
			progress(i+1, len(hours)+1)
		}
		p.add(r.verifyHour(c, h, booked))
	}
	if hours, err = hoursIn(r.dir); err != nil { // some were pruned meanwhile, as a rule none
		return p, err
	}
	for k, a := range booked {
		m := timeline.Minute(k >> partitionBits)
		pruned := len(hours) == 0 || hourOf(m) < slices.Min(hours)
		if a.count > 0 && !pruned {
			p.problem("minute %v of partition %d: %d ids in its row, none stored", m, k&(1<<partitionBits-1), a.count)
		}
	}
	if progress != nil {
		progress(len(hours)+1, len(hours)+1)
	}
	return p, nil
}

// verifyRows checks the ledger, and returns what its minutes say of ids. It sees one state of it.
func (r *Reader) verifyRows(p *Report) (map[int64]account, error) {
	tx, err := r.db.Begin()
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	complaints, err := sqlfile.Check(tx, "integrity_check", maxProblems)
	if err != nil && !sqlfile.OfItsContent(err) {
		return nil, fmt.Errorf("check the ledger: %w", err)
	}
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	for _, text := range complaints {
		p.problem("ledger: %s", text)
	}
	booked := make(map[int64]account)
	for _, row := range verifyTable(p, tx, minutes) {
		booked[minutes.Key(&row)] = account{row.Unique, row.Digest}
	}
	verifyTable(p, tx, copies)
	verifyTable(p, tx, deliveries)
	verifyTable(p, tx, hours)
	verifyTable(p, tx, repairs)
	verifyTable(p, tx, gone)
	verifyTable(p, tx, fills)
	verifyTable(p, tx, gaps)
	verifyTable(p, tx, partitions)
	verifyTable(p, tx, requests)
	verifyTable(p, tx, connects)
	verifyTable(p, tx, moments)
	verifyTable(p, tx, steps)
	verifyTable(p, tx, orders)
	verifyTable(p, tx, ordersTweets)
	verifyTable(p, tx, answers)
	return booked, nil
}

func verifyTable[T any](p *Report, db sqlfile.Queryer, t *sqlfile.Table[T]) []T {
	records, bad, err := t.All(db)
	p.Rows += len(records)
	if err != nil {
		p.problem("%v", err)
	}
	if bad > 0 {
		p.problem("%s: %d rows have a wrong checksum", t.Name, bad)
	}
	return records
}

// verifyHour checks the id files of an hour, and takes the minutes of which it has ids from booked.
func (r *Reader) verifyHour(c *codec, h hour, booked map[int64]account) Report {
	var p Report
	var seen []int64
	for range looks {
		if p, seen = verifyFiles(c, newHourFiles(r.dir, h), booked); p.Bad == 0 {
			break
		}
	}
	for _, k := range seen {
		delete(booked, k)
	}
	return p
}

// verifyFiles checks the id files of an hour against booked; seen are the minutes of which they have ids.
func verifyFiles(c *codec, files *hourFiles, booked map[int64]account) (p Report, seen []int64) {
	defer files.close()
	byKey := make(map[int64][]block)
	for n := range mostBeside + 1 {
		for _, b := range p.verifyFile(files, n) {
			k := key(b.minute, b.partition)
			byKey[k] = append(byKey[k], b)
		}
	}
	for k, of := range byKey {
		p.verifyMinute(c, files, of, booked[k])
	}
	return p, slices.Collect(maps.Keys(byKey))
}

// verifyFile lists the blocks of a file. One that is not there was pruned meanwhile.
func (p *Report) verifyFile(files *hourFiles, n int) []block {
	blocks, _, skipped, err := files.list(n)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	p.Files++
	if err != nil {
		p.problem("ids %s: %v", files.hour.file(n), err)
	}
	if skipped > 0 {
		p.problem("ids %s: %d bytes belong to no block", files.hour.file(n), skipped)
	}
	return blocks
}

// verifyMinute checks the blocks of one minute of one partition.
func (p *Report) verifyMinute(c *codec, files *hourFiles, blocks []block, row account) {
	var ids []snowflake.ID
	var err error
	sound := true
	m, partition := blocks[0].minute, blocks[0].partition
	for _, b := range blocks {
		if ids, err = files.read(c, b, ids); err != nil {
			p.problem("minute %v of partition %d: block at %d: %v", m, partition, b.offset, err)
			sound = false
			continue
		}
		p.Blocks++
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	p.IDs += len(ids)
	stored := account{int64(len(ids)), ledger.Digest(ids...)}
	switch {
	case !sound || stored == row:
	case stored.count > row.count:
		p.Ahead++
	default:
		p.problem("minute %v of partition %d: its row says %d ids with digest %016x, stored are %d with %016x",
			m, partition, row.count, row.digest, stored.count, stored.digest)
	}
}
