package delivery

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// lot is Tweets that came to the scheduler together: a batch that was given, or an entry that an earlier process left.
type lot struct {
	seq         int64 // lots are numbered as they come
	at          time.Time
	n           int // Tweets
	unsafe      int // those of them that would have to be fetched again
	undelivered int // those neither accepted nor refused
	place       *list.Element
}

// parcel is a lot, or a part of it, which is delivered as one batch.
type parcel struct {
	lot   *lot
	from  int    // its first Tweet's place in the lot
	n     int    // Tweets
	bytes int    // in memory, if it is, or will be, there
	b     *Batch // nil: it is in the spool only
	entry int64  // its number in the spool; 0: it is not there
	lent  bool   // b was read from the spool
	part  bool   // others have the rest of b's buffers
	safe  bool
	done  bool // accepted, or in quarantine

	due   time.Time // not to be sent before
	tries int       // in a row that came to nothing
	blame int       // times that it was put off while others were accepted
	was   tally     // when it was put off last
	again bool      // it, or what it is part of, was put off before
	probe bool      // it was the only one under way, to learn whether anything is accepted
}

// byAge compares parcels by the order in which their Tweets came.
func byAge(a, b *parcel) int {
	return cmp.Or(cmp.Compare(a.lot.seq, b.lot.seq), cmp.Compare(a.from, b.from))
}

// insert puts p in its place among parcels that are sorted by age.
func insert(sorted []*parcel, p *parcel) []*parcel {
	i, _ := slices.BinarySearchFunc(sorted, p, byAge)
	return slices.Insert(sorted, i, p)
}

// pop takes the first of a queue that is not empty.
func pop(queue *[]*parcel) *parcel {
	p := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	return p
}

// stored is the form in which the spool takes p.
func (p *parcel) stored() *spool.Entry {
	return &spool.Entry{At: p.lot.at, Tweets: p.b.Tweets, Lines: p.b.Lines}
}

// sent is p's Tweets.
func (p *parcel) sent() []ledger.Sent {
	all := make([]ledger.Sent, len(p.b.Tweets))
	for i := range p.b.Tweets {
		all[i] = p.b.Tweets[i].Sent
	}
	return all
}

// halves cuts p, which has several Tweets, in two.
func (p *parcel) halves() []*parcel {
	cut := p.n / 2
	at := p.b.Tweets[cut-1].End
	rest := slices.Clone(p.b.Tweets[cut:])
	for i := range rest {
		rest[i].End -= at
	}
	first := &Batch{Lines: p.b.Lines[:at:at], Tweets: p.b.Tweets[:cut:cut]}
	return []*parcel{
		p.cut(p.from, min(p.bytes, first.size()), first),
		p.cut(p.from+cut, p.bytes-min(p.bytes, first.size()), &Batch{Lines: p.b.Lines[at:], Tweets: rest}),
	}
}

func (p *parcel) cut(from, bytes int, b *Batch) *parcel {
	return &parcel{lot: p.lot, from: from, n: len(b.Tweets), bytes: bytes, b: b, lent: p.lent, safe: p.safe, again: p.again, part: true}
}
