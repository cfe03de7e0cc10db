package decahose

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// The point of a check is a whole Tweet under the plugin's own options: filters that let Tweets pass let it pass, and
// the store holds it as it holds Tweets, under a label that is nobody's.
func TestCheckTweet(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 5e6, time.UTC)
	for _, tweets := range []string{"fields", "raw"} {
		d := newDecahose()
		d.StreamLabel, d.Tweets, d.TweetFields = "prod", tweets, encode.DefaultFields()
		id, line, err := d.checkTweet(now)
		require.NoError(t, err)
		require.Equal(t, now, id.Time())
		schema, err := d.newSchema(CheckLabel)
		require.NoError(t, err)
		require.NoError(t, schema.Check(line[:len(line)-1], id), "%s", line)
		text := string(line)
		require.True(t, strings.HasPrefix(text, "decahose_tweet,kind=quote,lang=en,stream_label=decahose_check "), text)
		require.Equal(t, tweets == "raw", strings.Contains(text, ",raw="))
		for _, field := range encode.DefaultFields() {
			if field != "edit_of" && field != "retweeted_id" && field != "media_type" {
				require.Contains(t, text, field+"=")
			}
		}
	}
}

// held is a store that has what it has after some looks.
type held struct {
	ids   []snowflake.ID
	after int
	noIDs bool
}

func (h *held) Counts(context.Context, timeline.Minute, timeline.Minute) (map[timeline.Minute]int64, error) {
	h.after--
	if h.after >= 0 {
		return nil, nil
	}
	return map[timeline.Minute]int64{timeline.MinuteOf(h.ids[0].Milli()): 1}, nil
}

func (h *held) IDs(context.Context, timeline.Minute) ([]snowflake.ID, error) {
	if h.noIDs {
		return nil, audit.ErrNoIDs
	}
	if h.after >= 0 {
		return nil, nil
	}
	return h.ids, nil
}

func (*held) Rounds() time.Duration { return 0 }
func (*held) Close() error          { return nil }

func TestAwaitStored(t *testing.T) {
	id := snowflake.First(time.Now().UnixMilli()) | checkMark
	require.NoError(t, awaitStored(t.Context(), &held{ids: []snowflake.ID{id}}, id))
	require.NoError(t, awaitStored(t.Context(), &held{ids: []snowflake.ID{id}, noIDs: true, after: 1}, id), "it counts, and comes later")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, awaitStored(ctx, &held{ids: []snowflake.ID{id + 1}}, id), context.Canceled, "another Tweet of the minute")
}

// A rehearsal that would ask the real X for what is missing is told so, once.
func TestNoteURLs(t *testing.T) {
	for _, test := range []struct {
		stream, replay, past, recovery string
		want                           int
	}{
		{"http://127.0.0.1:1", "https://gnip-stream.gnip.com", "https://x", "replay", 1},
		{"http://localhost:1", "http://localhost:1", "https://x", "replay", 0},
		{"http://[::1]:1", "http://[::1]:1", "https://x", "recovery", 1},
		{"http://127.0.0.1:1", "https://x", "https://x", "none", 0},
		{"https://gnip-stream.x.com", "https://gnip-stream.gnip.com", "https://x", "replay", 0},
	} {
		d := newDecahose()
		d.StreamURL, d.ReplayURL, d.RecoveryURL, d.Recovery = test.stream, test.replay, test.past, test.recovery
		var n notes
		d.noteURLs(&n)
		require.Len(t, n, test.want, test.stream)
	}
}

// The option nul reaches what is written; without it NUL is kept.
func TestSchemaHasNUL(t *testing.T) {
	for nul, want := range map[string]string{"": "a\x00b", "space": "a b", "escape": `a\\u0000b`} {
		d := valid()
		d.NUL = cmp.Or(nul, d.NUL)
		s, err := d.newSchema("prod")
		require.NoError(t, err)
		require.Contains(t, string(encode.AppendTweet(nil, &tweet.Tweet{ID: 1, Text: []byte("a\x00b")}, s)), `text="`+want+`"`)
	}
}
