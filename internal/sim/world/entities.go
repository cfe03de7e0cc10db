package world

import (
	"fmt"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"strings"
)

// medium is a photo, video or animation of a Tweet.
type medium struct {
	id    uint64
	kind  string // photo, video, animated_gif
	token string
	w, h  int
}

func newMedium(r *rng.Rand, kind string) medium {
	return medium{id: 1200000000000000000 + r.Next()%700000000000000000, kind: kind, token: token(r),
		w: 600 + 8*r.N(100), h: 600 + 8*r.N(80)}
}

func appendIndices(b []byte, m mark) []byte {
	b = appendInt(append(b, `"indices":[`...), int64(m.start))
	return append(appendInt(append(b, ','), int64(m.end)), ']')
}

// appendEntities writes an entities object; media, if any, holds the first medium only, as X does.
func (st style) appendEntities(b []byte, t *prose, media []medium, author *user) []byte {
	b = append(b, `{"hashtags":[`...)
	for i, m := range t.tags {
		b = st.appendQuoted(append(separate(b, i), `{"text":`...), m.text)
		b = append(appendIndices(append(b, ','), m), '}')
	}
	b = append(b, `],"urls":[`...)
	for i, m := range t.links {
		b = st.appendLink(separate(b, i), m)
	}
	b = append(b, `],"user_mentions":[`...)
	for i, m := range t.mention {
		b = st.appendMention(separate(b, i), m)
	}
	b = append(b, `],"symbols":[]`...)
	if len(media) > 0 && t.media.end > 0 {
		b = st.appendMedia(append(b, `,"media":`...), media[:1], t.media, author)
	}
	return append(b, '}')
}

func separate(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func (st style) appendMention(b []byte, m mark) []byte {
	b = st.appendQuoted(append(b, `{"screen_name":`...), m.user.screenName)
	b = st.appendQuoted(append(b, `,"name":`...), m.user.name)
	b = appendInt(append(b, `,"id":`...), m.user.id)
	b = append(appendInt(append(b, `,"id_str":"`...), m.user.id), `",`...)
	return append(appendIndices(b, m), '}')
}

// appendLink writes a link; those that lead out of X carry the unwound enrichment.
func (st style) appendLink(b []byte, m mark) []byte {
	b = st.appendQuoted(append(b, `{"url":`...), m.text)
	b = st.appendQuoted(append(b, `,"expanded_url":`...), m.target)
	display := strings.TrimPrefix(m.target, "https://")
	if len(display) > 26 {
		display = display[:26] + "…"
	}
	b = st.appendQuoted(append(b, `,"display_url":`...), display)
	if !strings.HasPrefix(m.target, "https://twitter.com/") {
		b = st.appendQuoted(append(b, `,"unwound":{"url":`...), m.target)
		b = append(b, `,"status":200,"title":`...)
		b = st.appendQuoted(b, strings.ReplaceAll(display, "/", " "))
		b = append(b, `,"description":null}`...)
	}
	return append(appendIndices(append(b, ','), m), '}')
}

func (st style) appendMedia(b []byte, media []medium, at mark, author *user) []byte {
	b = append(b, '[')
	for i, m := range media {
		b = st.appendMedium(separate(b, i), m, at, author)
	}
	return append(b, ']')
}

func (st style) appendMedium(b []byte, m medium, at mark, author *user) []byte {
	b = appendInt(append(b, `{"id":`...), int64(m.id))
	b = append(appendInt(append(b, `,"id_str":"`...), int64(m.id)), `",`...)
	b = appendIndices(b, at)
	file := m.file()
	b = st.appendQuoted(append(b, `,"media_url":`...), "http://pbs.twimg.com/"+file)
	b = st.appendQuoted(append(b, `,"media_url_https":`...), "https://pbs.twimg.com/"+file)
	b = st.appendQuoted(append(b, `,"url":`...), at.text)
	b = st.appendQuoted(append(b, `,"display_url":`...), "pic.twitter.com/"+at.text[len("https://t.co/"):])
	b = st.appendQuoted(append(b, `,"expanded_url":`...), "https://twitter.com/"+author.screenName+"/status/"+at.target+"/photo/1")
	b = append(append(append(b, `,"type":"`...), m.kind...), '"')
	b = fmt.Appendf(b, `,"sizes":{"thumb":{"w":150,"h":150,"resize":"crop"},"small":{"w":%d,"h":%d,"resize":"fit"},"medium":{"w":%d,"h":%d,"resize":"fit"},"large":{"w":%d,"h":%d,"resize":"fit"}}`,
		m.w/2, m.h/2, m.w, m.h, m.w, m.h)
	if m.kind != "photo" {
		b = st.appendVideo(b, m)
	}
	return append(b, '}')
}

func (m medium) file() string {
	if m.kind == "photo" {
		return "media/" + m.token + ".jpg"
	}
	return "ext_tw_video_thumb/" + m.token + "/pu/img/" + m.token[:6] + ".jpg"
}

func (st style) appendVideo(b []byte, m medium) []byte {
	b = fmt.Appendf(b, `,"video_info":{"aspect_ratio":[%d,%d]`, m.w/40, m.h/40)
	if m.kind == "video" {
		b = fmt.Appendf(b, `,"duration_millis":%d`, 1000+m.id%120000)
	}
	b = append(b, `,"variants":[`...)
	for i, rate := range []int{832000, 256000, 2176000} {
		b = fmt.Appendf(separate(b, i), `{"bitrate":%d,"content_type":`, rate)
		b = append(st.appendQuoted(b, "video/mp4"), `,"url":`...)
		b = st.appendQuoted(b, fmt.Sprintf("https://video.twimg.com/ext_tw_video/%d/pu/vid/%s.mp4?tag=12", m.id, m.token))
		b = append(b, '}')
		if m.kind == "animated_gif" {
			break
		}
	}
	return append(b, `]}`...)
}
