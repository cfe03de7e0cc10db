package tweet

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// object is a decoded JSON object; what is absent or of another type reads as zero.
type object map[string]any

func (o object) object(name string) object {
	m, _ := o[name].(map[string]any)
	return m
}

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) list(name string) []any {
	l, _ := o[name].([]any)
	return l
}

func (o object) int(name string) int64 {
	n, _ := o[name].(json.Number)
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v == math.MinInt64 {
		return 0
	}
	return v
}

var digitsOnly = regexp.MustCompile(`^[0-9]+$`)

func idOf(v any) int64 {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = strings.TrimPrefix(v, "tag:search.twitter.com,2005:")
	}
	if !digitsOnly.MatchString(s) {
		return 0
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (o object) ids(names ...string) int64 {
	for _, name := range names {
		s, isString := o[name].(string)
		if name == "id_str" && (!isString || strings.HasPrefix(s, "tag:")) {
			continue
		}
		if id := idOf(o[name]); id != 0 {
			return id
		}
	}
	return 0
}

// reference is the native Tweet that encoding/json reads, put together the plain way.
func reference(id snowflake.ID, o object) Tweet {
	user, place := o.object("user"), o.object("place")
	t := Tweet{
		ID: id, Lang: []byte("und"),
		UserID: user.ids("id", "id_str"), UserScreenName: []byte(user.text("screen_name")),
		UserFollowers: user.int("followers_count"), UserVerified: user["verified"] == true,
		InReplyToID:      o.ids("in_reply_to_status_id", "in_reply_to_status_id_str"),
		QuotedID:         o.ids("quoted_status_id", "quoted_status_id_str"),
		PlaceCountryCode: []byte(place.text("country_code")), PlaceFullName: []byte(place.text("full_name")),
		PossiblySensitive: o["possibly_sensitive"] == true, Source: withoutTag([]byte(o.text("source"))),
	}
	if lang := o.text("lang"); lang != "" {
		t.Lang = []byte(lang)
	}
	if t.QuotedID == 0 {
		t.QuotedID = o.object("quoted_status").ids("id", "id_str")
	}
	retweeted := o.object("retweeted_status")
	c := o
	switch {
	case retweeted != nil:
		t.Kind, t.RetweetedID, c = Retweet, retweeted.ids("id", "id_str"), retweeted
	case o["is_quote_status"] == true, o["quoted_status_id"] != nil, o["quoted_status_id_str"] != nil, o.object("quoted_status") != nil:
		t.Kind = Quote
	case t.InReplyToID != 0:
		t.Kind = Reply
	}
	referenceContent(&t, c, o)
	referencePoint(&t, o.object("coordinates").list("coordinates"))
	history := o.object("edit_history")
	if t.EditOf = history.ids("initial_tweet_id"); t.EditOf == 0 && len(history.list("edit_tweet_ids")) > 0 {
		t.EditOf = idOf(history.list("edit_tweet_ids")[0])
	}
	if t.EditOf == int64(id) {
		t.EditOf = 0
	}
	return t
}

func referenceContent(t *Tweet, c, own object) {
	for _, o := range []object{c, own} {
		long := o.object("extended_tweet")
		for _, s := range []string{long.text("full_text"), long.text("text"), o.text("full_text"), o.text("text")} {
			if len(t.Text) == 0 {
				t.Text = []byte(s)
			}
		}
	}
	long := c.object("extended_tweet")
	e := c.object("entities")
	if long.object("entities") != nil {
		e = long.object("entities")
	}
	var tags []string
	for _, tag := range e.list("hashtags") {
		m, _ := tag.(map[string]any)
		if s := object(m).text("text"); s != "" {
			tags = append(tags, s)
		}
	}
	t.Hashtags = []byte(strings.Join(tags, ","))
	t.HashtagCount, t.URLCount, t.MentionCount = int64(len(e.list("hashtags"))), int64(len(e.list("urls"))), int64(len(e.list("user_mentions")))
	for _, e := range []object{long.object("extended_entities"), c.object("extended_entities"), long.object("entities"), c.object("entities")} {
		if media := e.list("media"); len(media) > 0 {
			first, _ := media[0].(map[string]any)
			t.MediaCount, t.MediaType = int64(len(media)), []byte(object(first).text("type"))
			return
		}
	}
}

func referencePoint(t *Tweet, pair []any) {
	if len(pair) < 2 {
		return
	}
	var xy [2]float64
	for i := range xy {
		n, ok := pair[i].(json.Number)
		f, err := n.Float64()
		if !ok || err != nil {
			return
		}
		xy[i] = f
	}
	if math.Abs(xy[0]) <= 180 && math.Abs(xy[1]) <= 90 {
		t.HasPoint, t.Longitude, t.Latitude = true, xy[0], xy[1]
	}
}

// topID is the first sound id by encoding/json's tokens: order matters and a map has none.
func topID(rec []byte) (id int64) {
	d := json.NewDecoder(bytes.NewReader(rec))
	d.UseNumber()
	if tok, _ := d.Token(); tok != json.Delim('{') {
		return 0
	}
	for d.More() {
		key, _ := d.Token()
		var v any
		if d.Decode(&v) != nil {
			return id
		}
		if _, isString := v.(string); key == "id" || key == "id_str" && isString && !strings.HasPrefix(v.(string), "tag:") {
			if id == 0 {
				id = idOf(v)
			}
		}
	}
	return id
}

func FuzzParse(f *testing.F) {
	seeds, _ := filepath.Glob(filepath.Join(recordsFolder, "*.json"))
	for _, path := range seeds {
		rec, _ := os.ReadFile(path)
		f.Add(rec)
	}
	f.Add(sampleRecord())
	f.Add([]byte(`{"id":1,"text":"a","user":{"id":2,"screen_name":"b","followers_count":-3,"verified":true},"coordinates":{"coordinates":[1.5,2]},"place":{"full_name":"x"}}`))
	f.Add([]byte(`{"id_str":"1","full_text":"\ud83d\ude00","retweeted_status":{"id":5,"extended_tweet":{"entities":{"media":[{"type":"t"}]}}},"edit_history":{"edit_tweet_ids":["7"]}}`))
	f.Add([]byte(`{"id":1,"text":"a","quoted_status":{},"quoted_status_id":"8","source":"<a>b</a>","entities":{"hashtags":[{"text":"x"},7]}}`))
	p := NewParser(true)
	f.Fuzz(func(t *testing.T, rec []byte) {
		if bytes.Count(rec, []byte("["))+bytes.Count(rec, []byte("{")) > jsonscan.MaxDepth {
			t.Skip("may be deeper than we go")
		}
		var tw Tweet
		p.Reset()
		err := p.Parse(rec, &tw)
		require.Equal(t, json.Valid(rec), err != ErrMalformed)
		if err == nil {
			checkTweet(t, rec, tw)
		} else {
			require.Zero(t, tw.ID)
		}
	})
}

func checkTweet(t *testing.T, rec []byte, tw Tweet) {
	id, ok := wire.FindID(rec)
	require.True(t, ok)
	require.Equal(t, id, tw.ID)
	require.True(t, json.Valid(tw.Raw) && utf8.Valid(tw.Raw))
	require.True(t, utf8.ValidString(show(tw)))
	for _, s := range [][]byte{tw.Lang, tw.Text, tw.UserScreenName, tw.Source, tw.Hashtags, tw.MediaType, tw.PlaceCountryCode, tw.PlaceFullName} {
		require.True(t, utf8.Valid(s))
	}
	require.Equal(t, topID(rec), int64(tw.ID))
	d := json.NewDecoder(bytes.NewReader(rec))
	d.UseNumber()
	var o map[string]any
	require.NoError(t, d.Decode(&o))
	if duplicatedID(rec) || o["objectType"] == "activity" {
		return
	}
	require.Equal(t, show(reference(tw.ID, o)), show(tw))
}

// duplicatedID reports whether any object has more than one member named id or id_str, or both:
// there the first wins, which a map cannot tell.
func duplicatedID(rec []byte) bool {
	d := json.NewDecoder(bytes.NewReader(rec))
	d.UseNumber()
	return duplicatedWithin(d)
}

func duplicatedWithin(d *json.Decoder) (twice bool) {
	tok, _ := d.Token()
	switch tok {
	case json.Delim('['):
		for d.More() {
			twice = duplicatedWithin(d) || twice
		}
		_, _ = d.Token()
	case json.Delim('{'):
		seen := map[string]string{}
		for d.More() {
			key, _ := d.Token()
			name := strings.TrimSuffix(key.(string), "_str")
			var v json.RawMessage
			_ = d.Decode(&v)
			if old, ok := seen[name]; ok && name == "id" && old != strings.Trim(string(v), `"`) {
				twice = true
			}
			seen[name] = strings.Trim(string(v), `"`)
			twice = duplicatedID(v) || twice
		}
		_, _ = d.Token()
	}
	return twice
}
