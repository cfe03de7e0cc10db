package replay

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
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
