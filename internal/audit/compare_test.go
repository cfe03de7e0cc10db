package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// fakeStore is a store in memory.
type fakeStore struct {
	of     map[timeline.Minute][]snowflake.ID
	noIDs  bool
	fails  error
	asked  []timeline.Span // of minutes
	rounds time.Duration
}

func (s *fakeStore) Counts(_ context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	s.asked = append(s.asked, timeline.Span{From: int64(from), To: int64(to)})
	counts := map[timeline.Minute]int64{}
	for m, ids := range s.of {
		counts[m] = int64(len(ids))
	}
	return counts, s.fails
}

func (s *fakeStore) IDs(_ context.Context, m timeline.Minute) ([]snowflake.ID, error) {
	if s.noIDs {
		return nil, ErrNoIDs
	}
	return s.of[m], nil
}

func (s *fakeStore) Rounds() time.Duration { return s.rounds }
func (s *fakeStore) Close() error          { return nil }

// now is when tests look: the minutes before noon are long over, and so are some after it.
var now = time.UnixMilli((noon + 10).Milli()).UTC()

// stateOf is a state directory that holds the commit, read beside its owner.
func stateOf(t *testing.T, c *ledger.Commit) (dir string, r *store.Reader) {
	t.Helper()
	dir = t.TempDir()
	s, _, err := store.Open(dir, store.Options{Horizon: 1e6 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	c.Seq, c.Moment = 1, ledger.Moment{Wall: now.UnixNano(), Stream: now.UnixMilli()}
	require.NoError(t, s.Commit(c))
	r, err = store.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return dir, r
}

// booked adds to a commit a minute with n Tweets of partition 1, and n of a Replay.
func booked(c *ledger.Commit, m timeline.Minute, n int) []snowflake.ID {
	ids := idsOf(m, 2*n)
	for k, p := range []int{1, ledger.AnyPartition} {
		part := ids[k*n : (k+1)*n]
		c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: part})
		c.Minutes = append(c.Minutes, ledger.MinuteRecord{Partition: p, Minute: m, Received: int64(n), Unique: int64(n), Emitted: int64(n),
			State: ledger.Whole, Digest: ledger.Digest(part...)})
	}
	return ids
}

func compareAll(t *testing.T, dir string, r *store.Reader, s Store, from, to timeline.Minute) ([]Line, *Book, error) {
	t.Helper()
	b, err := ReadBook(dir, r, from, to, now)
	require.NoError(t, err)
	lines, err := Compare(t.Context(), b, s, Ask{From: from, To: to, Settle: 2 * time.Minute, Timeout: time.Minute})
	return lines, b, err
}

func TestCompare(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: (noon - 3).Milli(), Position: (noon + 9).Milli()}}}
	of := map[timeline.Minute][]snowflake.ID{}
	for m := noon - 3; m < noon+9; m++ {
		of[m] = booked(c, m, 10)
	}
	of[noon+1] = of[noon+1][3:17] // six are missing
	of[noon+2] = append(slices.Clone(of[noon+2][2:]), idsOf(noon+2, 24)[20:]...)
	of[noon+3] = append(slices.Clone(of[noon+3]), idsOf(noon+3, 21)[20:]...)
	of[noon+4], of[noon+5] = nil, of[noon+5][:19]
	of[noon-3] = append(slices.Clone(of[noon-3]), idsOf(noon-3, 30)[20:]...)
	c.Gaps = []ledger.GapRecord{
		{Partition: 1, Span: (noon + 4).Span(), Cause: "reset"},
		{Partition: 1, Span: timeline.Span{From: noon.Milli() + 5000, To: noon.Milli() + 9000}, Cause: "audit", State: ledger.GapRequested},
		{Partition: 1, Span: (noon - 1).Span(), Cause: "eof", State: ledger.GapRecovered},
	}
	c.Repairs = []ledger.RepairRecord{
		{Minute: noon + 5, Times: 2},
		{Minute: noon + 6, Times: 1, Pending: of[noon+6][:1]}, // X did not bring it again
	}
	of[noon+6] = of[noon+6][1:]
	for i := range c.Minutes {
		if m := &c.Minutes[i]; m.Minute == noon+6 && m.Partition == 1 {
			m.Unique, m.Duplicate, m.Emitted = 9, 1, 9
		}
	}
	c.Minutes = slices.DeleteFunc(c.Minutes, func(r ledger.MinuteRecord) bool { return r.Minute == noon-2 })
	dir, r := stateOf(t, c)
	s := &fakeStore{of: of}
	lines, book, err := compareAll(t, dir, r, s, noon-4, noon+12)
	require.NoError(t, err)
	require.Equal(t, []timeline.Span{{From: int64(noon - 3), To: int64(noon + 8)}}, s.asked, "no more than is judged")
	states := []State{}
	for i := range lines {
		states = append(states, lines[i].State)
	}
	require.Equal(t, []State{Unknown, Unknown, Unknown, Equal, Repairing, Missing, Missing, Surplus, Recovering, Unrepaired, Missing, Equal,
		Settling, Settling, Settling, Settling}, states)
	require.Equal(t, "the ledger begins later", lines[0].Why)
	require.Equal(t, "the ledger begins within it", lines[1].Why)
	require.Equal(t, "the ledger has no account of it", lines[2].Why)
	short := lines[5]
	require.Equal(t, []int64{20, 14, 6, 0}, []int64{short.Emitted, short.Stored, short.Missing, short.Surplus})
	want := idsOf(noon+1, 20)
	require.Equal(t, []ledger.Sent{{ID: want[0], Partition: 1}, {ID: want[1], Partition: 1}, {ID: want[2], Partition: 1},
		{ID: want[17]}, {ID: want[18]}, {ID: want[19]}}, short.Lacking)
	require.Equal(t, []int64{2, 4}, []int64{lines[6].Missing, lines[6].Surplus}, "by their ids, not by the difference of counts")
	require.EqualValues(t, 1, lines[7].Surplus)
	require.EqualValues(t, 20, lines[10].Emitted, "what was taken back should be there all the same")

	sent, minutes, err := Wanted(book, lines, 1000*time.Hour, 100)
	require.NoError(t, err)
	require.Equal(t, []int{9, 3}, []int{len(sent), minutes})
	_, minutes, err = Wanted(book, lines, 1000*time.Hour, 6)
	require.NoError(t, err)
	require.Equal(t, 1, minutes, "the rest another time")
	sent, _, err = Wanted(book, lines, 3*time.Minute, 100)
	require.NoError(t, err)
	require.Empty(t, sent, "older than the horizon")
}

// A store without ids: counts alone, and whole minutes are had again.
func TestCompareCounts(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	ids := booked(c, noon, 10)
	dir, r := stateOf(t, c)
	lines, book, err := compareAll(t, dir, r, &fakeStore{noIDs: true, of: map[timeline.Minute][]snowflake.ID{noon: ids[:15]}}, noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, Missing, lines[0].State)
	require.EqualValues(t, 5, lines[0].Missing)
	require.Equal(t, ErrNoIDs.Error(), lines[0].Why)
	sent, _, err := Wanted(book, lines, 1000*time.Hour, 1)
	require.NoError(t, err)
	require.Len(t, sent, 20, "one minute at least")
}

// What outputs have not accepted is not missing in a store.
func TestCompareUndelivered(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	of := map[timeline.Minute][]snowflake.ID{noon: booked(c, noon, 10)[:15], noon + 1: booked(c, noon+1, 10)}
	c.Deliveries = []ledger.DeliveryRecord{
		{Partition: 1, Minute: noon, Tracked: ledger.Tracked{Delivered: 10}},
		{Partition: 0, Minute: noon, Tracked: ledger.Tracked{Delivered: 5, Refused: 5}},
		{Partition: 1, Minute: noon + 1, Tracked: ledger.Tracked{Delivered: 4}},
	}
	dir, r := stateOf(t, c)
	lines, _, err := compareAll(t, dir, r, &fakeStore{of: of}, noon, noon+2)
	require.NoError(t, err)
	require.Equal(t, Equal, lines[0].State, "those in quarantine")
	require.EqualValues(t, 5, lines[0].Undelivered)
	require.Equal(t, Settling, lines[1].State, "those in memory")
}

// A store that fails: what it was asked for is unknown; the ledger's own words stand.
func TestCompareWithoutAnAnswer(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	booked(c, noon, 10)
	dir, r := stateOf(t, c)
	lines, book, err := compareAll(t, dir, r, &fakeStore{fails: errors.New("down")}, noon-1, noon+10)
	require.ErrorContains(t, err, "down")
	require.Equal(t, Unknown, lines[1].State)
	require.Equal(t, "the store did not answer", lines[1].Why)
	require.EqualValues(t, -1, lines[1].Stored)
	require.Equal(t, Settling, lines[10].State)
	require.Equal(t, lines, Unanswered(book, Ask{From: noon - 1, To: noon + 10, Settle: 2 * time.Minute}))
}

// A clock of this host that is wrong by hours changes nothing: minutes are those of the ids, and the ledger knows
// what time it was in the stream.
func TestClockSkew(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	ids := booked(c, noon, 10)
	for _, skew := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		dir := t.TempDir()
		s, _, err := store.Open(dir, store.Options{Horizon: 1e6 * time.Hour})
		require.NoError(t, err)
		k := *c
		k.Seq, k.Moment = 1, ledger.Moment{Wall: now.Add(skew).UnixNano(), Stream: now.UnixMilli()}
		require.NoError(t, s.Commit(&k))
		r, err := store.OpenReader(dir)
		require.NoError(t, err)
		b, err := ReadBook(dir, r, noon, noon+10, now.Add(skew))
		require.NoError(t, err)
		require.Equal(t, now, b.Now)
		lines, err := Compare(t.Context(), b, &fakeStore{of: map[timeline.Minute][]snowflake.ID{noon: ids}}, Ask{From: noon, To: noon + 10, Settle: time.Minute, Timeout: time.Minute})
		require.NoError(t, err)
		require.Equal(t, Equal, lines[0].State)
		require.Equal(t, Settling, lines[9].State)
		require.NoError(t, errors.Join(r.Close(), s.Close()))
	}
}

// Files of line protocol, a pattern of them, with copies, and one that is still being written.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	ids := idsOf(noon, 10)
	line := func(id snowflake.ID, label string) string {
		ns, _ := id.Nano()
		return "decahose_tweet,stream_label=" + label + " text=\"a\nb\",id=" + text(int64(id)) + "i " + text(ns) + "\n"
	}
	write := func(name string, lines ...string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(join(lines)), 0o600))
	}
	write("a.lp", line(ids[0], "prod"), line(ids[1], "prod"), line(ids[2], "other"), line(ids[0], "prod"))
	write("b.lp", line(ids[1], "prod"), line(ids[3], "prod"), line(ids[4], "prod")[:30])
	write("c.txt", line(ids[5], "prod"))
	s := open(t, Config{Type: fileType, Files: []string{filepath.Join(dir, "*.lp")}})
	counts, err := s.Counts(t.Context(), noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 3}, counts)
	found, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, []snowflake.ID{ids[0], ids[1], ids[3]}, found)
	found, err = s.IDs(t.Context(), noon+1)
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = open(t, Config{Type: fileType, Files: []string{filepath.Join(dir, "*.none")}}).Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "no file is there")
	_, err = Open(t.Context(), Config{Type: fileType, Files: []string{"["}})
	require.Error(t, err)
}

// Without ids in the file their times tell them, unless those are rounded.
func TestFilesByTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lp")
	for _, c := range []struct {
		round int64
		err   error
	}{{1, nil}, {1e6, ErrNoIDs}} {
		var lines []string
		for _, id := range idsOf(noon, 20) {
			ns, _ := (id | 99<<12).Nano()
			lines = append(lines, "decahose_tweet,stream_label=prod url_count=1i "+text(ns/c.round*c.round)+"\n")
		}
		require.NoError(t, os.WriteFile(path, []byte(join(lines)), 0o600))
		s := open(t, Config{Type: fileType, Files: []string{path}})
		counts, err := s.Counts(t.Context(), noon, noon+1)
		require.ErrorIs(t, err, c.err)
		if c.err == nil {
			require.Equal(t, map[timeline.Minute]int64{noon: 20}, counts)
		}
	}
}

func TestPoints(t *testing.T) {
	l := Line{Minute: noon, State: Missing, Emitted: 20, Undelivered: 1, Stored: 14, Missing: 6, Repairs: 1}
	p := l.Point("prod", "pg")
	require.Equal(t, "decahose_audit", p.Name)
	require.Equal(t, noon.Nano(), p.Time)
	require.Len(t, p.Fields, 8)
	unknown := Line{Minute: noon, State: Unknown, Stored: -1}
	require.Len(t, unknown.Point("prod", "pg").Fields, 4, "what is not known is absent")
	lines := []Line{l, unknown, {Minute: noon, State: Unrepaired, Stored: 1, Emitted: 2, Missing: 1}, {State: Surplus, Stored: 3, Emitted: 1, Surplus: 2}}
	s := Total(lines)
	require.Equal(t, []int64{23, 18, 7, 2}, []int64{s.Emitted, s.Stored, s.Missing, s.Surplus})
	require.Same(t, &lines[0], s.FirstShort)
	require.Same(t, &lines[2], s.FirstUnrepaired)
}

// TestGone: what a whole Replay did not bring is not missing, and is said.
func TestGone(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	ids := booked(c, noon+1, 10)
	c.Minutes[0].Unique, c.Minutes[0].Emitted, c.Minutes[0].Duplicate = 9, 9, 1
	c.Repairs = []ledger.RepairRecord{{Minute: noon + 1, Times: 2}}
	c.Gone = []ledger.GoneRecord{{Minute: noon + 1, IDs: ids[:1]}}
	dir, r := stateOf(t, c)
	lines, _, err := compareAll(t, dir, r, &fakeStore{of: map[timeline.Minute][]snowflake.ID{noon + 1: ids[1:]}}, noon+1, noon+2)
	require.NoError(t, err)
	require.Equal(t, Gone, lines[0].State)
	require.EqualValues(t, 1, lines[0].Gone)
	require.False(t, lines[0].Differs())
	lines, _, err = compareAll(t, dir, r, &fakeStore{of: map[timeline.Minute][]snowflake.ID{noon + 1: ids[2:]}}, noon+1, noon+2)
	require.NoError(t, err)
	require.Equal(t, Unrepaired, lines[0].State, "another one is missing")
	require.Contains(t, lines[0].Why, "emitted again (2), and not stored")
}

// TestRoundedIDs: a store whose ids went through a float cannot tell Tweets apart, and nothing follows from what it holds.
func TestRoundedIDs(t *testing.T) {
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}}}
	ids := booked(c, noon+1, 10)
	for i := range ids { // node and sequence, as X numbers them
		ids[i] += snowflake.ID(i + 1)
	}
	c.IDs[0].IDs, c.IDs[1].IDs = ids[:10], ids[10:]
	c.Minutes[0].Digest, c.Minutes[1].Digest = ledger.Digest(ids[:10]...), ledger.Digest(ids[10:]...)
	dir, r := stateOf(t, c)
	var stored []snowflake.ID
	for _, id := range ids[1:] {
		stored = append(stored, snowflake.ID(float64(id)))
	}
	lines, b, err := compareAll(t, dir, r, &fakeStore{of: map[timeline.Minute][]snowflake.ID{noon + 1: stored}}, noon+1, noon+2)
	require.NoError(t, err)
	require.Equal(t, Unknown, lines[0].State)
	require.Contains(t, lines[0].Why, "rounds ids")
	require.Zero(t, lines[0].Missing)
	sent, _, err := Wanted(b, lines, 1000*time.Hour, 100)
	require.NoError(t, err)
	require.Empty(t, sent)
}
