package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// frozen is a store on a disk that hangs.
type frozen struct {
	thaw    chan struct{}
	commits atomic.Int32
}

func (f *frozen) Commit(*ledger.Commit) error     { f.commits.Add(1); <-f.thaw; return nil }
func (f *frozen) Orders() ([]ledger.Order, error) { return nil, nil }
func (f *frozen) Bytes() int64                    { return 0 }
func (f *frozen) Load(timeline.Minute, []snowflake.ID) ([]snowflake.ID, error) {
	<-f.thaw
	return nil, nil
}

// A commit that does not come back holds up no stop: that says what is not stored, claims nothing more, and leaves the store
// to who still uses it.
func TestAHangingCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, w := &frozen{thaw: make(chan struct{})}, encode.NewWriter(io.Discard)
		writing, end := context.WithCancel(context.Background())
		defer end()
		var others sync.WaitGroup
		others.Go(func() { w.Run(writing) })
		client := stream.NewClient(stream.Options{Credentials: func() (string, string, error) { return "", "", errors.New("none") }})
		e := New(Config{Clients: []*stream.Client{client}, URL: func(int, int) string { return "https://x.invalid/" }, Store: store,
			Core:   core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, State: true},
			Tweets: &heavy{}, Points: encode.NewLines(nil, w)})
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		began := time.Now()
		err := e.Run(ctx)
		require.ErrorContains(t, err, "the disk of the state hangs: what came since 2000-01-01T00:00:00Z is not in it")
		require.LessOrEqual(t, time.Since(began), time.Minute+3*time.Second+leaveTimeout)
		require.EqualValues(t, 1, store.commits.Load(), "it is asked for nothing more")
		select {
		case <-e.ended:
			t.Fatal("the store may be closed under who uses it")
		default:
		}
		close(store.thaw)
		e.Wait()
	})
}
