package ledger

import "github.com/decahose/telegraf-decahose/internal/timeline"

// Cause says why a copy came.
type Cause uint8

const (
	Redundant Cause = iota // on its live way: another connection had brought the Tweet, or X repeated it
	Backfill               // over a connection, and older than it: X sent again what was before
	Replay                 // by a request
	causes
)

// Copies are how many copies came, by Cause.
type Copies [causes]int64

// Sum is how many there are.
func (k Copies) Sum() int64 { return k[Redundant] + k[Backfill] + k[Replay] }

// State is what is known of a minute.
type State uint8

// States, from the best to the worst; the state of a sum is the worst of its parts.
const (
	Whole     State = iota // at least one connection was sound throughout
	Recovered              // was a gap, and was filled
	Open                   // not closed yet
	Missing                // closed and not fully covered (interface: gap)
	Lost                   // not fully covered, and can no longer be asked for
)

var stateNames = [...]string{"whole", "recovered", "open", "gap", "lost"}

func (s State) String() string { return stateNames[s] }

// Row is the account of one partition in one minute of Tweet time. Invariant:
// Received = Unique + Duplicate, Duplicate = the sum of Copies, and Emitted ≤ Given ≤ Unique.
type Row struct {
	Received, Unique, Duplicate int64 // whole Tweets and copies of known ids
	Copies                            // of Duplicate
	Late                        int64 // unique Tweets that came after the minute first closed
	Given                       int64 // handed on to be written out
	Emitted                     int64 // reported as written out
	Bytes                       int64
	Tracked                     // of Emitted

	// Histories are the distinct Tweets that live connections delivered while the minute was open, by the set of those that
	// did, a bit each. Nil where it is not known who delivered what, and once the minute is closed.
	Histories []int64

	Digest uint64 // of the ids that were given to the store

	closed  bool
	past    bool  // begun by an earlier process
	unsaved bool  // changed since it was last given to the store
	dirty   bool  // changed since it was last reported
	told    int64 // when it was last reported, Unix ns of our clock
	view    View  // as it was last reported
	seconds [60]uint16
}

// View is what is reported of a minute besides its counts. It may change without a posting, as a
// connection that lags behind catches up.
type View struct {
	Connections int64 // how many covered the whole minute
	Covered     int64 // ms in which at least one did
	State       State
}

// Closed reports whether the minute was closed.
func (r *Row) Closed() bool { return r.closed }

// Changed reports whether the row, or the view of it, changed since Told.
func (r *Row) Changed(v View) bool { return r.dirty || r.view != v }

// Dirty reports whether something was posted, or touched, since Told.
func (r *Row) Dirty() bool { return r.dirty }

// LastView is the view that was reported last.
func (r *Row) LastView() View { return r.view }

// Touch marks the row as changed.
func (r *Row) Touch() { r.dirty, r.unsaved = true, true }

// Told notes that the row was reported at now (Unix ns), and with which view.
func (r *Row) Told(now int64, v View) { r.dirty, r.told, r.view = false, now, v }

// ToldAt is when the row was last reported, Unix ns; 0 if never.
func (r *Row) ToldAt() int64 { return r.told }

// PostUnique posts a Tweet seen for the first time: ms is its id time.
func (r *Row) PostUnique(ms int64, bytes int) {
	r.Received++
	r.Unique++
	r.Bytes += int64(bytes)
	r.Touch()
	r.tick(ms)
	if r.closed {
		r.Late++
	}
}

func (r *Row) tick(ms int64) {
	if s := &r.seconds[ms/1000%60]; *s < 1<<16-1 {
		*s++
	}
}

// PostDuplicate posts a copy of a Tweet that is known.
func (r *Row) PostDuplicate(why Cause, bytes int) {
	r.Received++
	r.Duplicate++
	r.Copies[why]++
	r.Bytes += int64(bytes)
	r.Touch()
}

// Capture notes that a live connection delivered a Tweet which those of the set before had delivered. Those that are no
// live connections of the partition do not count.
func (r *Row) Capture(before uint8, connection int) {
	live := int(before) & (len(r.Histories) - 1)
	if r.Histories == nil || live&(1<<connection) != 0 {
		return
	}
	if live != 0 {
		r.Histories[live]--
	}
	r.Histories[live|1<<connection]++
}

// Missed is how many Tweets only other connections delivered.
func (r *Row) Missed(connection int) (n int64) {
	for set, tweets := range r.Histories {
		if set&(1<<connection) == 0 {
			n += tweets
		}
	}
	return n
}

// Close closes the minute; later Tweets are late.
func (r *Row) Close() {
	r.closed, r.Histories = true, nil
	r.Touch()
}

// Past reports whether an earlier process began the row.
func (r *Row) Past() bool { return r.past }

// Unsaved reports whether the row changed since Saved.
func (r *Row) Unsaved() bool { return r.unsaved }

// Saved notes that the row was given to the store, or, with false, that it has to be given again.
func (r *Row) Saved(saved bool) { r.unsaved = !saved }

// settled reports whether nothing is due: a row with Tweets on their way out still gets postings.
func (r *Row) settled() bool {
	return r.closed && !r.dirty && !r.unsaved && r.Given == r.Emitted && r.known() >= r.Emitted
}

// Within is how many unique Tweets the seconds of minute m have that the span touches.
func (r *Row) Within(m timeline.Minute, span timeline.Span) int64 {
	span = span.Intersect(m.Span())
	if span.Empty() {
		return 0
	}
	return r.count((span.From-m.Milli())/1000, (span.To-1-m.Milli())/1000+1)
}

// Seconds are the row's unique Tweets by second of their id time, saturating. They are the row's own.
func (r *Row) Seconds() *[60]uint16 { return &r.seconds }

func (r *Row) count(from, to int64) (n int64) {
	for _, c := range r.seconds[from:to] {
		n += int64(c)
	}
	return n
}

// Balanced reports whether the double entry holds.
func (r *Row) Balanced() bool {
	return r.Received == r.Unique+r.Duplicate && r.Duplicate == r.Copies.Sum() && r.Emitted <= r.Given && r.Given <= r.Unique && r.Late <= r.Unique
}
