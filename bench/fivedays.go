package main

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	horizon     = 120 * time.Hour // the plugin's default recovery_horizon
	commitEvery = 5 * time.Second // core commits facts so often
	partitions  = 2
	idBits      = 22 // of an id, below its millisecond

	// stateName is where the plugin of config keeps its state, below state_directory.
	stateName = "bench_sample10_bench"
)

// idSource draws ids as independent Tweets have them: arrivals are a Poisson process, node and sequence are random.
// Nothing about them can be guessed but their time, which is the worst case for what they take on disk.
type idSource struct {
	rng  *rand.Rand
	rate float64 // per second, of one partition
}

func newIDs(rate float64) *idSource {
	return &idSource{rand.New(rand.NewPCG(worldSeed, 's')), rate / partitions}
}

// in appends those of a span, in order.
func (s *idSource) in(dst []snowflake.ID, span timeline.Span) []snowflake.ID {
	start := len(dst)
	for at := float64(span.From); ; {
		at += s.rng.ExpFloat64() * 1000 / s.rate
		if int64(at) >= span.To {
			return dst
		}
		dst = append(dst, snowflake.First(int64(at))|snowflake.ID(s.rng.Int64N(1<<idBits)))
		for i := len(dst) - 1; i > start && dst[i] < dst[i-1]; i-- { // of one millisecond
			dst[i], dst[i-1] = dst[i-1], dst[i]
		}
	}
}

// wholeMinute is the row of a minute that two connections covered.
func wholeMinute(partition int, m timeline.Minute, ids []snowflake.ID) ledger.MinuteRecord {
	n := int64(len(ids))
	return ledger.MinuteRecord{Partition: partition, Minute: m, Received: 2 * n, Unique: n, Duplicate: n, Emitted: n, Bytes: 2 * 5200 * n,
		Connections: 2, Covered: []timeline.Span{m.Span()}, State: ledger.Whole, Digest: ledger.Digest(ids...)}
}

// momentAt is a Moment without the clock of a boot.
func momentAt(ms int64) ledger.Moment { return ledger.Moment{Wall: ms * 1e6, Stream: ms} }

// history writes the state that a process leaves behind which ran from ≤ t < to.
type history struct {
	ids      *idSource
	from, to timeline.Minute
	count    int // of ids
}

// write makes the state in dir: minutes of the last hours as they were committed, older ones merged.
func (h *history) write(dir string) error {
	s, _, err := store.Open(dir, store.Options{Horizon: horizon})
	if err != nil {
		return err
	}
	for m := h.from; m < h.to && err == nil; m += 60 {
		err = s.Commit(h.commit(m, min(m+60, h.to)))
	}
	return errors.Join(err, s.Close())
}

// unmergedFrom is the first minute whose ids the store has not merged yet: it does so when an hour is over for two.
func (h *history) unmergedFrom() timeline.Minute { return (h.to/60 - 2) * 60 }

// commit is what all commits of the minutes left together.
func (h *history) commit(from, to timeline.Minute) *ledger.Commit {
	c := &ledger.Commit{Keep: h.from, Moment: momentAt(to.Milli()), Clean: to == h.to}
	for p := 1; p <= partitions; p++ {
		c.Partitions = append(c.Partitions, ledger.PartitionRecord{Partition: p, Begin: h.from.Milli(), Position: to.Milli()})
		for m := from; m < to; m++ {
			ids := h.ids.in(nil, m.Span())
			h.count += len(ids)
			c.Minutes = append(c.Minutes, wholeMinute(p, m, ids))
			c.IDs = append(c.IDs, h.blocks(p, m, ids)...)
		}
	}
	return c
}

// blocks cuts the ids of a minute as commits did that were not merged since.
func (h *history) blocks(partition int, m timeline.Minute, ids []snowflake.ID) (all []ledger.IDs) {
	if m < h.unmergedFrom() {
		return []ledger.IDs{{Partition: partition, Minute: m, IDs: ids}}
	}
	for at := m.Milli() + commitEvery.Milliseconds(); len(ids) > 0; at += commitEvery.Milliseconds() {
		n := 0
		for n < len(ids) && ids[n].Milli() < at {
			n++
		}
		all = append(all, ledger.IDs{Partition: partition, Minute: m, IDs: ids[:n]})
		ids = ids[n:]
	}
	return all
}

// filesIn calls visit for each file below dir.
func filesIn(dir string, visit func(path string, size int64) error) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return visit(path, info.Size())
	})
}

func bytesIn(dir string) (n int64, err error) {
	err = filesIn(dir, func(_ string, size int64) error { n += size; return nil })
	return n, err
}
