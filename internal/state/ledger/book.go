package ledger

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// rest is how long a row must have gone unreported before it may be forgotten for its age, in ns.
// Copies of its Tweets may come for as long as ids are remembered (dedup_window), and a row begun
// anew would be reported over the true one.
const rest = int64(3600e9)

// maxRows bounds the memory of the book (about 300 bytes a row): five days of minutes of one
// partition are 7200.
const maxRows = 16_000

// Elsewhere is the minute that stands for Tweets of minutes that have no account of their own: the first of 1970, of
// which no id can be (snowflake.Epoch).
const Elsewhere = timeline.Minute(0)

// Book is the account of one partition: its minutes, its coverage and its gaps.
// One owner; no lock.
type Book struct {
	Partition int
	Recovered timeline.Set // spans that were gaps and were filled
	Lost      timeline.Set // spans that were given up

	connections int             // whose deliveries are told apart
	witnessed   timeline.Minute // from here on it is known who delivered what
	rows        map[timeline.Minute]*Row
	open        []timeline.Minute // rows not closed yet
	last        timeline.Minute   // the row that was asked for last: almost always asked for again
	row         *Row
}

// NewBook returns the empty book of a partition, to which so many live connections deliver.
func NewBook(partition, connections int) *Book {
	return &Book{Partition: partition, connections: connections, rows: make(map[timeline.Minute]*Row)}
}

// Row is the account of the minute, opened if there is none.
func (b *Book) Row(m timeline.Minute) *Row {
	if b.row != nil && b.last == m {
		return b.row
	}
	r := b.rows[m]
	if r == nil {
		r = &Row{dirty: true, unsaved: true, Histories: b.histories(m)}
		b.rows[m] = r
		b.open = append(b.open, m)
	}
	b.last, b.row = m, r
	return r
}

// histories are the empty ones of a minute.
func (b *Book) histories(m timeline.Minute) []int64 {
	if m < b.witnessed || b.connections == 0 {
		return nil
	}
	return make([]int64, 1<<b.connections)
}

// Unwitnessed says that nobody knows any longer who delivered what of minutes before m.
func (b *Book) Unwitnessed(m timeline.Minute) { b.witnessed = max(b.witnessed, m) }

// Restore puts back the account of a minute as an earlier process left it, and says as what it was
// reported. t is what was tracked of its Tweets behind the sink, nil: nothing; doubtful says that only t tells.
func (b *Book) Restore(m *MinuteRecord, t *Tracked, doubtful bool) {
	r := &Row{Received: m.Received, Unique: m.Unique, Duplicate: m.Duplicate, Late: m.Late, Emitted: m.Emitted,
		Given: m.Emitted, Bytes: m.Bytes, Digest: m.Digest, closed: m.State != Open, past: true}
	r.Copies[Redundant] = m.Duplicate
	r.restoreTracked(t, doubtful)
	r.view = View{Connections: m.Connections, State: m.State}
	for _, s := range m.Covered {
		r.view.Covered += s.Len()
	}
	b.rows[m.Minute] = r
	switch m.State {
	case Open:
		b.open = append(b.open, m.Minute)
		r.Histories = b.histories(m.Minute)
	case Recovered:
		b.Recovered.Add(m.Minute.Span())
	case Lost:
		b.Lost.Add(m.Minute.Span())
	}
}

// RestoreCopies puts back why the copies of a minute came, as far as there are copies.
func (b *Book) RestoreCopies(k *CopyRecord) {
	if r := b.rows[k.Minute]; r != nil {
		r.Copies[Backfill] = min(k.Backfill, r.Duplicate)
		r.Copies[Replay] = min(k.Replay, r.Duplicate-r.Copies[Backfill])
		r.Copies[Redundant] = r.Duplicate - r.Copies[Backfill] - r.Copies[Replay]
	}
}

// Find is the account of the minute, nil if there is none.
func (b *Book) Find(m timeline.Minute) *Row {
	if b.row != nil && b.last == m {
		return b.row
	}
	return b.rows[m]
}

// Close closes the open minutes for which due says so, and returns how many; decided is called for
// each before later Tweets count as late.
func (b *Book) Close(due func(timeline.Minute) bool, decided func(timeline.Minute, *Row)) (n int) {
	b.open = slices.DeleteFunc(b.open, func(m timeline.Minute) bool {
		if !due(m) {
			return false
		}
		r := b.rows[m]
		decided(m, r)
		r.Close()
		n++
		return true
	})
	return n
}

// OldestOpen is the first minute that is not closed.
func (b *Book) OldestOpen() (timeline.Minute, bool) {
	if len(b.open) == 0 {
		return 0, false
	}
	return slices.Min(b.open), true
}

// Unsaved calls f for each account that changed since it was given to the store.
func (b *Book) Unsaved(f func(timeline.Minute, *Row)) {
	for m, r := range b.rows {
		if r.unsaved {
			f(m, r)
		}
	}
}

// Minutes are the minutes that have an account, in order.
func (b *Book) Minutes() []timeline.Minute {
	minutes := make([]timeline.Minute, 0, len(b.rows))
	for m := range b.rows {
		minutes = append(minutes, m)
	}
	slices.Sort(minutes)
	return minutes
}

// Forget drops settled rows of minutes before m that rested, and the oldest settled ones when there
// are too many rows.
func (b *Book) Forget(m timeline.Minute) {
	newest := int64(0) // the last report is the book's own clock
	for _, r := range b.rows {
		newest = max(newest, r.told)
	}
	for k, r := range b.rows {
		if k < m && k != Elsewhere && r.settled() && newest-r.told >= rest {
			b.drop(k)
		}
	}
	if len(b.rows) <= maxRows {
		return
	}
	for _, k := range b.Minutes() {
		if k != Elsewhere && b.rows[k].settled() {
			b.drop(k)
		}
		if len(b.rows) <= maxRows*9/10 {
			return
		}
	}
}

func (b *Book) drop(m timeline.Minute) {
	delete(b.rows, m)
	b.row = nil
}

// Settle says how a span of a gap ends: it was recovered or lost.
func (b *Book) Settle(s timeline.Span, state GapState) {
	if state == GapRecovered {
		b.Recovered.Add(s)
		b.Lost.Remove(s)
	} else {
		b.Lost.Add(s)
	}
	b.account(s)
	b.Touch(s)
}

// account opens an account for each minute of the span, so that what became of it is reported.
func (b *Book) account(s timeline.Span) {
	for m, end := s.Minutes(); m < end; m++ {
		b.Row(m)
	}
}

// Touch marks the minutes of the span as changed, so that they are reported and stored again.
func (b *Book) Touch(s timeline.Span) {
	for m, end := s.Minutes(); m < end; m++ {
		if r := b.rows[m]; r != nil {
			r.Touch()
		}
	}
}

// StateOf is the state of minute m, of which covered says whether it was fully covered.
func (b *Book) StateOf(m timeline.Minute, covered bool) State {
	r := b.rows[m]
	switch span := m.Span(); {
	case b.Lost.Covered(span) > 0:
		return Lost
	case r != nil && !r.closed:
		return Open
	case !covered:
		return Missing
	case b.Recovered.Covered(span) > 0:
		return Recovered
	}
	return Whole
}
