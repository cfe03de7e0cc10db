package tweet

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// choose fills t from what was found; false if that is no Tweet.
func (p *Parser) choose(rec []byte, t *Tweet) bool {
	f := &p.found
	n, a := &f.native, &f.activity
	if f.id <= 0 {
		return false
	}
	switch {
	case p.isActivity(rec):
		p.chooseActivity(rec, t, a)
	case n.own.text.start > 0 || n.own.full.start > 0 || n.user.present:
		p.chooseNative(rec, t, n)
	default:
		return false
	}
	t.ID = snowflake.ID(f.id)
	t.PossiblySensitive = f.sensitive
	t.EditOf = f.initial
	if t.EditOf == 0 {
		t.EditOf = f.firstEdit
	}
	if t.EditOf == f.id {
		t.EditOf = 0
	}
	return true
}

// isActivity tells Tweets in Activity Streams form from deletes and the like, whose verbs are others.
func (p *Parser) isActivity(rec []byte) bool {
	a := &p.found.activity
	if !p.found.tagged || !a.objectType.present() || !a.verb.present() {
		return false
	}
	return string(p.text(rec, a.objectType)) == "activity" && (p.isShare(rec) || string(p.text(rec, a.verb)) == "post")
}

func (p *Parser) isShare(rec []byte) bool {
	return string(p.text(rec, p.found.activity.verb)) == "share"
}

func (p *Parser) chooseNative(rec []byte, t *Tweet, n *native) {
	c := &n.own
	t.InReplyToID = firstID(n.reply, n.replyStr)
	t.QuotedID = firstID(n.quoted, n.quotedStr, n.quotedStatus)
	switch {
	case n.isRetweet:
		t.Kind, t.RetweetedID = Retweet, n.retweeted.id
		c = &n.retweeted
	case n.isQuote || n.quoted.present || n.quotedStr.present || n.quotedStatus.present:
		t.Kind = Quote
	case t.InReplyToID != 0:
		t.Kind = Reply
	}
	p.chooseContent(rec, t, c, &n.own)
	p.chooseAuthor(rec, t, &n.user)
	p.choosePlace(rec, t, &n.place)
	t.Lang = p.lang(rec, n.lang)
	t.Source = withoutTag(p.text(rec, n.source))
	t.setPoint(n.point.present, n.point.xy[0], n.point.xy[1])
}

func (p *Parser) chooseActivity(rec []byte, t *Tweet, a *activity) {
	c := &a.own
	t.InReplyToID = linkedID(p.text(rec, a.reply))
	t.QuotedID = a.quoted.id
	switch {
	case p.isShare(rec):
		t.Kind, t.RetweetedID = Retweet, a.object.id
		c = &a.object
	case a.quoted.present:
		t.Kind = Quote
	case t.InReplyToID != 0:
		t.Kind = Reply
	}
	p.chooseContent(rec, t, c, &a.own)
	p.chooseAuthor(rec, t, &a.actor)
	p.choosePlace(rec, t, &a.location)
	t.Lang = p.lang(rec, a.lang)
	t.Source = withoutTag(p.text(rec, a.generator))
	t.setPoint(a.geo.present, a.geo.xy[1], a.geo.xy[0]) // geo is [lat,lon], unlike all else
}

func firstID(refs ...ref) int64 {
	for _, r := range refs {
		if r.id != 0 {
			return r.id
		}
	}
	return 0
}

// chooseContent takes text and counts from c, which is the retweeted Tweet for a retweet; own has
// the text when that one came without.
func (p *Parser) chooseContent(rec []byte, t *Tweet, c, own *content) {
	t.Text = p.text(rec, longest(c))
	if t.Text == nil && c != own {
		t.Text = p.text(rec, longest(own))
	}
	e := &c.plain
	if c.long.plain.present {
		e = &c.long.plain
	}
	t.HashtagCount, t.URLCount, t.MentionCount = int64(e.hashtags.n), int64(e.urls.n), int64(e.mentions.n)
	t.Hashtags = p.join(rec, e.hashtags)
	m := mediaOf(c)
	t.MediaCount, t.MediaType = int64(m.media.n), p.text(rec, m.mediaType)
}

func longest(c *content) str {
	for _, s := range [...]str{c.long.full, c.long.text, c.full} {
		if s.present() {
			return s
		}
	}
	return c.text
}

// mediaOf is where the media are: `extended_entities` lists them all, `entities` the first only.
func mediaOf(c *content) *entities {
	for _, e := range [...]*entities{&c.long.extend, &c.extend, &c.long.plain} {
		if e.media.n > 0 {
			return e
		}
	}
	return &c.plain
}

// join is the texts of the hashtags in l, comma between them.
func (p *Parser) join(rec []byte, l list) []byte {
	if l.n == 0 {
		return nil
	}
	at := len(p.arena)
	i, more := jsonscan.EnterArray(rec, int(l.at))
	for more {
		var s str
		i = readMember(rec, i, "text", &s)
		if s.present() {
			if len(p.arena) > at {
				p.arena = append(p.arena, ',')
			}
			p.repaired = p.repaired || s.flags&jsonscan.NonASCII != 0 && !utf8.Valid(rec[s.start:s.end])
			p.arena = jsonscan.Decode(p.arena, rec[s.start:s.end])
		}
		i, more = jsonscan.NextElement(rec, i)
	}
	return p.arena[at:len(p.arena):len(p.arena)]
}

func (p *Parser) chooseAuthor(rec []byte, t *Tweet, u *author) {
	t.UserID, t.UserFollowers, t.UserVerified = u.id, u.followers, u.verified
	t.UserScreenName = p.text(rec, u.name)
}

func (p *Parser) choosePlace(rec []byte, t *Tweet, v *place) {
	t.PlaceCountryCode, t.PlaceFullName = p.text(rec, v.code), p.text(rec, v.name)
}

func (p *Parser) lang(rec []byte, s str) []byte {
	if lang := p.text(rec, s); len(lang) > 0 {
		return lang
	}
	return p.und
}

// setPoint takes only what is a place on Earth: other values break the stores that index them.
func (t *Tweet) setPoint(present bool, lon, lat float64) {
	if present && math.Abs(lon) <= 180 && math.Abs(lat) <= 90 {
		t.HasPoint, t.Longitude, t.Latitude = true, lon, lat
	}
}

// withoutTag is NAME of <a href="…" rel="nofollow">NAME</a>; other sources stay as they are.
func withoutTag(source []byte) []byte {
	if len(source) == 0 || source[0] != '<' {
		return source
	}
	_, name, ok := bytes.Cut(source, []byte(">"))
	if !ok {
		return source
	}
	if end := bytes.LastIndexByte(name, '<'); end >= 0 {
		name = name[:end]
	}
	return name
}
