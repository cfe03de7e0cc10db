package world

import (
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"unicode/utf8"
)

// mark is a stretch of a text that an entity points at; start and end count code points, as X does.
type mark struct {
	start, end int
	text       string // hashtag without #, or the t.co link
	target     string // what the link leads to
	user       *user  // mentioned
}

// prose is a text under construction, with what its entities need.
type prose struct {
	text                 []byte
	runes                int
	tags, links, mention []mark
	media                mark // the link that stands for the media; end 0: none
}

func (t *prose) reset() {
	*t = prose{text: t.text[:0], tags: t.tags[:0], links: t.links[:0], mention: t.mention[:0]}
}

func (t *prose) add(s string) (start, end int) {
	start = t.runes
	t.text = append(t.text, s...)
	t.runes += utf8.RuneCountInString(s)
	return start, t.runes
}

func (t *prose) tag(s string) {
	start, end := t.add("#" + s)
	t.tags = append(t.tags, mark{start: start, end: end, text: s})
}

func (t *prose) at(u *user) {
	start, end := t.add("@" + u.screenName)
	t.mention = append(t.mention, mark{start: start, end: end, user: u})
}

func (t *prose) link(short, target string) {
	start, end := t.add(short)
	t.links = append(t.links, mark{start: start, end: end, text: short, target: target})
}

// write fills t with about n code points in one language.
func (t *prose) write(r *rng.Rand, v *vocabulary, n int) {
	for n += t.runes; t.runes < n; {
		switch k := r.N(1000); {
		case k < 22:
			t.add(emoji[r.Zipf(len(emoji))])
		case k < 40:
			t.tag(v.hashtag(r))
		case k < 48:
			t.add(punctuation[r.N(len(punctuation))])
			continue
		default:
			t.add(v.word(r))
		}
		t.add(v.joint)
	}
}

var punctuation = []string{".\n", "\n\n", "\n", "&amp; ", "\" ", "\t", "\\o/ ", "...", "! ", "? "}

// hashtag is a word that can stand behind a #; few of them make most of the hashtags.
func (v *vocabulary) hashtag(r *rng.Rand) string { return v.rare[r.Zipf(min(300, len(v.rare)))] }

// cutAt is the byte offset of code point n.
func (t *prose) cutAt(n int) int {
	i := 0
	for ; n > 0 && i < len(t.text); n-- {
		_, size := utf8.DecodeRune(t.text[i:])
		i += size
	}
	return i
}

// head copies the first n code points of full into t, with the entities that lie within.
func (t *prose) head(full *prose, n int) {
	t.reset()
	t.text, t.runes = append(t.text, full.text[:full.cutAt(n)]...), min(n, full.runes)
	t.tags = within(t.tags, full.tags, n)
	t.links = within(t.links, full.links, n)
	t.mention = within(t.mention, full.mention, n)
}

func within(dst, marks []mark, n int) []mark {
	for _, m := range marks {
		if m.end <= n {
			dst = append(dst, m)
		}
	}
	return dst
}
