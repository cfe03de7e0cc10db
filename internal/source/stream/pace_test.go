package stream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestABombIsReadSlowly: what is decoded to a thousand times its size comes at paceRate after the first burst; what X
// sends never waits.
func TestABombIsReadSlowly(t *testing.T) {
	const chunk = 32 << 10
	took := func(ctx context.Context, plain, ratio int) time.Duration {
		p, began := newPace(ctx), time.Now()
		for range plain / chunk {
			p.came(chunk / ratio)
			p.take(chunk)
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		require.Zero(t, took(t.Context(), 1<<30, 10))
		require.Zero(t, took(t.Context(), 1<<30, usualRatio))
		require.Zero(t, took(t.Context(), paceBurst, 1000), "a giant or two")
		over := (1 << 30) - (1<<30)*usualRatio/1000 - paceBurst
		require.InDelta(t, float64(over)/paceRate, took(t.Context(), 1<<30, 1024).Seconds(), 3)

		done, cancel := context.WithCancel(t.Context())
		cancel()
		require.Zero(t, took(done, 1<<30, 1000), "nothing holds up the end")
	})
}
