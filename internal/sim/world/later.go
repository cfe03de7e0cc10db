package world

import (
	"sync"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// What Replay and Recovery deliver is the World as it is when they run (x-api.md §1.3): Tweets were
// deleted, earlier versions of edited ones are not delivered, accounts changed, quoted Tweets are gone.
// Kind, language and time of a Tweet stay. All of it is a function of seed and id.

// editShare of the Tweets are edits of one that the World created within the half hour before.
const editShare = 0.004

// How long behind the drawn moment the first version of an edit is looked for, in ms.
const (
	editSearch       = 50
	editSearchSparse = 15_000
)

// editOf is the first version of an edit, or 0. First versions are not edits themselves. found is
// scratch, and returned.
func (w *World) editOf(id snowflake.ID, found []Tweet) (snowflake.ID, []Tweet) {
	r := rng.New(w.seed, rng.SaltEdit, uint64(id))
	if !r.Chance(editShare) {
		return 0, found
	}
	from, search := id.Milli()-int64(r.Between(20_000, editWindow-1000)), int64(editSearch)
	if w.sparse {
		search = editSearchSparse
	}
	found = w.Span(found[:0], from, from+search, 1)
	for _, t := range found {
		if other := rng.New(w.seed, rng.SaltEdit, uint64(t.ID)); !other.Chance(editShare) {
			return t.ID, found
		}
	}
	return 0, found
}

// formOf is what record makes of an id that is no edit.
func (w *World) formOf(id snowflake.ID) form {
	r := rng.New(w.seed, rng.SaltRecord, uint64(id))
	r.Next()
	return drawForm(&r)
}

// edits knows which Tweets were superseded by one of a minute that has been looked at.
type edits struct {
	mu         sync.Mutex
	minutes    map[int64]bool
	superseded map[snowflake.ID]bool
	found      []Tweet
	scratch    []Tweet
}

// superseded says whether a Tweet was edited.
func (w *World) superseded(id snowflake.ID) bool {
	w.edits.mu.Lock()
	defer w.edits.mu.Unlock()
	first := id.Milli() / 60_000
	for m := first; m <= first+editWindow/60_000; m++ {
		if !w.edits.minutes[m] {
			w.seekEdits(m)
		}
	}
	return w.edits.superseded[id]
}

// seekEdits looks at the Tweets of a minute; retweets cannot be edited.
func (w *World) seekEdits(minute int64) {
	e := &w.edits
	if e.minutes == nil {
		e.minutes, e.superseded = map[int64]bool{}, map[snowflake.ID]bool{}
	}
	e.minutes[minute] = true
	e.found = w.Span(e.found[:0], minute*60_000, (minute+1)*60_000, 1)
	for _, t := range e.found {
		var earlier snowflake.ID
		if earlier, e.scratch = w.editOf(t.ID, e.scratch); earlier != 0 && w.formOf(earlier) != retweet {
			e.superseded[earlier] = true
		}
	}
}

// Gone says that Replay and Recovery do not deliver a Tweet: it was deleted, or edited. Live stream and
// backfill deliver it.
func (w *World) Gone(id snowflake.ID) bool {
	r := rng.New(w.seed, rng.SaltLater, uint64(id))
	return r.Chance(w.gone) || !w.short && w.superseded(id)
}

// AppendLater implements Aging.
func (w *World) AppendLater(dst []byte, id snowflake.ID) []byte {
	return w.later().AppendRecord(dst, id)
}

// age returns the World with the accounts of later on.
func (w *World) age() *World {
	later := &World{arrivals: w.arrivals, vocab: w.vocab, gone: w.gone, short: w.short}
	later.pens.New = func() any { return &pen{world: later} }
	return later
}

// lacksQuotedShare of the quoted Tweets are gone when a Replay runs; the quote still says what it quoted.
const lacksQuotedShare = 0.08

func (w *World) lacksQuoted(p *post, id snowflake.ID) bool {
	if w.later != nil || p.form != quote {
		return false
	}
	r := rng.New(w.seed, rng.SaltLater, uint64(id))
	r.Next()
	return r.Chance(lacksQuotedShare)
}

// age changes an account; its id stays, and so do the mentions of it in texts.
func (p *profile) age(r *rng.Rand, v *vocabulary, u *user) (name, screenName string) {
	p.followers += int64(r.Scale(float64(p.followers)/10 + 2))
	p.statuses += int64(r.Scale(500))
	p.favourites += int64(r.Scale(300))
	name, screenName = u.name, u.screenName
	if r.Chance(0.1) {
		p.description = motto(r, v)
	}
	if r.Chance(0.05) {
		name += " " + emoji[r.N(len(emoji))]
	}
	if r.Chance(0.03) {
		screenName = "x" + screenName
	}
	return name, screenName
}
