package store

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const horizon = 5 * 24 * time.Hour

// idsIn draws n ids of the span, with random node and sequence.
func idsIn(rng *rand.Rand, s timeline.Span, n int) []snowflake.ID {
	ids := make([]snowflake.ID, n)
	for i := range ids {
		ids[i] = snowflake.First(s.From+rng.Int64N(s.Len())) | snowflake.ID(rng.Int64N(1<<lowBits))
	}
	return ids
}

// history makes commits as a core would, and remembers all that they held.
type history struct {
	rng    *rand.Rand
	seq    uint64
	ids    map[timeline.Minute]map[int][]snowflake.ID
	rows   map[string]bool // every row ever committed, printed
	latest map[int64]ledger.MinuteRecord

	position int64 // the highest ever committed
}

func newHistory(seed uint64) *history {
	return &history{rng: rand.New(rand.NewPCG(seed, 1)), ids: make(map[timeline.Minute]map[int][]snowflake.ID),
		rows: make(map[string]bool), latest: make(map[int64]ledger.MinuteRecord)}
}

// commit is that of minute m: n ids and a row for both partitions, and one of each other kind.
func (h *history) commit(m timeline.Minute, n int) *ledger.Commit {
	h.seq++
	c := &ledger.Commit{Seq: h.seq, Connects: []int64{m.Nano(), m.Nano() + int64(h.seq)},
		Moment: ledger.Moment{Wall: m.Nano() + 1, Stream: m.Milli() + 2, Boot: "b", Uptime: int64(h.seq)}}
	for p := 1; p <= 2; p++ {
		ids := idsIn(h.rng, m.Span(), n)
		if h.ids[m] == nil {
			h.ids[m] = make(map[int][]snowflake.ID)
		}
		h.ids[m][p] = append(h.ids[m][p], ids...)
		all := int64(len(h.ids[m][p]))
		row := ledger.MinuteRecord{Partition: p, Minute: m, Received: all + 1, Unique: all, Duplicate: 1, Late: 2, Emitted: all, Bytes: 5 * all,
			Connections: 2, Covered: []timeline.Span{{From: m.Milli(), To: m.Milli() + 1000}, {From: m.Milli() + 5000, To: (m + 1).Milli()}},
			State: ledger.State(h.rng.IntN(5)), Digest: ledger.Digest(h.ids[m][p]...)}
		c.Deliveries = append(c.Deliveries, ledger.DeliveryRecord{Partition: p, Minute: m,
			Tracked: ledger.Tracked{Delivered: all - 3, Refused: 2, Untracked: 1, DeliveredDigest: row.Digest + 1}})
		c.Copies = append(c.Copies, ledger.CopyRecord{Partition: p, Minute: m, Backfill: int64(h.seq), Replay: 1})
		volumes := ledger.HourRecord{Partition: p, Hour: int64(m) / 60}
		for i := range volumes.Unique {
			volumes.Unique[i] = int32(i)*int32(h.seq) - 1
		}
		c.Hours = append(c.Hours, volumes)
		c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: ids})
		c.Minutes = append(c.Minutes, row)
		c.Partitions = append(c.Partitions, ledger.PartitionRecord{Partition: p, Begin: m.Milli() - 1000, Position: m.Milli() + int64(h.seq)})
		h.latest[key(m, p)] = row
		h.position = max(h.position, m.Milli()+int64(h.seq))
	}
	g := ledger.GapRecord{Partition: 1, Span: timeline.Span{From: m.Milli() + 1, To: m.Milli() + 70_000}, State: ledger.GapState(h.rng.IntN(4)),
		Cause: "eof", FilledBy: "replay", Tweets: 9, Dark: h.seq%2 == 0, Opened: m.Nano(), Asked: 3}
	c.Gaps = append(c.Gaps, g)
	c.Repairs = append(c.Repairs, ledger.RepairRecord{Minute: m, Times: 2, At: m.Nano(), Pending: slices.Sorted(slices.Values(h.ids[m][1][:min(2, n)]))})
	c.Requests = append(c.Requests, ledger.RequestRecord{ID: int64(h.seq), Method: "replay", From: m - 5, To: m, At: m.Nano(), Ended: m.Nano() * int64(h.seq%2),
		Status: 200, Result: "completed", Tweets: 7, New: 3})
	h.note(c)
	return c
}

func (h *history) note(c *ledger.Commit) {
	p := &ledger.Past{Minutes: c.Minutes, Copies: c.Copies, Deliveries: c.Deliveries, Hours: c.Hours, Repairs: c.Repairs, Gaps: c.Gaps, Partitions: c.Partitions, Requests: c.Requests, Connects: c.Connects, Moment: c.Moment}
	for _, row := range rowsIn(p) {
		h.rows[row] = true
	}
}

// rowsIn prints all rows, but for partitions that were derived.
func rowsIn(p *ledger.Past) (rows []string) {
	for _, r := range p.Minutes {
		rows = append(rows, fmt.Sprintf("minute %+v", r))
	}
	for _, r := range p.Copies {
		rows = append(rows, fmt.Sprintf("copies %+v", r))
	}
	for _, r := range p.Hours {
		rows = append(rows, fmt.Sprintf("hour %+v", r))
	}
	for _, r := range p.Deliveries {
		rows = append(rows, fmt.Sprintf("delivery %+v", r))
	}
	for _, r := range p.Repairs {
		rows = append(rows, fmt.Sprintf("repair %+v", r))
	}
	for _, r := range p.Gaps {
		rows = append(rows, fmt.Sprintf("gap %+v", r))
	}
	for _, r := range p.Partitions {
		rows = append(rows, fmt.Sprintf("partition %+v", r))
	}
	for _, r := range p.Requests {
		rows = append(rows, fmt.Sprintf("request %+v", r))
	}
	for _, r := range p.Connects {
		rows = append(rows, fmt.Sprintf("connect %d", r))
	}
	if p.Moment != (ledger.Moment{}) {
		rows = append(rows, fmt.Sprintf("moment %+v", p.Moment))
	}
	return rows
}

func (h *history) all(m timeline.Minute) (ids []snowflake.ID) {
	for _, of := range h.ids[m] {
		ids = append(ids, of...)
	}
	slices.Sort(ids)
	return ids
}

// scratch is a directory that is gone after the test: in memory where there is one, for tests that sync a lot.
func scratch(t testing.TB) string {
	t.Helper()
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = t.TempDir()
	}
	dir, err := os.MkdirTemp(base, "store")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func thisMinute() timeline.Minute { return timeline.MinuteOf(time.Now().UnixMilli()) }

func mustOpen(t testing.TB, dir string) (*Store, *ledger.Past) {
	t.Helper()
	s, past, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err)
	return s, past
}

// copyDir copies the files as they are at this moment, as a power cut would leave them. The lock stays behind.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), dirMode)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, fileMode)
	}))
}

func endOf(s *Store, h hour) int64 {
	_, size := s.ids.end(h)
	return size
}
