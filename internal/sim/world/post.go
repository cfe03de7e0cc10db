package world

import (
	"fmt"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// form is what a Tweet is to other Tweets.
type form int

const (
	original form = iota
	reply
	quote
	retweet
)

// post is a Tweet apart from its id and time.
type post struct {
	form     form
	author   *user
	vocab    *vocabulary
	key      uint64 // stands for the Tweet's id in its own links
	full     prose
	short    prose // what text holds when the Tweet is an extended one
	extended bool
	media    []medium
	source   string
	town     int // of place; -1: none
	point    bool
	replyTo  int64
	replied  *user
	other    *body // quoted or retweeted
	counts   [4]int64
}

// shape decides what kind of Tweet this is and writes its text. Nested Tweets are popular ones:
// longer, with more media.
func (p *post) shape(w *World, r *rng.Rand, f form, nested bool) {
	p.form, p.author, p.vocab = f, w.someone(r), &w.vocab[w.language(r)]
	p.key, p.source = 1100000000000000000+r.Next()%800000000000000000, sources[r.Zipf(len(sources))]
	p.media, p.town, p.point, p.replyTo, p.replied, p.other = p.media[:0], -1, false, 0, nil, nil
	p.counts = [4]int64{}
	p.full.reset()
	if p.form == reply {
		p.replied, p.replyTo = w.someone(r), int64(p.key-uint64(r.N(1<<50)))
		p.full.at(p.replied)
		p.full.add(" ")
	}
	p.compose(r, nested)
	if nested {
		p.counts = [4]int64{int64(r.Scale(500)), int64(r.Scale(2000)), int64(r.Scale(40000)), int64(r.Scale(2e5))}
	}
	p.locate(r)
}

// compose writes the text: a fifth are longer than 140 code points.
func (p *post) compose(r *rng.Rand, nested bool) {
	length := r.Between(8, 110)
	if p.extended = r.Chance(0.17) || nested && r.Chance(0.25); p.extended {
		length = r.Between(145, 270)
	}
	if p.vocab.joint == "" {
		length = length * 2 / 3
	}
	p.full.write(r, p.vocab, length)
	if r.Chance(0.012) {
		p.full.add(oddities[r.N(len(oddities))])
	}
	if r.Chance(0.22) {
		p.full.link("https://t.co/"+token(r), target(r))
		p.full.add(" ")
	}
	if r.Chance(0.2) || nested && r.Chance(0.3) {
		p.attach(r)
	}
	if p.extended = p.full.runes > 140; p.extended {
		p.short.head(&p.full, 116)
		p.short.add("… ")
		p.short.link("https://t.co/"+token(r), fmt.Sprintf("https://twitter.com/i/web/status/%d", p.key))
	}
}

func target(r *rng.Rand) string {
	site := []string{"youtu.be/", "www.instagram.com/p/", "news.example.com/2026/", "shop.example.net/item/", "twitter.com/i/events/"}
	return "https://" + site[r.Zipf(len(site))] + token(r) + "/" + token(r)
}

func (p *post) attach(r *rng.Rand) {
	kind, n := "photo", 1
	switch k := r.N(10); {
	case k == 0:
		kind = "animated_gif"
	case k <= 2:
		kind = "video"
	case k <= 5:
		n = r.Between(1, 3)
	}
	for range n {
		p.media = append(p.media, newMedium(r, kind))
	}
	link := "https://t.co/" + token(r)
	start, end := p.full.add(link)
	p.full.media = mark{start: start, end: end, text: link, target: strconv.FormatUint(p.key, 10)}
}

func (p *post) locate(r *rng.Rand) {
	if p.form == retweet || !r.Chance(0.012) {
		return
	}
	p.town = r.N(len(towns))
	p.point = r.Chance(0.3)
}

// appendBefore writes everything from text up to the Tweet inside this one, if any.
func (p *post) appendBefore(b []byte, st style) []byte {
	shown := &p.full
	if p.extended {
		shown = &p.short
	}
	b = st.appendText(append(b, `,"text":`...), shown.text)
	if p.form != retweet && !p.extended {
		b = p.appendRange(append(b, ','))
	}
	b = st.appendQuoted(append(b, `,"source":`...), p.source)
	b = appendBool(append(b, `,"truncated":`...), p.extended)
	b = p.appendReply(b, st)
	b = append(append(b, `,"user":`...), p.author.object[st]...)
	b = p.appendWhere(b, st)
	return append(b, `,"contributors":null`...)
}

func (st style) appendText(b, text []byte) []byte { return st.appendQuoted(b, string(text)) }

// appendRange writes display_text_range: without the replied-to name in front and the media link behind.
func (p *post) appendRange(b []byte) []byte {
	from, to := 0, p.full.runes
	if p.replied != nil {
		from = p.full.mention[0].end + 1
	}
	if p.full.media.end > 0 {
		to = max(from, p.full.media.start-1)
	}
	return fmt.Appendf(b, `"display_text_range":[%d,%d]`, from, to)
}

func (p *post) appendReply(b []byte, st style) []byte {
	if p.replied == nil {
		return append(b, `,"in_reply_to_status_id":null,"in_reply_to_status_id_str":null,"in_reply_to_user_id":null,"in_reply_to_user_id_str":null,"in_reply_to_screen_name":null`...)
	}
	b = appendTwice(b, "in_reply_to_status_id", p.replyTo)
	b = appendTwice(b, "in_reply_to_user_id", p.replied.id)
	return st.appendQuoted(append(b, `,"in_reply_to_screen_name":`...), p.replied.screenName)
}

// appendTwice writes an id as number and as string, as native records do.
func appendTwice(b []byte, key string, id int64) []byte {
	b = append(append(append(b, `,"`...), key...), `":`...)
	b = appendInt(b, id)
	b = append(append(append(b, `,"`...), key...), `_str":"`...)
	return append(appendInt(b, id), '"')
}

// appendWhere writes geo [lat,lon], coordinates [lon,lat] and place.
func (p *post) appendWhere(b []byte, st style) []byte {
	if p.town < 0 {
		return append(b, `,"geo":null,"coordinates":null,"place":null`...)
	}
	t := towns[p.town]
	lon, lat := t.point()
	if p.point {
		b = fmt.Appendf(b, `,"geo":{"type":"Point","coordinates":[%.5f,%.5f]},"coordinates":{"type":"Point","coordinates":[%.5f,%.5f]}`, lat, lon, lon, lat)
	} else {
		b = append(b, `,"geo":null,"coordinates":null`...)
	}
	id := fmt.Sprintf("%016x", rng.Mix(uint64(p.town)))
	b = append(append(append(b, `,"place":{"id":"`...), id...), `","url":`...)
	b = st.appendQuoted(b, "https://api.twitter.com/1.1/geo/id/"+id+".json")
	b = st.appendQuoted(append(b, `,"place_type":"city","name":`...), t.city)
	b = st.appendQuoted(append(b, `,"full_name":`...), t.city+", "+t.region)
	b = st.appendQuoted(append(b, `,"country_code":`...), t.code)
	b = st.appendQuoted(append(b, `,"country":`...), t.country)
	return fmt.Appendf(b, `,"bounding_box":{"type":"Polygon","coordinates":[[[%.6f,%.6f],[%.6f,%.6f],[%.6f,%.6f],[%.6f,%.6f]]]},"attributes":{}}`,
		lon-.1, lat-.1, lon-.1, lat+.1, lon+.1, lat+.1, lon+.1, lat-.1)
}

// appendInside writes the quoted or retweeted Tweet, created within the three days before this one.
func (p *post) appendInside(b []byte, st style, id snowflake.ID) []byte {
	switch {
	case p.other == nil:
		return b
	case p.form == retweet:
		inner := p.other.idBefore(id)
		b = append(b, `,"retweeted_status":{`...)
		b = append(p.other.append(b, st, inner), '}')
		if quoted := p.other.quoted; quoted != nil {
			b = quoted.appendQuotedStatus(b, st, quoted.idBefore(inner))
		}
		return b
	}
	return p.other.appendQuotedStatus(b, st, p.other.idBefore(id))
}

// appendAfter writes everything behind the Tweet inside, up to lang.
func (p *post) appendAfter(b []byte, st style) []byte {
	quotes := p.form == quote || p.form == retweet && p.other.quoted != nil
	b = appendBool(append(b, `,"is_quote_status":`...), quotes)
	if p.extended && p.form != retweet {
		b = p.appendExtended(b, st)
	}
	for i, key := range []string{`,"quote_count":`, `,"reply_count":`, `,"retweet_count":`, `,"favorite_count":`} {
		b = appendInt(append(b, key...), p.counts[i])
	}
	shown, media := &p.full, p.media
	if p.extended {
		shown, media = &p.short, nil
	}
	b = st.appendEntities(append(b, `,"entities":`...), shown, media, p.author)
	if len(media) > 0 && shown.media.end > 0 {
		b = st.appendMedia(append(b, `,"extended_entities":{"media":`...), media, shown.media, p.author)
		b = append(b, '}')
	}
	b = append(b, `,"favorited":false,"retweeted":false`...)
	if len(shown.links) > 0 || len(p.media) > 0 {
		b = appendBool(append(b, `,"possibly_sensitive":`...), p.key%50 == 0)
	}
	b = append(append(b, `,"filter_level":"low","lang":"`...), p.vocab.code...)
	return append(b, '"')
}

func (p *post) appendExtended(b []byte, st style) []byte {
	b = st.appendText(append(b, `,"extended_tweet":{"full_text":`...), p.full.text)
	b = p.appendRange(append(b, ','))
	b = st.appendEntities(append(b, `,"entities":`...), &p.full, p.media, p.author)
	if len(p.media) > 0 {
		b = st.appendMedia(append(b, `,"extended_entities":{"media":`...), p.media, p.full.media, p.author)
		b = append(b, '}')
	}
	return append(b, '}')
}
