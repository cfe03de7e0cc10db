package tweet

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writer makes up records out of the members that matter, in any order and of any type, some of
// them twice, and some damaged: what mutation of real records hardly ever hits.
type writer struct {
	*rand.Rand
	strings.Builder
}

var (
	memberNames = strings.Fields(`id id_str text full_text user retweeted_status quoted_status quoted_status_id quoted_status_id_str
		is_quote_status in_reply_to_status_id in_reply_to_status_id_str extended_tweet entities extended_entities place coordinates
		source lang possibly_sensitive edit_history initial_tweet_id edit_tweet_ids hashtags urls user_mentions media type
		screen_name followers_count verified country_code full_name geo other body actor object verb objectType`)
	scalars = strings.Fields(`null true false 0 -0 7 -7 1.5 90 -180.5 2e2 123456789012345678 9223372036854775808 "" "x" "5" "77" "a\"b"
		"\u00e9\ud83d\ude00" "\ud83d" "<a>s</a>" "1465906883030568962" "tag:search.twitter.com,2005:9" "é😀" 01 tru "\x" 1. }`)
	listNames = map[string]bool{"hashtags": true, "urls": true, "user_mentions": true, "media": true, "edit_tweet_ids": true}
	objects   = map[string]bool{"user": true, "retweeted_status": true, "quoted_status": true, "extended_tweet": true, "entities": true,
		"extended_entities": true, "place": true, "coordinates": true, "edit_history": true}
)

func (w *writer) object(depth int) {
	w.WriteString("{")
	for n := range w.IntN(9) {
		if n > 0 {
			w.WriteString(",")
		}
		name := memberNames[w.IntN(len(memberNames))]
		w.WriteString(`"` + name + `":`)
		w.member(name, depth)
	}
	w.WriteString("}")
}

func (w *writer) member(name string, depth int) {
	switch odd := w.IntN(12) == 0; {
	case depth > 4 || odd:
		w.scalar()
	case name == "coordinates" && w.IntN(2) == 0:
		w.WriteString([]string{"[1.5,-2]", "[181,0]", "[1,2,3]", "[1]", `[1,"2"]`, "[0,0]"}[w.IntN(6)])
	case objects[name]:
		w.object(depth + 1)
	case listNames[name]:
		w.array(depth + 1)
	default:
		w.scalar()
	}
}

func (w *writer) array(depth int) {
	w.WriteString("[")
	for n := range w.IntN(4) {
		if n > 0 {
			w.WriteString(" , ")
		}
		if w.IntN(3) == 0 {
			w.scalar()
		} else {
			w.object(depth)
		}
	}
	w.WriteString("]")
}

// scalar is seldom one of those at the end of the list, which are not valid.
func (w *writer) scalar() {
	n := len(scalars)
	if w.IntN(100) > 0 {
		n -= 5
	}
	w.WriteString(scalars[w.IntN(n)])
}

func TestRandomRecords(t *testing.T) {
	p := NewParser(true)
	tweets, broken := 0, 0
	for seed := range uint64(6000) {
		w := writer{Rand: rand.New(rand.NewPCG(seed, 1))}
		w.object(0)
		rec := []byte(strings.Replace(w.String(), "{", `{"created_at":"x","text":"t",`, 1))
		if w.IntN(2) == 0 {
			rec = []byte(strings.Replace(string(rec), "{", `{"id":1465906883030568962,`, 1))
		}
		rec = []byte(strings.Replace(string(rec), ",}", "}", 1))
		var tw Tweet
		p.Reset()
		err := p.Parse(rec, &tw)
		require.Equal(t, json.Valid(rec), err != ErrMalformed, "%s", rec)
		switch err {
		case nil:
			tweets++
			checkTweet(t, rec, tw)
		case ErrMalformed:
			broken++
		}
	}
	require.Greater(t, tweets, 2000)
	require.Greater(t, broken, 200)
}
