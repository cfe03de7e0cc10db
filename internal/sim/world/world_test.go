package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// tweet is what the tests look at, by the standard library's reading.
type tweet struct {
	CreatedAt string `json:"created_at"`
	ID        int64  `json:"id"`
	IDStr     string `json:"id_str"`
	Text      string `json:"text"`
	Lang      string `json:"lang"`
	Truncated bool   `json:"truncated"`
	Timestamp string `json:"timestamp_ms"`
	Retweeted *tweet `json:"retweeted_status"`
	Quoted    *tweet `json:"quoted_status"`
	QuotedID  int64  `json:"quoted_status_id"`
	ReplyTo   int64  `json:"in_reply_to_status_id"`
	Extended  *struct {
		FullText string `json:"full_text"`
	} `json:"extended_tweet"`
	Place            *struct{}                        `json:"place"`
	Coordinates      *struct{ Coordinates []float64 } `json:"coordinates"`
	Geo              *struct{ Coordinates []float64 } `json:"geo"`
	ExtendedEntities *struct{ Media []struct{} }      `json:"extended_entities"`
	Edits            struct {
		Initial string   `json:"initial_tweet_id"`
		IDs     []string `json:"edit_tweet_ids"`
	} `json:"edit_history"`
	User map[string]any `json:"user"`
}

func read(t *testing.T, b []byte) (tw tweet) {
	t.Helper()
	require.NoError(t, json.Unmarshal(b, &tw), "%s", b)
	return tw
}

func TestWorldIsAFunctionOfItsSeed(t *testing.T) {
	from, to := noon, noon.Add(time.Second)
	var first []Tweet
	for tw := range New(Config{Seed: 3, Rate: 400}).Tweets(from, to) {
		first = append(first, tw)
	}
	again := New(Config{Seed: 3, Rate: 400})
	var second []Tweet
	for at := to; at.After(from); at = at.Add(-250 * time.Millisecond) { // backwards, in slices
		second = append(slices.Collect(again.Tweets(at.Add(-250*time.Millisecond), at)), second...)
	}
	require.Len(t, second, len(first))
	for i := range first {
		require.Equal(t, first[i].ID, second[i].ID)
		require.Equal(t, first[i].Partition, second[i].Partition)
		require.Equal(t, string(first[i].Append(nil)), string(second[i].Append(nil)))
	}
	require.True(t, slices.IsSortedFunc(first, func(x, y Tweet) int { return int(x.ID - y.ID) }))
	other := slices.Collect(New(Config{Seed: 4, Rate: 400}).Tweets(from, to))
	require.NotEqual(t, first[0].ID, other[0].ID)
}

func TestIDsAreUniqueAndExact(t *testing.T) {
	w := New(Config{Seed: 5, Rate: 10000})
	seen, halves := map[snowflake.ID]bool{}, [3]int{}
	for tw := range w.Tweets(noon, noon.Add(4*time.Second)) {
		require.False(t, seen[tw.ID])
		seen[tw.ID] = true
		halves[tw.Partition]++
		ns, collided := tw.ID.Nano()
		require.False(t, collided)
		require.Equal(t, tw.ID, snowflake.FromNano(ns))
	}
	require.InDelta(t, 40_000, len(seen), 1200)
	require.InDelta(t, 0.5, float64(halves[1])/float64(len(seen)), 0.02)
}

func TestSampleWindow(t *testing.T) {
	w := New(Config{Seed: 5, SampleWindow: true})
	n := 0
	for tw := range w.Tweets(noon, noon.Add(5*time.Second)) {
		ms := tw.ID.Milli() % 1000
		require.True(t, ms >= 657 && ms <= 756)
		n++
	}
	require.InDelta(t, 2000, n, 250)
}

func TestRecordsAreRealistic(t *testing.T) {
	w := New(Config{Seed: 7})
	var n, escapedOnes, retweets, retweetsOfQuotes, quotes, replies, extended, places, points, media, edits, foreign int
	for tw := range w.Tweets(noon, noon.Add(10*time.Second)) {
		b := tw.Append(nil)
		r := read(t, b)
		n++
		requireStamps(t, tw, r, b)
		if bytes.Contains(b, []byte(`\/`)) {
			require.True(t, isASCII(b), "an escaped record is ASCII")
			escapedOnes++
		}
		retweets += count(r.Retweeted != nil)
		retweetsOfQuotes += count(r.Retweeted != nil && r.Retweeted.Quoted != nil && r.Quoted != nil)
		quotes += count(r.Retweeted == nil && r.Quoted != nil)
		replies += count(r.Retweeted == nil && r.Quoted == nil && r.ReplyTo != 0)
		extended += count(r.Extended != nil || r.Retweeted != nil && r.Retweeted.Extended != nil)
		places += count(r.Place != nil)
		media += count(r.ExtendedEntities != nil)
		edits += count(len(r.Edits.IDs) > 1)
		foreign += count(r.Lang != "en")
		require.GreaterOrEqual(t, len(r.User), 38)
		if r.Coordinates != nil {
			points++
			require.Equal(t, r.Coordinates.Coordinates, []float64{r.Geo.Coordinates[1], r.Geo.Coordinates[0]})
		}
	}
	share := func(k int, lo, hi float64) {
		t.Helper()
		require.GreaterOrEqual(t, float64(k)/float64(n), lo)
		require.LessOrEqual(t, float64(k)/float64(n), hi)
	}
	share(escapedOnes, .45, .55)
	share(retweets, .3, .5)
	share(quotes, .07, .11)
	share(replies, .15, .25)
	share(extended, .12, .35)
	share(places, .003, .02)
	share(points, .0005, .01)
	share(media, .05, .3)
	share(edits, .0005, .01)
	share(foreign, .55, .75)
	require.Positive(t, retweetsOfQuotes)
}

func requireStamps(t *testing.T, tw Tweet, r tweet, b []byte) {
	t.Helper()
	require.EqualValues(t, tw.ID, r.ID)
	require.Equal(t, strconv.FormatInt(r.ID, 10), r.IDStr)
	require.Equal(t, strconv.FormatInt(tw.ID.Milli(), 10), r.Timestamp)
	require.True(t, bytes.HasSuffix(b, []byte(`,"timestamp_ms":"`+r.Timestamp+`"}`)))
	at, err := time.Parse("Mon Jan 02 15:04:05 -0700 2006", r.CreatedAt)
	require.NoError(t, err)
	require.Equal(t, tw.CreatedAt().Truncate(time.Second), at.UTC())
	require.NotContains(t, string(b), "\r")
	require.NotContains(t, string(b), "\n")
	require.True(t, utf8.Valid(b))
	require.Equal(t, r.Edits.IDs[len(r.Edits.IDs)-1], r.IDStr)
	if inner := r.Retweeted; inner != nil {
		require.Less(t, inner.ID, r.ID)
		require.Empty(t, inner.Timestamp)
		require.True(t, strings.HasPrefix(r.Text, "RT @"))
	}
	if r.Quoted != nil {
		require.Equal(t, r.Quoted.ID, r.QuotedID)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isASCII(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c > 127 })
}

func TestEditsNameATweetOfTheWorld(t *testing.T) {
	w := New(Config{Seed: 7, Rate: 300})
	found := 0
	for tw := range w.Tweets(noon, noon.Add(20*time.Second)) {
		b := tw.Append(nil)
		if bytes.Contains(b, fmt.Appendf(nil, `"initial_tweet_id":"%d"`, tw.ID)) {
			continue
		}
		r := read(t, b)
		require.Len(t, r.Edits.IDs, 2)
		found++
		first, err := strconv.ParseInt(r.Edits.Initial, 10, 64)
		require.NoError(t, err)
		ms := snowflake.ID(first).Milli()
		require.True(t, slices.ContainsFunc(w.Milli(nil, ms, 1), func(o Tweet) bool { return int64(o.ID) == first }))
		original := read(t, w.AppendRecord(nil, snowflake.ID(first)))
		require.Equal(t, original.User["id_str"], r.User["id_str"])
	}
	require.Positive(t, found)
}

func TestSizesAndCompression(t *testing.T) {
	w := New(Config{Seed: 7})
	var sizes []int
	var packed bytes.Buffer
	gz, err := gzip.NewWriterLevel(&packed, 1)
	require.NoError(t, err)
	r, wait, sum := rng.New(1, 1, 1), 10, 0
	for tw := range w.Tweets(noon, noon.Add(20*time.Second)) {
		if tw.Partition == 2 {
			continue
		}
		b := append(tw.Append(nil), "\r\n"...)
		gz.Write(b)
		sizes, sum = append(sizes, len(b)), sum+len(b)
		if wait--; wait == 0 {
			gz.Flush()
			wait = r.Between(10, 50)
		}
	}
	slices.Sort(sizes)
	mean, p95, ratio := sum/len(sizes), sizes[len(sizes)*95/100], float64(sum)/float64(packed.Len())
	t.Logf("mean %d p95 %d max %d ratio %.2f", mean, p95, sizes[len(sizes)-1], ratio)
	require.InDelta(t, 5200, mean, 300)
	require.InDelta(t, 10200, p95, 800)
	require.InDelta(t, 7, ratio, 1)
}

func TestProfileAndFactorChangeTheRate(t *testing.T) {
	w := New(Config{Seed: 7, Rate: 1000, Profile: func(ms int64) float64 { return float64(ms / 1000 % 2) }})
	var n [2]int
	for tw := range w.Tweets(noon, noon.Add(4*time.Second)) {
		n[tw.ID.Milli()/1000%2]++
	}
	require.Zero(t, n[0])
	require.InDelta(t, 2000, n[1], 250)
	many := 0
	for ms := range int64(1000) {
		many += len(w.Milli(nil, noon.UnixMilli()+1000+ms, 25))
	}
	require.InDelta(t, 25000, many, 5*math.Sqrt(25000))
}

func TestSeason(t *testing.T) {
	s := Season{Daily: 0.4, Weekly: 0.1}
	sunday := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(day, hour int) float64 {
		return s.At(sunday.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour).UnixMilli())
	}
	require.InDelta(t, 1.4*1.1, at(3, 15), 0.02)
	require.InDelta(t, 0.6*1.1, at(3, 3), 0.02)
	require.InDelta(t, 1.4*0.9, at(0, 15), 0.03)
	require.InDelta(t, at(0, 7), at(7, 7), 1e-9)
	sum := 0.0
	for h := range 7 * 24 {
		sum += at(0, h)
	}
	require.InDelta(t, 7*24, sum, 0.01, "the rate is the mean of the week")
	require.Zero(t, Season{Daily: 1}.At(sunday.Add(3*time.Hour).UnixMilli()))

	peak, low := 0, 0
	w := New(Config{Seed: 7, Rate: 1000, Season: s, Profile: func(int64) float64 { return 0.5 }})
	for range w.Tweets(sunday.Add(15*time.Hour), sunday.Add(15*time.Hour+10*time.Second)) {
		peak++
	}
	for range w.Tweets(sunday.Add(3*time.Hour), sunday.Add(3*time.Hour+10*time.Second)) {
		low++
	}
	require.InDelta(t, 5000*1.4*0.9, peak, 350)
	require.InDelta(t, 5000*0.6*0.9, low, 250)
	require.Nil(t, Season{}.over(nil), "without a season Worlds are as they were")
}

// Short records are valid, and of the same ids.
func TestShortRecords(t *testing.T) {
	long, short := New(Config{Seed: 7, Rate: 50}), New(Config{Seed: 7, Rate: 50, Short: true})
	same := slices.Collect(long.Tweets(noon, noon.Add(time.Second)))
	for tw := range short.Tweets(noon, noon.Add(time.Second)) {
		var record struct {
			ID        int64  `json:"id"`
			CreatedAt string `json:"created_at"`
		}
		require.NoError(t, json.Unmarshal(tw.Append(nil), &record))
		require.EqualValues(t, same[0].ID, record.ID)
		at, err := time.Parse(time.RubyDate, record.CreatedAt)
		require.NoError(t, err)
		require.Equal(t, tw.ID.Time().Unix(), at.Unix())
		same = same[1:]
	}
	require.Empty(t, same)
}

func TestPlayStampsRecordsAnew(t *testing.T) {
	dir := t.TempDir()
	native := `{"text":"a \"id\":5","nested":{"id":7,"id_str":"7","created_at":"x"},"id":867473446648676352,"id_str":"867473446648676352","created_at":"Wed May 24 20:00:00 +0000 2017","timestamp_ms":"1"}`
	activity := `{"object":{"id":"object:search.twitter.com,2005:1","postedTime":"2017"},"id":"tag:search.twitter.com,2005:887453193294282752","postedTime":"2017-07-18T23:25:04.000Z"}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(native+"\r\n"+`{"info":{"message":"x"}}`+"\n"+activity), 0o600))
	p, err := NewPlay(PlayConfig{Path: dir, Rate: 200})
	require.NoError(t, err)
	require.Equal(t, 2, p.Records())
	forms := map[bool]int{}
	for tw := range Tweets(p, noon, noon.Add(2*time.Second)) {
		b := string(tw.Append(nil))
		id := strconv.FormatInt(int64(tw.ID), 10)
		isNative := strings.Contains(b, `"text"`)
		forms[isNative]++
		if isNative {
			require.JSONEq(t, `{"text":"a \"id\":5","nested":{"id":7,"id_str":"7","created_at":"x"},"id":`+id+`,"id_str":"`+id+`","created_at":"`+tw.CreatedAt().Format("Mon Jan 02 15:04:05 +0000 2006")+`","timestamp_ms":"`+strconv.FormatInt(tw.ID.Milli(), 10)+`"}`, b)
			continue
		}
		require.JSONEq(t, `{"object":{"id":"object:search.twitter.com,2005:1","postedTime":"2017"},"id":"tag:search.twitter.com,2005:`+id+`","postedTime":"`+tw.CreatedAt().Format("2006-01-02T15:04:05.000Z")+`"}`, b)
	}
	require.Positive(t, forms[true])
	require.Positive(t, forms[false])
}

func TestPlayOfRealRecords(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "data", "records")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no recorded Tweets beside the project")
	}
	p, err := NewPlay(PlayConfig{Path: dir, Rate: 100})
	require.NoError(t, err)
	require.Equal(t, 10, p.Records())
	for tw := range Tweets(p, noon, noon.Add(2*time.Second)) {
		require.True(t, json.Valid(tw.Append(nil)))
	}
}

func BenchmarkRecord(b *testing.B) {
	w := New(Config{Seed: 7})
	all := slices.Collect(w.Tweets(noon, noon.Add(50*time.Second)))
	var buf []byte
	n := 0
	for i := 0; b.Loop(); i++ {
		buf = all[i%len(all)].Append(buf[:0])
		n += len(buf)
	}
	b.SetBytes(int64(n / b.N))
}

func TestSparseWorldIsTheSameHoweverItIsRead(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":  {Seed: 5, Rate: 30, Sparse: true},
		"window": {Seed: 5, Rate: 30, Sparse: true, SampleWindow: true},
		"millis": {Seed: 5, Rate: 30},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(cfg)
			var byMilli, bySpan []Tweet
			from, to := noon.UnixMilli()-333, noon.UnixMilli()+9_777
			for ms := from; ms < to; ms++ {
				byMilli = w.Milli(byMilli, ms, 1)
			}
			for ms := from; ms < to; ms += 1370 {
				bySpan = w.Span(bySpan, ms, min(to, ms+1370), 1)
			}
			require.Equal(t, byMilli, bySpan)
			require.InDelta(t, 300, len(bySpan), 70)
			partitions := map[int]int{}
			for i, tw := range bySpan {
				partitions[tw.Partition]++
				require.Equal(t, tw.Partition, w.Partition(tw.ID))
				require.True(t, i == 0 || bySpan[i-1].ID < tw.ID, "in order, each once")
				if ms := tw.ID.Milli() % 1000; cfg.SampleWindow {
					require.True(t, ms >= 657 && ms <= 756)
				}
			}
			require.Len(t, partitions, 2)
		})
	}
}
