package world

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// bodyCount is how many Tweets a World has that others quote and retweet.
const bodyCount = 2048

// body is a Tweet that others quote or retweet: all but its id and time, written once in each style,
// since the same one is met again and again.
type body struct {
	key           uint64
	author        *user
	text          string // what a retweet repeats behind its RT @name:
	lang          *vocabulary
	quoted        *body
	before, after [styles][]byte
}

// body returns popular Tweet i; two goroutines that meet it at once make the same one. Those with
// an odd number quote nothing, so that quotes end.
func (w *World) body(i int) *body {
	if b := w.bodies[i].Load(); b != nil {
		return b
	}
	w.bodies[i].CompareAndSwap(nil, w.newBody(i))
	return w.bodies[i].Load()
}

func (w *World) popular(r *rng.Rand) *body { return w.body(r.Zipf(bodyCount)) }

func (w *World) newBody(i int) *body {
	r := rng.New(w.seed, rng.SaltBody, uint64(i))
	f := original
	if i%2 == 0 && r.Chance(0.2) {
		f = quote
	}
	p := new(post)
	p.shape(w, &r, f, true)
	if f == quote {
		p.other = w.body(r.N(bodyCount/2)*2 + 1)
	}
	made := &body{key: r.Next(), author: p.author, text: string(p.full.text), lang: p.vocab, quoted: p.other}
	for st := range styles {
		made.before[st] = p.appendBefore(nil, st)
		made.after[st] = p.appendAfter(nil, st)
	}
	return made
}

// idBefore is the id of this Tweet as seen by one with the given id: up to three days older.
func (x *body) idBefore(id snowflake.ID) snowflake.ID {
	const threeDays = 3 * 24 * 3600 * 1000
	age := int64(rng.Mix(x.key)%threeDays) + 1
	return max(1, snowflake.First(id.Milli()-age)+snowflake.ID(x.key%976))
}

// append writes the Tweet without its braces.
func (x *body) append(b []byte, st style, id snowflake.ID) []byte {
	b = append(appendHead(b, id), x.before[st]...)
	if x.quoted != nil {
		b = x.quoted.appendQuotedStatus(b, st, x.quoted.idBefore(id))
	}
	return appendEdits(append(b, x.after[st]...), id, nil)
}

func (x *body) appendQuotedStatus(b []byte, st style, id snowflake.ID) []byte {
	b = appendTwice(b, "quoted_status_id", int64(id))
	b = append(x.appendShallow(append(b, `,"quoted_status":{`...), st, id), '}')
	link := fmt.Sprintf("twitter.com/%s/status/%d", x.author.screenName, id)
	b = st.appendQuoted(append(b, `,"quoted_status_permalink":{"url":`...), "https://t.co/"+x.lang.code+"Qt0aVbX9k"[:8])
	b = st.appendQuoted(append(b, `,"expanded":`...), "https://"+link)
	b = st.appendQuoted(append(b, `,"display":`...), link[:24]+"…")
	return append(b, '}')
}

// appendShallow is append without what the Tweet itself quotes: X nests two deep, not more.
func (x *body) appendShallow(b []byte, st style, id snowflake.ID) []byte {
	b = append(appendHead(b, id), x.before[st]...)
	return appendEdits(append(b, x.after[st]...), id, nil)
}

func appendHead(b []byte, id snowflake.ID) []byte {
	b = appendTime(append(b, `"created_at":`...), id.Milli())
	b = appendInt(append(b, `,"id":`...), int64(id))
	return append(appendInt(append(b, `,"id_str":"`...), int64(id)), '"')
}

// editWindow is how long a Tweet can be edited, and editsAllowed how often (x-api.md §6.2).
const (
	editWindow   = 30 * 60 * 1000
	editsAllowed = 5
)

// appendEdits writes the edit history; earlier are the ids of the chain before this one, oldest first.
func appendEdits(b []byte, id snowflake.ID, earlier []snowflake.ID) []byte {
	chain := append(earlier, id)
	b = appendInt(append(b, `,"edit_history":{"initial_tweet_id":"`...), int64(chain[0]))
	b = append(b, `","edit_tweet_ids":[`...)
	for i, e := range chain {
		b = append(appendInt(append(separate(b, i), '"'), int64(e)), '"')
	}
	b = appendInt(append(b, `]},"edit_controls":{"editable_until_ms":`...), chain[0].Milli()+editWindow)
	b = appendInt(append(b, `,"edits_remaining":`...), int64(editsAllowed-len(chain)+1))
	return append(b, `},"editable":true`...)
}

// pen is the scratch of one record being written.
type pen struct {
	world *World
	post  post
	found []Tweet
}

// record writes the record of id.
func (p *pen) record(b []byte, id snowflake.ID) []byte {
	r := rng.New(p.world.seed, rng.SaltRecord, uint64(id))
	st := style(r.N(int(styles)))
	var earlier snowflake.ID
	if earlier, p.found = p.world.editOf(id, p.found); earlier != 0 {
		// An edit keeps author, kind and language: the same draws as its first version, and a new text.
		first := rng.New(p.world.seed, rng.SaltRecord, uint64(earlier))
		first.Next()
		if p.fill(&first); p.post.form != retweet {
			p.reword(&r)
			return p.finish(b, st, id, []snowflake.ID{earlier})
		}
	}
	p.fill(&r)
	return p.finish(b, st, id, nil)
}

// fill decides form and content: 41 % retweets, 9 % quotes, 20 % replies.
func (p *pen) fill(r *rng.Rand) {
	p.post.shapeOuter(p.world, r, drawForm(r))
}

func drawForm(r *rng.Rand) form {
	switch k := r.N(100); {
	case k < 41:
		return retweet
	case k < 50:
		return quote
	case k < 70:
		return reply
	}
	return original
}

// reword gives an edit its new text.
func (p *pen) reword(r *rng.Rand) {
	if p.post.form == original && !p.post.extended && len(p.post.media) == 0 {
		p.post.full.write(r, p.post.vocab, 10)
	}
}

func (p *pen) finish(b []byte, st style, id snowflake.ID, earlier []snowflake.ID) []byte {
	b = appendHead(append(b, '{'), id)
	b = p.post.appendBefore(b, st)
	if p.world.lacksQuoted(&p.post, id) {
		b = appendTwice(b, "quoted_status_id", int64(p.post.other.idBefore(id)))
	} else {
		b = p.post.appendInside(b, st, id)
	}
	b = p.post.appendAfter(b, st)
	b = appendEdits(b, id, earlier)
	b = appendInt(append(b, `,"timestamp_ms":"`...), id.Milli())
	return append(b, `"}`...)
}

// shapeOuter shapes the Tweet that is a record of its own.
func (p *post) shapeOuter(w *World, r *rng.Rand, f form) {
	if f != retweet {
		p.shape(w, r, f, false)
		if f == quote {
			p.other = w.popular(r)
		}
		return
	}
	other := w.popular(r)
	p.form, p.author, p.vocab, p.other = retweet, w.someone(r), other.lang, other
	p.key, p.source, p.media = other.key, sources[r.Zipf(len(sources))], p.media[:0]
	p.town, p.point, p.replied, p.extended, p.counts = -1, false, nil, false, [4]int64{}
	p.repeat(other)
}

// repeat writes a retweet's text: RT @name: and as much of the original as 140 code points hold.
func (p *post) repeat(other *body) {
	t := &p.full
	t.reset()
	t.add("RT ")
	t.at(other.author)
	t.add(": ")
	t.add(other.text)
	if t.runes > 140 {
		t.text, t.runes = t.text[:t.cutAt(139)], 139
		t.add("…")
	}
}
