package audit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Book is what the ledger and the spool of one stream say at one moment, of the minutes from ≤ m < to.
type Book struct {
	Now     time.Time // of the stream: ids are in its time, and so is the judgement of what is over
	reader  *store.Reader
	begin   timeline.Minute // the ledger says nothing of what is before
	known   bool            // there is a begin
	rows    map[timeline.Minute]*account
	waiting map[timeline.Minute]map[snowflake.ID]bool // in the spool, or in its quarantine
}

// account is what is known of a minute, all partitions together.
type account struct {
	emitted           int64
	underway, refused int64 // no output has accepted them yet, or ever will
	open              bool
	gap               string // the cause of an open gap that holds part of it
	repairs           int64
	pending           []snowflake.ID
	gone              map[snowflake.ID]bool
}

// ReadBook reads the book. now is this host's clock; what is damaged is left out, and is the error beside the book.
func ReadBook(dir string, r *store.Reader, from, to timeline.Minute, now time.Time) (*Book, error) {
	b := &Book{reader: r, rows: make(map[timeline.Minute]*account), waiting: make(map[timeline.Minute]map[snowflake.ID]bool)}
	var damage error
	for _, read := range []func() error{
		func() error { return b.readTime(now) },
		func() error { return b.readMinutes(from, to) },
		func() error { return b.readGaps(from, to) },
		func() error { return b.readRepairs(from, to) },
		func() error { return b.readSpool(dir) },
	} {
		err := read()
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		damage = errors.Join(damage, err)
	}
	return b, damage
}

// StreamTime is the stream's time at now, which is this host's: it runs on from when it was last noted, so a clock that
// is wrong does not matter as long as it does not step. Where no stream was ever seen it is now.
func StreamTime(r *store.Reader, now time.Time) (time.Time, error) {
	m, err := r.Moment()
	if m.Stream == 0 {
		return now.UTC(), err
	}
	return time.UnixMilli(m.Stream).Add(now.Sub(time.Unix(0, m.Wall))).UTC(), err
}

func (b *Book) readTime(now time.Time) error {
	var err error
	b.Now, err = StreamTime(b.reader, now)
	parts, perr := b.reader.Partitions()
	for _, p := range parts {
		if first := timeline.MinuteOf(p.Begin); !b.known || first < b.begin {
			b.begin, b.known = first, true
		}
	}
	return errors.Join(err, perr)
}

func (b *Book) at(m timeline.Minute) *account {
	if b.rows[m] == nil {
		b.rows[m] = &account{}
	}
	return b.rows[m]
}

func (b *Book) readMinutes(from, to timeline.Minute) error {
	rows, err := b.reader.Minutes(from, to)
	for i := range rows {
		a := b.at(rows[i].Minute)
		a.emitted += rows[i].Emitted
		a.open = a.open || rows[i].State == ledger.Open
	}
	tracked, terr := b.reader.Deliveries(from, to)
	emitted := make(map[[2]int64]int64, len(rows))
	for i := range rows {
		emitted[[2]int64{int64(rows[i].Minute), int64(rows[i].Partition)}] = rows[i].Emitted
	}
	for i := range tracked {
		t := &tracked[i]
		a := b.at(t.Minute)
		a.refused += t.Refused
		a.underway += max(0, emitted[[2]int64{int64(t.Minute), int64(t.Partition)}]-t.Delivered-t.Untracked-t.Refused)
	}
	return errors.Join(err, terr)
}

func (b *Book) readGaps(from, to timeline.Minute) error {
	gaps, err := b.reader.Gaps()
	for i := range gaps {
		g := &gaps[i]
		if g.State == ledger.GapRecovered || g.State == ledger.GapLost {
			continue
		}
		first, end := g.Span.Minutes()
		if end = max(end, first+1); g.Dark {
			end = max(end, timeline.CeilMinute(b.Now.UnixMilli()))
		}
		for m := max(first, from); m < min(end, to); m++ {
			b.at(m).gap = g.Cause
		}
	}
	return err
}

func (b *Book) readRepairs(from, to timeline.Minute) error {
	repairs, err := b.reader.Repairs(from, to)
	for i := range repairs {
		a := b.at(repairs[i].Minute)
		a.repairs, a.pending = repairs[i].Times, repairs[i].Pending
	}
	gone, gerr := b.reader.Gone(from, to)
	for i := range gone {
		a := b.at(gone[i].Minute)
		a.gone = make(map[snowflake.ID]bool, len(gone[i].IDs))
		for _, id := range gone[i].IDs {
			a.gone[id] = true
		}
	}
	return errors.Join(err, gerr)
}

func (b *Book) readSpool(dir string) error {
	waiting, err := spool.Look(dir)
	for _, t := range waiting {
		m := timeline.MinuteOf(t.ID.Milli())
		if b.waiting[m] == nil {
			b.waiting[m] = make(map[snowflake.ID]bool)
		}
		b.waiting[m][t.ID] = true
	}
	return err
}

// sent are the Tweets of a minute that a store should hold: emitted, settled, and not waiting for an output; without those
// that X has no longer.
func (b *Book) sent(m timeline.Minute) ([]ledger.Sent, error) {
	all, err := b.reader.IDs(m)
	a := b.rows[m]
	return slices.DeleteFunc(all, func(t ledger.Sent) bool { return b.waiting[m][t.ID] || a != nil && a.gone[t.ID] }), err
}
