package encode

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

func TestGoldenLine(t *testing.T) {
	got := string(AppendTweet(nil, fullTweet(), schema(t, Keep, nil, nil)))
	require.Equal(t, `decahose_tweet,kind=quote,lang=en,stream_label=prod id=2028077791958974471i,text="hello world",user_id=42i,`+
		`user_screen_name="someone",user_followers_count=1000i,user_verified=true,source="Web App",in_reply_to_id=11i,`+
		`retweeted_id=12i,quoted_id=13i,hashtags="a,b",hashtag_count=2i,url_count=1i,mention_count=3i,media_count=1i,`+
		`media_type="photo",place_country_code="CH",place_full_name="Bern, Switzerland",longitude=7.4474,latitude=-46.948,`+
		`possibly_sensitive=false,edit_of=14i,received_at=1772366400999888777i 1772366400123292807`+"\n", got)
}

func TestWhatDoesNotApplyIsAbsent(t *testing.T) {
	bare := &tweet.Tweet{ID: 5}
	got := string(AppendTweet(nil, bare, schema(t, Keep, AllTags(), nil)))
	ns, _ := bare.ID.Nano()
	require.Equal(t, int64(1288834974657000005), ns)
	require.Equal(t, `decahose_tweet,kind=original,lang=und,possibly_sensitive=false,stream_label=prod,user_verified=false `+
		`id=5i,user_followers_count=0i,user_verified=false,hashtag_count=0i,url_count=0i,mention_count=0i,media_count=0i,`+
		`possibly_sensitive=false 1288834974657000005`+"\n", got)
	bare.HasPoint, bare.Longitude, bare.Latitude = true, math.NaN(), math.Inf(1)
	require.Equal(t, got, string(AppendTweet(nil, bare, schema(t, Keep, AllTags(), nil))), "line protocol has no NaN")
}

func TestThereIsAlwaysAField(t *testing.T) {
	for _, names := range [][]string{{}, {"place_full_name"}} {
		s := schema(t, Keep, []string{}, names)
		b := AppendTweet(nil, &tweet.Tweet{ID: 5}, s)
		require.Equal(t, "decahose_tweet,stream_label=prod id=5i 1288834974657000005\n", string(b))
		require.Equal(t, map[string]any{"id": int64(5)}, want(&tweet.Tweet{ID: 5}, s).fields)
	}
}

func TestSchemaErrors(t *testing.T) {
	for name, c := range map[string]struct {
		label        string
		tags, fields []string
		says         []string
	}{
		"unknown tag":    {"a", []string{"kind", "source"}, nil, []string{"tweet_tags", `"source"`, "kind, lang, media_type"}},
		"unknown field":  {"a", nil, []string{"txt"}, []string{"tweet_fields", `"txt"`, "id, text, user_id"}},
		"twice":          {"a", nil, []string{"text", "text"}, []string{"tweet_fields", `"text"`, "twice"}},
		"empty label":    {"", nil, nil, []string{"stream_label", "empty"}},
		"label newline":  {"a\nb", nil, nil, []string{"stream_label"}},
		"label slant":    {`a\`, nil, nil, []string{"stream_label"}},
		"label no utf-8": {"a\xff", nil, nil, []string{"stream_label"}},
	} {
		_, err := NewSchema(c.label, c.tags, c.fields, Keep)
		require.Error(t, err, name)
		for _, s := range c.says {
			require.ErrorContains(t, err, s, name)
		}
	}
	_, err := ParseNewline("drop")
	require.EqualError(t, err, `newline "drop" is not one of keep, space, escape`)
	n, err := ParseNewline("escape")
	require.NoError(t, err)
	require.Equal(t, Escape, n)
}

func TestSchemaNamesAndOrder(t *testing.T) {
	require.Len(t, DefaultFields(), 23)
	s, err := NewSchema("a b,c=d", []string{"user_verified", "kind"}, []string{"lang", "kind"}, Keep)
	require.NoError(t, err)
	require.Equal(t, "a b,c=d", s.Label())
	b := AppendTweet(nil, fullTweet(), s)
	require.Equal(t, `decahose_tweet,kind=quote,stream_label=a\ b\,c\=d,user_verified=true lang="en",kind="quote" 1772366400123292807`+"\n", string(b))
	require.Equal(t, []line{want(fullTweet(), s)}, readTelegraf(t, b))
}

// Line breaks of a record stand between its values: the field raw must stay JSON whatever they become.
func TestRawStaysJSON(t *testing.T) {
	for newline, want := range map[Newline]string{Keep: "{\n\"id\":7}", Space: `{ "id":7}`, Escape: `{ "id":7}`} {
		s := schema(t, newline, nil, []string{"raw"})
		tw := fullTweet()
		tw.Raw = []byte("{\n\"id\":7}")
		s.EachField(tw, func(_ string, v any) { require.Equal(t, want, v) })
		escaped := strings.ReplaceAll(want, `"`, `\"`)
		require.Contains(t, string(AppendTweet(nil, tw, s)), ` raw="`+escaped+`" `)
	}
}

func TestPointErrorsNameThePoint(t *testing.T) {
	var e PointEncoder
	before := []byte("before\n")
	for name, p := range map[string]*Point{
		"no fields":  {Name: "decahose_x"},
		"bad type":   {Name: "decahose_x", Fields: []Field{{Key: "a", Value: uint8(1)}}},
		"not finite": {Name: "decahose_x", Fields: []Field{{Key: "a", Value: math.Inf(1)}}},
		"same tag":   {Name: "decahose_x", Tags: []Tag{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}, Fields: []Field{{Key: "a", Value: true}}},
	} {
		b, err := e.Append(before, p)
		require.ErrorContains(t, err, "decahose_x", name)
		require.Equal(t, "before\n", string(b), name)
	}
	b, err := e.Append(before, &Point{Name: "n", Fields: []Field{{Key: "a", Value: true}}, Time: 7})
	require.NoError(t, err)
	require.Equal(t, "before\nn a=true 7\n", string(b), "an error leaves nothing behind")
}

func TestAppendTweetAllocatesNothing(t *testing.T) {
	s, tw := schema(t, Space, AllTags(), AllFields()), withText("a \"text\"\nwith \\ everything 😀")
	buf := make([]byte, 0, 8192)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = AppendTweet(buf[:0], tw, s) }))
}

func TestTimeNeverDependsOnDelivery(t *testing.T) {
	tw := fullTweet()
	ns, _ := tw.ID.Nano()
	require.Equal(t, tw.ID, snowflake.FromNano(ns))
}

var benchText = []byte("A Tweet of an ordinary length, which says \"something\" in about a hundred and sixty\ncharacters, with a link at its end https://t.co/abcdefghij and 😀 for good measure")

func BenchmarkAppendTweet(b *testing.B) {
	s, tw := schema(b, Keep, nil, nil), fullTweet()
	tw.Text, tw.HasPoint = benchText, false // a point is rare
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendTweet(buf[:0], tw, s)
	}
	b.SetBytes(int64(len(buf)))
}
