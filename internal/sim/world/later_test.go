package world

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

func TestLaterIsTheSameTweetChanged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: one goroutine, and many Tweets")
	}
	for name, cfg := range map[string]Config{"by the millisecond": {Seed: 9, Rate: 100}, "sparse": {Seed: 9, Rate: 20, Sparse: true}} {
		t.Run(name, func(t *testing.T) {
			w, again := New(cfg), New(cfg)
			changed, unquoted, gone, edits, n := map[string]int{}, 0, 0, 0, 0
			for tw := range w.Tweets(noon, noon.Add(time.Second*time.Duration(5000/cfg.Rate))) {
				n++
				if w.Gone(tw.ID) {
					gone++
				}
				require.Equal(t, again.Gone(tw.ID), w.Gone(tw.ID))
				live, later := read(t, tw.Append(nil)), read(t, w.AppendLater(nil, tw.ID))
				if n%50 == 0 {
					require.Equal(t, string(again.AppendLater(nil, tw.ID)), string(w.AppendLater(nil, tw.ID)))
				}
				require.Equal(t, []any{live.ID, live.CreatedAt, live.Timestamp, live.Lang, live.QuotedID, live.ReplyTo, live.Edits, live.User["id"]},
					[]any{later.ID, later.CreatedAt, later.Timestamp, later.Lang, later.QuotedID, later.ReplyTo, later.Edits, later.User["id"]})
				require.Equal(t, live.Retweeted == nil, later.Retweeted == nil)
				for _, key := range []string{"followers_count", "screen_name", "description", "name"} {
					if live.User[key] != later.User[key] {
						changed[key]++
					}
				}
				if live.Quoted != nil && later.Quoted == nil {
					unquoted++
				}
				if len(live.Edits.IDs) > 1 {
					edits++
					first, err := snowflakeOf(live.Edits.IDs[0])
					require.NoError(t, err)
					require.True(t, w.Gone(first), "an earlier version of an edited Tweet is not delivered later")
				}
			}
			require.InDelta(t, 0.012, float64(gone)/float64(n), 0.006)
			require.Positive(t, unquoted)
			require.Positive(t, edits)
			require.Greater(t, changed["followers_count"], n/2)
			for _, key := range []string{"screen_name", "description", "name"} {
				require.Positive(t, changed[key], key)
			}
		})
	}
}

func snowflakeOf(text string) (id snowflake.ID, err error) {
	_, err = fmt.Sscan(text, &id)
	return id, err
}

func TestShareOfDeleted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: one goroutine, and many Tweets")
	}
	for deleted, want := range map[float64]float64{-1: 0, 0: 0.01, 0.3: 0.3} {
		w := New(Config{Seed: 2, Rate: 200, Sparse: true, Deleted: deleted})
		gone, n := 0, 0
		for tw := range w.Tweets(noon, noon.Add(time.Minute)) {
			if n++; w.Gone(tw.ID) {
				gone++
			}
		}
		require.InDelta(t, want+0.002, float64(gone)/float64(n), 0.03)
	}
}
