package pubsub

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

// Whoever has Telegraf's port is told nothing, and believed nothing, if it is another user's process.
func TestOtherUser(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		told.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	strange := true
	c := New(Config{URL: url, Token: func() (string, error) { return token, nil }, Client: NewClient(nil, patience, 1), Peer: func(c net.Conn) error {
		if strange {
			return &loopback.Stranger{Address: c.RemoteAddr().String(), User: 65534}
		}
		return nil
	}})
	later(t, c, batch(t, "a"), "was told nothing", "user 65534", `set "user" of [inputs.decahose.push]`)
	require.Error(t, c.Check(context.Background()))
	require.Zero(t, told.Load())
	strange = false
	accepted(t, c, batch(t, "a"))
}

// A refusal of any kind ends a Tweet's life only where the same server accepts something else.
func TestRefusalsNeedProof(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if len(body) < 100 { // an empty message: there is room
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.WriteHeader(status)
		})
		c := courier(t, url)
		for range 3 {
			v, err := c.Deliver(context.Background(), batch(t, "a"))
			require.Error(t, err)
			require.Equal(t, delivery.Later, v, "%d of all it is sent", status)
		}
	}
}

// Many refusals are the fault of whoever refuses: only a few Tweets a minute go by them.
func TestRefusalsAreFew(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) < 500 { // empty, or the check's point
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	c, now := courier(t, url), time.Now()
	c.now = func() time.Time { return now }
	deliver := func() delivery.Verdict {
		v, err := c.Deliver(context.Background(), batch(t, strings.Repeat("a", 600)))
		require.Error(t, err)
		return v
	}
	for range maxEnds {
		require.Equal(t, delivery.Refused, deliver())
	}
	require.Equal(t, delivery.Later, deliver())
	require.Equal(t, delivery.Later, deliver())
	now = now.Add(time.Minute / maxEnds)
	require.Equal(t, delivery.Refused, deliver(), "some time passed")
	require.Equal(t, delivery.Later, deliver())
	v, _ := c.Deliver(context.Background(), batch(t, strings.Repeat("a", 600), "b"))
	require.Equal(t, delivery.Refused, v, "a batch is only halved")
}
