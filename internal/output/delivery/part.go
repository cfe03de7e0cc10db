package delivery

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// group is Tweets that came to the scheduler together: the batch of one Write, or an entry that an earlier process left
// in the spool. Their parts may be delivered in any order; the group says which of them are not safe yet, since the
// engine is told of safe Tweets only in the order in which it gave them.
type group struct {
	seq         int64 // groups are numbered as they come
	at          time.Time
	n           int // Tweets
	unsafe      int // those of them that would have to be fetched again
	undelivered int // those neither accepted nor refused
	element     *list.Element
}

// part is what is delivered as one batch: a group, or, after a split, some consecutive Tweets of it.
type part struct {
	group     *group
	from      int    // its first Tweet's place in the group
	n         int    // Tweets
	bytes     int    // in memory, if it is, or will be, there
	b         *Batch // nil: it is in the spool only
	entry     int64  // its number in the spool; 0: it is not there
	fromSpool bool   // b was read from the spool
	shared    bool   // others have the rest of b's buffers
	safe      bool
	done      bool // accepted, or in quarantine

	due     time.Time // not to be sent before
	tries   int       // in a row that came to nothing
	blame   int       // times that it was put off while others were accepted
	was     tally     // when it was put off last
	retried bool      // it, or what it is part of, was put off before
	probe   bool      // it was the only one in flight, to learn whether anything is accepted
}

// byAge compares parts by the order in which their Tweets came.
func byAge(a, b *part) int {
	return cmp.Or(cmp.Compare(a.group.seq, b.group.seq), cmp.Compare(a.from, b.from))
}

// insert puts p in its place among parts that are sorted by age.
func insert(sorted []*part, p *part) []*part {
	i, _ := slices.BinarySearchFunc(sorted, p, byAge)
	return slices.Insert(sorted, i, p)
}

// take takes the i-th part out of a queue. The first one costs nothing, however long the queue is.
func take(queue *[]*part, i int) *part {
	p := (*queue)[i]
	if i > 0 {
		*queue = slices.Delete(*queue, i, i+1)
		return p
	}
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	return p
}

// untried reports whether p was never put off.
func (p *part) untried() bool { return p.tries == 0 }

// toEntry is the form in which the spool takes p.
func (p *part) toEntry() *spool.Entry {
	return &spool.Entry{At: p.group.at, Tweets: p.b.Tweets, Lines: p.b.Lines}
}

// sent is p's Tweets.
func (p *part) sent() []ledger.Sent {
	all := make([]ledger.Sent, len(p.b.Tweets))
	for i := range p.b.Tweets {
		all[i] = p.b.Tweets[i].Sent
	}
	return all
}

// halves cuts p, which has several Tweets, in two.
func (p *part) halves() []*part {
	cut := p.n / 2
	at := p.b.Tweets[cut-1].End
	rest := slices.Clone(p.b.Tweets[cut:])
	for i := range rest {
		rest[i].End -= at
	}
	first := &Batch{Lines: p.b.Lines[:at:at], Tweets: p.b.Tweets[:cut:cut]}
	return []*part{
		p.cut(p.from, min(p.bytes, first.size()), first),
		p.cut(p.from+cut, p.bytes-min(p.bytes, first.size()), &Batch{Lines: p.b.Lines[at:], Tweets: rest}),
	}
}

func (p *part) cut(from, bytes int, b *Batch) *part {
	return &part{group: p.group, from: from, n: len(b.Tweets), bytes: bytes, b: b, fromSpool: p.fromSpool, safe: p.safe, retried: p.retried, shared: true}
}
