package store

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	s.pruneEvery = 0
	h := newHistory(4)
	now := thisMinute()
	old := now - 600
	c := h.commit(old, 10)
	c.Gaps = []ledger.GapRecord{
		{Partition: 1, Span: old.Span(), State: ledger.GapOpen},
		{Partition: 2, Span: old.Span(), State: ledger.GapLost},
		{Partition: 1, Span: (old - 1).Span(), State: ledger.GapRecovered},
		{Partition: 2, Span: (old - 1).Span(), State: ledger.GapRequested},
	}
	c.Requests = append(c.Requests, ledger.RequestRecord{ID: 40, To: old}, ledger.RequestRecord{ID: 41, To: old, Ended: 1}, ledger.RequestRecord{ID: 42, To: old, Ended: 1})
	require.NoError(t, s.Commit(c))
	require.FileExists(t, hourOf(old).path(dir))
	c = h.commit(now, 10)
	c.Keep, c.Gaps = now-60, nil
	gone := int64(now-60-ledger.HistoryMinutes) / 60
	for _, hour := range []int64{gone - 1, gone} {
		c.Hours = append(c.Hours, ledger.HourRecord{Partition: 1, Hour: hour})
	}
	c.Requests = nil
	require.NoError(t, s.Commit(c))
	require.NoFileExists(t, hourOf(old).path(dir))
	ids, err := s.Load(old, nil)
	require.NoError(t, err)
	require.Empty(t, ids)
	require.NoError(t, s.Close())

	past := requireSound(t, dir)
	require.Len(t, past.Minutes, 2)
	require.Len(t, past.IDs, 1)
	require.Len(t, past.Copies, 2)
	require.Equal(t, gone, past.Hours[0].Hour)
	require.Len(t, past.Gaps, 2)
	require.Equal(t, ledger.GapRequested, past.Gaps[0].State)
	require.Equal(t, ledger.GapOpen, past.Gaps[1].State)
	require.Len(t, past.Requests, 2, "the one under way, and the newest to count on from")
}

func TestIDsOfOtherTimesAreNotKept(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	now := thisMinute()
	c := &ledger.Commit{}
	for _, m := range []timeline.Minute{-5, 0, now - 122*60, now - 119*60, now, now + 30, now + 90, 1 << 40} {
		c.IDs = append(c.IDs, ledger.IDs{Minute: m, IDs: []snowflake.ID{snowflake.First(m.Milli())}})
	}
	require.NoError(t, s.Commit(c))
	require.Len(t, s.ids.counts(), 3)
	require.NoError(t, s.Close())
}

func TestMerge(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	s.pruneEvery = 0
	h := newHistory(5)
	now := thisMinute()
	hour := hourOf(now) - 4
	var before int64
	for i := range 40 {
		before = endOf(s, hour)
		require.NoError(t, s.Commit(h.commit(hour.first()+timeline.Minute(i%4), 20)))
		if i == 19 {
			s.pruneEvery = time.Hour
		}
	}
	s.pruneEvery = 0
	require.NoError(t, s.Commit(h.commit(hour.first(), 20)))
	require.Less(t, endOf(s, hour), before)
	require.Equal(t, endOf(s, hour), fileSize(t, hour.path(dir)))
	for range 2 {
		for m, of := range s.ids.counts() {
			require.Equal(t, map[int]int{1: len(h.ids[m][1]), 2: len(h.ids[m][2])}, of)
			ids, err := s.Load(m, nil)
			require.NoError(t, err)
			require.Equal(t, h.all(m), ids)
		}
		require.NoError(t, s.Close())
		s, _ = mustOpen(t, dir)
	}
	require.NoError(t, s.Close())
}

func TestADamagedHourIsNotMerged(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	h := newHistory(6)
	hour := hourOf(thisMinute()) - 4
	for range 5 {
		require.NoError(t, s.Commit(h.commit(hour.first(), 20)))
	}
	flip(t, hour.path(dir), headerLen+9, 1)
	size := endOf(s, hour)
	s.pruneEvery = 0
	require.NoError(t, s.Commit(h.commit(thisMinute(), 20)))
	require.Equal(t, size, endOf(s, hour))
	ids, err := s.Load(hour.first(), nil)
	require.ErrorIs(t, err, ErrDamaged)
	require.Len(t, ids, 9*20)
	require.NoError(t, s.Close())
}

func TestATornTailIsWrittenOver(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	h := newHistory(7)
	m := thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 20)))
	lost := newHistory(8).commit(m, 30)
	_, err := s.ids.write(lost.IDs) // and then the transaction failed
	require.NoError(t, err)
	require.NoError(t, s.Commit(h.commit(m, 20)))
	path := hourOf(m).path(dir)
	require.NoError(t, s.Close())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write([]byte("DHid torn"))
	require.NoError(t, err)
	require.NoError(t, f.Close())

	s, past := mustOpen(t, dir)
	require.Empty(t, past.Notes)
	require.NoError(t, s.Commit(h.commit(m, 20)))
	require.NoError(t, s.Close())
	s, _ = mustOpen(t, dir)
	ids, err := s.Load(m, nil)
	require.NoError(t, err)
	require.Equal(t, h.all(m), ids)
	require.NoError(t, s.Close())
}

func TestUnwritableDirectories(t *testing.T) {
	base := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(base, "file"), nil, fileMode))
	_, _, err := Open(filepath.Join(base, "file", "state"), Options{})
	require.ErrorContains(t, err, filepath.Join(base, "file"))
	var of *os.PathError
	require.ErrorAs(t, err, &of)
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := filepath.Join(base, "closed")
	require.NoError(t, os.Mkdir(dir, 0o500))
	_, _, err = Open(dir, Options{})
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, dir)
}

// TestLoadDuringMerges reads a minute while its blocks are added and merged.
func TestLoadDuringMerges(t *testing.T) {
	s, _ := mustOpen(t, scratch(t))
	s.pruneEvery = 0
	h := newHistory(10)
	hour := hourOf(thisMinute()) - 4
	first := h.commit(hour.first(), 20)
	require.NoError(t, s.Commit(first))
	known := h.all(hour.first())
	done := make(chan struct{})
	var reading sync.WaitGroup
	var failed error
	reading.Go(func() {
		var ids []snowflake.ID
		var err error
		for failed == nil {
			select {
			case <-done:
				return
			default:
			}
			if ids, err = s.Load(hour.first(), ids[:0]); err != nil || len(ids) < len(known) {
				failed = fmt.Errorf("%d ids: %w", len(ids), err)
			}
		}
	})
	for range 30 {
		require.NoError(t, s.Commit(h.commit(hour.first(), 20)))
	}
	close(done)
	reading.Wait()
	require.NoError(t, failed)
	require.Positive(t, s.ids.hours[hour].generation)
	require.NoError(t, s.Close())
}
