package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// restHours is how many hours an hour must be over before its blocks are merged: by then only Replay and
// Recovery still add to it.
const restHours = 2

// prune deletes the files of hours that ended before the minute keep, and the oldest ones beyond limit.
func (s *idStore) prune(keep timeline.Minute, limit int) error {
	s.mu.Lock()
	hours := slices.Sorted(maps.Keys(s.hours))
	s.mu.Unlock()
	var errs []error
	for i, h := range hours {
		if (h+1).first() > keep && len(hours)-i <= limit {
			break
		}
		s.mu.Lock()
		last := s.hours[h].beside
		delete(s.hours, h)
		s.mu.Unlock()
		for n := range last + 1 {
			if err := os.Remove(h.pathOf(s.dir, n)); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, fmt.Errorf("delete old ids: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// mergeOne merges the blocks of the oldest hour that ended restHours before now and has several blocks
// of one minute and partition, into one block each. It does one hour, to be done soon.
func (s *idStore) mergeOne(now timeline.Minute) error {
	h, blocks := s.worthMerging(hourOf(now) - restHours)
	if blocks == nil {
		return nil
	}
	temp := h.path(s.dir) + ".new"
	defer os.Remove(temp) //nolint:errcheck // after the rename there is none
	merged, err := s.rewrite(temp, h, blocks)
	switch {
	case errors.Is(err, ErrDamaged):
		s.leave(h) // what can be read of it stays where it is
		return nil
	case err == nil:
		err = s.swap(temp, h, merged)
	}
	if err != nil {
		return fmt.Errorf("merge ids of %s: %w", h.name(), err)
	}
	return durable.Dir(filepath.Join(s.dir, idsDir))
}

// leave marks the hour as not to be merged.
func (s *idStore) leave(h hour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hours[h].damaged = true
}

// swap puts the merged file in the place of the hour's, and its index with it. Those who read meanwhile read again.
func (s *idStore) swap(temp string, h hour, merged []block) error {
	s.mu.Lock()
	x := s.hours[h]
	x.generation++
	s.mu.Unlock()

	err := os.Rename(temp, h.path(s.dir))

	s.mu.Lock()
	defer s.mu.Unlock()
	x.generation++
	if err != nil {
		return err
	}
	x.blocks, x.size = make(map[timeline.Minute][]block), 0
	for _, b := range merged {
		x.add(b)
	}
	return nil
}

// worthMerging finds an hour before end, and its blocks in order.
func (s *idStore) worthMerging(end hour) (hour, []block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range slices.Sorted(maps.Keys(s.hours)) {
		x := s.hours[h]
		if h >= end || x.damaged {
			continue
		}
		var blocks []block
		for _, of := range x.blocks {
			blocks = append(blocks, of...)
		}
		slices.SortFunc(blocks, func(a, b block) int {
			return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.partition, b.partition))
		})
		keys := len(slices.CompactFunc(slices.Clone(blocks), sameAccount))
		if len(blocks) >= 2*keys && keys > 0 {
			return h, blocks
		}
	}
	return 0, nil
}

func sameAccount(a, b block) bool { return a.minute == b.minute && a.partition == b.partition }

// rewrite puts the ids of the sorted blocks into a new file, one block for each minute and partition.
func (s *idStore) rewrite(temp string, h hour, blocks []block) (merged []block, err error) {
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, err
	}
	merged, err = s.copyMerged(f, h, blocks)
	return merged, errors.Join(err, f.Sync(), f.Close())
}

func (s *idStore) copyMerged(f *os.File, h hour, blocks []block) (merged []block, err error) {
	var ids []snowflake.ID
	var out []byte
	at := int64(0)
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && sameAccount(blocks[0], blocks[n]) {
			n++
		}
		if ids, err = s.read(h, blocks[:n], ids[:0]); err != nil {
			return nil, err
		}
		out = s.codec.append(out[:0], blocks[0].partition, blocks[0].minute, ids, func(offset int, head header) {
			merged = append(merged, block{header: head, offset: at + int64(offset)})
		})
		if _, err := f.Write(out); err != nil {
			return nil, err
		}
		at += int64(len(out))
		blocks = blocks[n:]
	}
	return merged, nil
}
