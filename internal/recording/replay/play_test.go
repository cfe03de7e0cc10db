package replay

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/recording"
)

// Random lives, decided again from their recordings: each decision is the same, in full.
func TestSameDecisions(t *testing.T) { synctest.Test(t, testSameDecisions) }

func testSameDecisions(t *testing.T) {
	requests, gaps := 0, 0
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1)) // a life, repeated by its seed
		cfg := lifeConfig()
		cfg.State, cfg.Acknowledged, cfg.Tweets = seed%4 != 3, seed%2 == 0, core.Tweets(seed%3)
		l := newLife(t, cfg, 64<<20)
		for range 400 {
			l.act(byte(rng.Uint32()), byte(rng.Uint32()))
			requests += len(l.out.Requests)
			if l.out.Commit != nil {
				gaps += len(l.out.Commit.Gaps)
			}
		}
		paths := l.end()
		require.Len(t, paths, 1)
		requireSame(t, paths[0], l.decided)
	}
	require.Positive(t, requests)
	require.Positive(t, gaps)
}

// What a connection brings before the core of a file in the middle tries it comes when it does: its waits are longer.
func TestEarlyConnection(t *testing.T) {
	p := newPlayer(&recording.Begin{Config: lifeConfig()}, func(*Played) {})
	b := wire.NewBatch()
	b.Add(7, []byte("seven"))
	require.False(t, p.takes(&core.Event{Kind: core.Opened, Conn: 1}))
	require.False(t, p.takes(&core.Event{Kind: core.Received, Conn: 1, Batch: b}))
	b.Reset()
	b.Add(8, []byte("eight"))
	require.False(t, p.takes(&core.Event{Kind: core.Received, Conn: 1, Batch: b}))
	require.Zero(t, p.summary.Skipped)
	p.out.Connect = []core.Connect{{Conn: 1}}
	p.follow()
	require.Len(t, p.answers, 3)
	require.Equal(t, core.Opened, p.answers[0].Kind)
	require.Equal(t, "seven", string(p.answers[1].Batch.Frames[0].Data))
	require.Equal(t, "eight", string(p.answers[2].Batch.Frames[0].Data))
	require.Zero(t, p.held)
	require.True(t, p.takes(&core.Event{Kind: core.Received, Conn: 1, Batch: b}))
	require.True(t, p.takes(&core.Event{Kind: core.Ended, Conn: 1}))
	require.False(t, p.takes(&core.Event{Kind: core.Received, Conn: 1, Batch: b}))
	require.Equal(t, 1, p.summary.Skipped)
}
