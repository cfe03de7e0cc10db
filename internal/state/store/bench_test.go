package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// BenchmarkCommit is a commit of 5 s at 600 ids a second: ids of two partitions and the rows of three minutes.
func BenchmarkCommit(b *testing.B) {
	s, _ := mustOpen(b, b.TempDir())
	rng := rand.New(rand.NewPCG(1, 1))
	m := thisMinute()
	c := &ledger.Commit{Keep: m - 7200}
	for p := 1; p <= 2; p++ {
		c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: idsIn(rng, timeline.Span{From: m.Milli(), To: m.Milli() + 5000}, 1500)})
		for back := range timeline.Minute(3) {
			c.Minutes = append(c.Minutes, ledger.MinuteRecord{Partition: p, Minute: m - back, Covered: []timeline.Span{m.Span()}})
		}
		c.Partitions = append(c.Partitions, ledger.PartitionRecord{Partition: p})
	}
	before := endOf(s, hourOf(m))
	for b.Loop() {
		require.NoError(b, s.Commit(c))
	}
	b.ReportMetric(float64(endOf(s, hourOf(m))-before)/float64(b.N)/3000, "B/id")
	require.NoError(b, s.Close())
}

// BenchmarkLoadMinute reads 36 000 ids in 24 blocks.
func BenchmarkLoadMinute(b *testing.B) {
	s, _ := mustOpen(b, b.TempDir())
	rng := rand.New(rand.NewPCG(1, 1))
	m := thisMinute()
	for i := range int64(12) {
		c := &ledger.Commit{}
		for p := 1; p <= 2; p++ {
			five := timeline.Span{From: m.Milli() + i*5000, To: m.Milli() + (i+1)*5000}
			c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: idsIn(rng, five, 1500)})
		}
		require.NoError(b, s.Commit(c))
	}
	var ids []snowflake.ID
	var err error
	for b.Loop() {
		ids, err = s.Load(m, ids[:0])
	}
	require.NoError(b, err)
	require.InDelta(b, 36_000, len(ids), 10) // drawn twice, some
	require.NoError(b, s.Close())
}

// BenchmarkOpen opens five days: 7200 minutes of two partitions, their ids in one block each, and of the last two hours
// in twelve.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(scratch(b), "state")
	fiveDays(b, dir)
	for b.Loop() {
		s, past := mustOpen(b, dir)
		require.Len(b, past.Minutes, 14_400)
		require.Len(b, past.IDs, 7200)
		require.NoError(b, s.Close())
	}
	b.ReportMetric(float64(sizeOf(dir))/1e6, "MB")
}

func fiveDays(b *testing.B, dir string) {
	s, _ := mustOpen(b, dir)
	s.pruneEvery, s.backupEvery = 1000*time.Hour, 1000*time.Hour
	rng := rand.New(rand.NewPCG(1, 1))
	now := thisMinute()
	for start := now - 7200; start < now; start += 60 {
		c := &ledger.Commit{}
		for m := start; m < start+60; m++ {
			for p := 1; p <= 2; p++ {
				c.Minutes = append(c.Minutes, ledger.MinuteRecord{Partition: p, Minute: m, Unique: 600, Covered: []timeline.Span{m.Span()}})
				blocks := 1
				if m >= now-120 {
					blocks = 12
				}
				for range blocks {
					c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: idsIn(rng, m.Span(), 600/blocks)})
				}
			}
		}
		require.NoError(b, s.Commit(c))
	}
	require.NoError(b, s.Close())
	_, err := os.Stat(dir)
	require.NoError(b, err)
}
