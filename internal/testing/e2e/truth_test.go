//go:build unix

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// record is as much of a native record as a comparison needs, read by encoding/json: a second opinion.
type record struct {
	ID       int64  `json:"id"`
	Text     string `json:"text"`
	Lang     string `json:"lang"`
	Extended *struct {
		FullText string `json:"full_text"`
	} `json:"extended_tweet"`
	User struct {
		ID         int64  `json:"id"`
		ScreenName string `json:"screen_name"`
		Followers  int64  `json:"followers_count"`
	} `json:"user"`
	Retweeted     *record `json:"retweeted_status"`
	Quoted        *record `json:"quoted_status"`
	IsQuote       bool    `json:"is_quote_status"`
	QuotedID      int64   `json:"quoted_status_id"`
	InReplyTo     int64   `json:"in_reply_to_status_id"`
	PossiblyAdult bool    `json:"possibly_sensitive"`
}

func (r *record) text() string {
	switch {
	case r.Retweeted != nil:
		return r.Retweeted.text()
	case r.Extended != nil:
		return r.Extended.FullText
	}
	return r.Text
}

func (r *record) kind() string {
	switch {
	case r.Retweeted != nil:
		return "retweet"
	case r.IsQuote || r.QuotedID != 0 || r.Quoted != nil:
		return "quote"
	case r.InReplyTo != 0:
		return "reply"
	}
	return "original"
}

// truth reads the simulated record of an id.
func (s *stage) truth(id int64) record {
	s.Helper()
	var r record
	require.NoError(s, json.Unmarshal(s.src.AppendRecord(nil, snowflake.ID(id)), &r))
	require.Equal(s, id, r.ID, "the simulator's record has another id")
	return r
}

// identity is the time that interface.md promises for an id, computed here and not by the product.
func identity(id int64) time.Time {
	ms, node, seq := id>>22+1288834974657, id>>12&1023, id&4095
	return time.Unix(0, ms*1e6+node*976+seq)
}

// requireTrue compares what landed with the World's truth, field by field.
func (s *stage) requireTrue(m env.Metric) {
	s.Helper()
	want := s.truth(m.ID())
	require.Equal(s, want.text(), m.Fields["text"], "text of %d", m.ID())
	require.Equal(s, want.User.ID, m.Fields["user_id"], "user_id of %d", m.ID())
	require.Equal(s, want.User.ScreenName, m.Fields["user_screen_name"], "user_screen_name of %d", m.ID())
	require.Equal(s, want.User.Followers, m.Fields["user_followers_count"], "user_followers_count of %d", m.ID())
	require.Equal(s, want.PossiblyAdult, m.Fields["possibly_sensitive"], "possibly_sensitive of %d", m.ID())
	require.Equal(s, want.kind(), m.Tags["kind"], "kind of %d", m.ID())
	require.Equal(s, "prod", m.Tags["stream_label"])
	require.Equal(s, identity(m.ID()).UnixNano(), m.Time.UnixNano(), "time of %d", m.ID())
	if want.Retweeted != nil {
		require.Equal(s, want.Retweeted.ID, m.Fields["retweeted_id"], "retweeted_id of %d", m.ID())
	}
	lang := want.Lang
	if lang == "" {
		lang = "und"
	}
	require.Equal(s, lang, m.Tags["lang"], "lang of %d", m.ID())
}

// requireExact requires each of the given ids exactly once, nothing twice, and nothing that the simulator
// did not send; the Tweets before the first connect may come by a backfill.
func (s *stage) requireExact(offered []snowflake.ID, landed []env.Metric) {
	s.Helper()
	count := map[int64]int{}
	for _, m := range landed {
		count[m.ID()]++
	}
	var lost, doubled, foreign []int64
	known := map[int64]bool{}
	for _, id := range s.sim.OfferedIDs() {
		known[int64(id)] = true
	}
	for _, id := range offered {
		if count[int64(id)] == 0 {
			lost = append(lost, int64(id))
		}
	}
	for id, n := range count {
		if n > 1 {
			doubled = append(doubled, id)
		}
		if !known[id] && !s.exists(id) {
			foreign = append(foreign, id)
		}
	}
	s.Logf("offered %d landed %d lost %d doubled %d", len(offered), len(landed), len(lost), len(doubled))
	require.NotEmpty(s, offered)
	s.showLost(lost)
	require.Empty(s, lost, "lost")
	require.Empty(s, doubled, "doubled")
	require.Empty(s, foreign, "landed, but in no record of the simulator")
}

// showLost says of what partition and time the first lost Tweets are, and whether the simulator got
// round to sending them: if it did, they were lost on our side.
func (s *stage) showLost(lost []int64) {
	sent := map[int64]bool{}
	for _, id := range s.sim.SentIDs() {
		sent[int64(id)] = true
	}
	for _, id := range lost[:min(len(lost), 10)] {
		for _, t := range s.src.Milli(nil, snowflake.ID(id).Milli(), 1) {
			if int64(t.ID) == id {
				s.Logf("lost %d of partition %d, %s, sent %t", id, t.Partition, t.CreatedAt().Format(time.StampMilli), sent[id])
			}
		}
	}
}

// exists asks the World itself whether a Tweet was ever written.
func (s *stage) exists(id int64) bool {
	all := s.src.Milli(nil, snowflake.ID(id).Milli(), 1)
	return slices.ContainsFunc(all, func(t world.Tweet) bool { return int64(t.ID) == id })
}

// point is what a store knows a metric by.
func point(m env.Metric) string {
	var b strings.Builder
	b.WriteString(m.Name)
	for _, key := range []string{"host", "kind", "lang", "stream_label"} {
		b.WriteString("," + key + "=" + m.Tags[key])
	}
	b.WriteString(m.Time.UTC().Format(" 2006-01-02T15:04:05.000000000"))
	return b.String()
}
