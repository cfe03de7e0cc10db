package core

import (
	"maps"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// shelf is a store in memory: what internal/state/store makes of the Commits, without the disk.
type shelf struct {
	minutes    map[shelfKey]ledger.MinuteRecord
	deliveries map[shelfKey]ledger.DeliveryRecord
	copies     map[shelfKey]ledger.CopyRecord
	hours      map[shelfKey]ledger.HourRecord
	gaps       map[shelfKey]ledger.GapRecord
	partitions map[int]ledger.PartitionRecord
	requests   map[int64]ledger.RequestRecord
	ids        map[timeline.Minute]map[int][]snowflake.ID
	answers    []ledger.Answer
	repairs    map[timeline.Minute]ledger.RepairRecord
	gone       map[timeline.Minute]ledger.GoneRecord
	fills      map[timeline.Minute]ledger.FillRecord
	last       *ledger.Commit
	commits    int
}

type shelfKey struct {
	partition int
	minute    timeline.Minute
}

func newShelf() *shelf {
	return &shelf{minutes: map[shelfKey]ledger.MinuteRecord{}, deliveries: map[shelfKey]ledger.DeliveryRecord{}, copies: map[shelfKey]ledger.CopyRecord{}, hours: map[shelfKey]ledger.HourRecord{},
		gaps:       map[shelfKey]ledger.GapRecord{},
		partitions: map[int]ledger.PartitionRecord{}, requests: map[int64]ledger.RequestRecord{},
		ids: map[timeline.Minute]map[int][]snowflake.ID{}, repairs: map[timeline.Minute]ledger.RepairRecord{},
		gone: map[timeline.Minute]ledger.GoneRecord{}, fills: map[timeline.Minute]ledger.FillRecord{}}
}

// commit takes a Commit; later rows of one key replace earlier ones.
func (s *shelf) commit(k *ledger.Commit) {
	s.last = k
	s.commits++
	for _, g := range k.IDs {
		if s.ids[g.Minute] == nil {
			s.ids[g.Minute] = map[int][]snowflake.ID{}
		}
		s.ids[g.Minute][g.Partition] = append(s.ids[g.Minute][g.Partition], g.IDs...)
	}
	for _, m := range k.Minutes {
		s.minutes[shelfKey{m.Partition, m.Minute}] = m
	}
	for _, d := range k.Deliveries {
		s.deliveries[shelfKey{d.Partition, d.Minute}] = d
	}
	for _, r := range k.Copies {
		s.copies[shelfKey{r.Partition, r.Minute}] = r
	}
	for _, r := range k.Hours {
		s.hours[shelfKey{r.Partition, r.Minute(0)}] = r
	}
	for _, g := range k.Gaps {
		s.gaps[shelfKey{g.Partition, g.First()}] = g
	}
	for _, p := range k.Partitions {
		s.partitions[p.Partition] = p
	}
	for _, r := range k.Repairs {
		s.repairs[r.Minute] = r
	}
	for _, r := range k.Gone {
		s.gone[r.Minute] = r
	}
	for _, r := range k.Fills {
		s.fills[r.Minute] = r
	}
	for _, r := range k.Requests {
		s.requests[r.ID] = r
	}
	s.answers = append(s.answers, k.Answers...)
	maps.DeleteFunc(s.minutes, func(at shelfKey, _ ledger.MinuteRecord) bool { return at.minute < k.Keep })
	maps.DeleteFunc(s.deliveries, func(at shelfKey, _ ledger.DeliveryRecord) bool { return at.minute < k.Keep })
	maps.DeleteFunc(s.copies, func(at shelfKey, _ ledger.CopyRecord) bool { return at.minute < k.Keep })
	maps.DeleteFunc(s.gaps, func(at shelfKey, g ledger.GapRecord) bool {
		return at.minute < k.Keep && (g.State == ledger.GapRecovered || g.State == ledger.GapLost)
	})
	maps.DeleteFunc(s.ids, func(m timeline.Minute, _ map[int][]snowflake.ID) bool { return m < k.Keep })
}

// remember lets a process have listened for four weeks before minute end.
func (s *shelf) remember(partitions []int, end timeline.Minute, unique int) {
	h := ledger.NewHistory()
	for m := end - 4*7*24*60; m < end; m++ {
		for _, p := range partitions {
			h.Set(p, m, int64(unique))
		}
	}
	s.commit(&ledger.Commit{Hours: h.Take(), Clean: true, Moment: ledger.Moment{Wall: end.Nano()}})
}

// load is all ids of a minute.
func (s *shelf) load(m timeline.Minute) (ids []snowflake.ID) {
	for _, part := range s.ids[m] {
		ids = append(ids, part...)
	}
	return ids
}

// past is what the next process is told.
func (s *shelf) past() *ledger.Past {
	p := &ledger.Past{IDs: map[timeline.Minute]map[int]int{}}
	if s.last == nil {
		return p
	}
	p.Known, p.Clean, p.Moment, p.Connects = true, s.last.Clean, s.last.Moment, s.last.Connects
	for _, at := range slices.SortedFunc(maps.Keys(s.deliveries), shelfKey.compare) {
		p.Deliveries = append(p.Deliveries, s.deliveries[at])
	}
	for _, at := range slices.SortedFunc(maps.Keys(s.minutes), shelfKey.compare) {
		p.Minutes = append(p.Minutes, s.minutes[at])
	}
	for _, at := range slices.SortedFunc(maps.Keys(s.copies), shelfKey.compare) {
		p.Copies = append(p.Copies, s.copies[at])
	}
	for _, at := range slices.SortedFunc(maps.Keys(s.hours), shelfKey.compare) {
		p.Hours = append(p.Hours, s.hours[at])
	}
	for _, at := range slices.SortedFunc(maps.Keys(s.gaps), shelfKey.compare) {
		p.Gaps = append(p.Gaps, s.gaps[at])
	}
	for _, id := range slices.Sorted(maps.Keys(s.partitions)) {
		p.Partitions = append(p.Partitions, s.partitions[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.requests)) {
		p.Requests = append(p.Requests, s.requests[id])
	}
	for _, m := range slices.Sorted(maps.Keys(s.repairs)) {
		p.Repairs = append(p.Repairs, s.repairs[m])
	}
	for _, m := range slices.Sorted(maps.Keys(s.gone)) {
		p.Gone = append(p.Gone, s.gone[m])
	}
	for _, m := range slices.Sorted(maps.Keys(s.fills)) {
		p.Fills = append(p.Fills, s.fills[m])
	}
	for m, of := range s.ids {
		p.IDs[m] = map[int]int{}
		for partition, ids := range of {
			p.IDs[m][partition] = len(ids)
		}
	}
	return p
}

func (a shelfKey) compare(b shelfKey) int {
	return (int(a.minute)-int(b.minute))*16 + a.partition - b.partition
}
