package spool

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const benchTweets, benchLine = 500, 540

// BenchmarkAppend appends batches, on the disk that the temporary directory is on. Every 64 are taken out again, untimed.
func BenchmarkAppend(b *testing.B) {
	s, _ := mustOpen(b, b.TempDir())
	e := newMaker(1).entry(benchTweets, benchLine)
	b.SetBytes(int64(len(e.Lines)))
	var ids []int64
	for b.Loop() {
		id, err := s.Append(e)
		require.NoError(b, err)
		if ids = append(ids, id); len(ids) == 512 {
			b.StopTimer()
			require.NoError(b, s.Remove(ids...))
			ids = ids[:0]
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.N*benchTweets)/b.Elapsed().Seconds(), "tweets/s")
	require.NoError(b, s.Close())
}

// BenchmarkReadRemove reads batches and removes each.
func BenchmarkReadRemove(b *testing.B) {
	s, _ := mustOpen(b, b.TempDir())
	e := newMaker(1).entry(benchTweets, benchLine)
	b.SetBytes(int64(len(e.Lines)))
	var ids []int64
	for b.Loop() {
		if len(ids) == 0 {
			b.StopTimer()
			for range 512 {
				id, err := s.Append(e)
				require.NoError(b, err)
				ids = append(ids, id)
			}
			b.StartTimer()
		}
		_, err := s.Read(ids[0])
		require.NoError(b, err)
		require.NoError(b, s.Remove(ids[0]))
		ids = ids[1:]
	}
	b.ReportMetric(float64(b.N*benchTweets)/b.Elapsed().Seconds(), "tweets/s")
	require.NoError(b, s.Close())
}

// BenchmarkOpen opens a spool of 256 MB.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, _ := mustOpen(b, dir)
	e := newMaker(1).entry(benchTweets, benchLine)
	for range 256_000_000 / len(e.Lines) {
		_, err := s.Append(e)
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
	b.ResetTimer()
	for b.Loop() {
		s, _ := requireSound(b, dir)
		require.NoError(b, s.Close())
	}
}
