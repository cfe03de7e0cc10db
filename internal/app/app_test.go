package app

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// silent never answers, and tells late that the outputs have what it was given.
type silent struct {
	ended chan struct{}
	given chan *delivery.Batch
	late  func(*delivery.Batch)
}

func (c *silent) Deliver(ctx context.Context, b *delivery.Batch) (delivery.Verdict, error) {
	c.given <- b
	<-ctx.Done()
	return delivery.Later, ctx.Err()
}

func (c *silent) Attach(*delivery.Batch, *tweet.Tweet)  {}
func (c *silent) TellLate(told func(b *delivery.Batch)) { c.late = told }
func (c *silent) Ended() <-chan struct{}                { return c.ended }

func config(t *testing.T, dir string, o Output) Config {
	t.Helper()
	schema, err := encode.NewSchema("prod", nil, nil, encode.Keep)
	require.NoError(t, err)
	nowhere := stream.NewClient(stream.Options{ConnectTimeout: time.Second, Credentials: func() (string, string, error) { return "u", "p", nil },
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }})
	return Config{Schema: schema, Output: o, Dir: dir, Engine: engine.Config{Clients: []*stream.Client{nowhere},
		URL: func(int, int) string { return "http://127.0.0.1:1" }, Points: encode.NewLines(nil, encode.NewWriter(io.Discard)),
		Core: core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 1, ConnectPeriod: time.Minute}}}
}

// What each output wants of a delivery, also where memory holds less than a batch.
func TestFill(t *testing.T) {
	w := encode.NewWriter(io.Discard)
	groups := 0
	tracked := func(slots int) LateCourier { groups = slots; return &silent{} }
	for _, test := range []struct {
		output       Output
		memory       int
		slots, most  int
		acknowledged bool
		settle       time.Duration
	}{
		{Stdout{Writer: w}, 5000, 1, 1000, false, 10 * time.Second},
		{Stdout{Writer: w, PerSecond: 7}, 30, 1, 30, false, 10 * time.Second},
		{Acknowledged{Courier: &silent{}, Slots: 8, Batch: 500}, 5000, 8, 500, true, 0},
		{Acknowledged{Courier: &silent{}, Slots: 8, Batch: 500}, 30, 8, 30, true, 0},
		{Tracked{Courier: tracked}, 5000, 10, 500, true, 10 * time.Second},
		{Tracked{Courier: tracked, Written: true}, 30, 1, 30, false, 10 * time.Second},
	} {
		c := delivery.Config{Memory: test.memory}
		test.output.Fill(&c)
		require.Equal(t, []any{test.slots, test.most, test.acknowledged, test.settle}, []any{c.Slots, c.Most, c.Acknowledged, c.SettleAfter}, "%+v", test)
		require.NotNil(t, c.Courier)
	}
	require.Equal(t, 1, groups)
	require.Panics(t, func() { Recovered{}.Fill(nil) })
	require.Equal(t, []int{8 << 20, 8 << 20, 5000 * 8 << 10}, []int{MaxBytes(1), MaxBytes(1024), MaxBytes(5000)})
}

// A limit of 0 is no spool, unless Tweets are in one; what is recovered by hand leaves it alone.
func TestSpoolIsOpened(t *testing.T) {
	w := encode.NewWriter(io.Discard)
	dir := t.TempDir()
	opened := func(o Output, limit int64) bool {
		cfg := config(t, dir, o)
		cfg.SpoolLimit = limit
		s, err := New(cfg)
		require.NoError(t, err)
		defer s.Close()
		return s.spool != nil
	}
	require.False(t, opened(Stdout{Writer: w}, 0))
	require.False(t, opened(Recovered{Writer: w}, 1<<20))
	require.NoFileExists(t, filepath.Join(dir, spool.Name))
	require.True(t, opened(Stdout{Writer: w}, 1<<20))
	require.True(t, opened(Stdout{Writer: w}, 0), "something may be in it")
	require.False(t, opened(Recovered{Writer: w}, 0))
}

// After an error the directory is free.
func TestNothingOpenAfterAnError(t *testing.T) {
	w := encode.NewWriter(io.Discard)
	cfg := config(t, t.TempDir(), Stdout{Writer: w})
	s, err := New(cfg)
	require.NoError(t, err)
	_, err = New(cfg)
	require.ErrorIs(t, err, store.ErrLocked)
	s.Close()
	s, err = New(cfg)
	require.NoError(t, err)
	s.Close()
}

// A batch of which the courier hears after the end leaves the spool, which stays open until then.
func TestDeliveredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))) // ids count from 2010 on
		dir := t.TempDir()
		require.Equal(t, 0, spooled(t, dir, true))
		c := &silent{ended: make(chan struct{}), given: make(chan *delivery.Batch, 1)}
		s, err := New(config(t, dir, Tracked{Courier: func(int) LateCourier { return c }}))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		b := <-c.given
		cancel()
		running.Wait()
		s.Close()
		c.late(b)
		close(c.ended)
		synctest.Wait()
		require.Equal(t, 0, spooled(t, dir, false))
	})
}

// spooled is how many entries the spool holds that is there; one more is added if that is wanted.
func spooled(t *testing.T, dir string, add bool) int {
	t.Helper()
	s, contents, err := spool.Open(dir, 1<<20)
	require.NoError(t, err)
	defer s.Close() //nolint:errcheck // Append has synced
	if add {
		e := spool.Entry{At: time.Now(), Lines: []byte("decahose_tweet id=1i 1\n")}
		e.Tweets = []spool.Tweet{{Sent: ledger.Sent{ID: snowflake.First(time.Now().UnixMilli()), Partition: 1}, End: len(e.Lines)}}
		_, err = s.Append(&e)
		require.NoError(t, err)
	}
	return len(contents.Entries)
}
