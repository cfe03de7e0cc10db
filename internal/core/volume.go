package core

import (
	"maps"
	"slices"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// tell reports the closed minutes that changed, each at most once per interval; at the end, all.
func (c *Core) tell(final bool) {
	told := make(map[timeline.Minute]bool)
	covers := c.covers()
	// What is seen of a minute that nothing was posted to changes only while connections catch up.
	recent := timeline.MinuteOf(c.clock.At(c.now)) - 60
	for _, seen := range covers {
		for _, m := range seen.book.Minutes() {
			r := seen.book.Find(m)
			if !final && (!r.Closed() || !r.Dirty() && m < recent || c.early(m)) {
				continue
			}
			v := seen.volume(m)
			if !r.Changed(v.View) {
				continue
			}
			r.Told(c.now.UnixNano(), v.View)
			told[m] = true
			c.revised(seen.partition, m, v.State)
			c.putVolume(strconv.Itoa(seen.id), m, v, c.volumes.Grade(seen.index, m))
		}
	}
	for _, m := range c.any.book.Minutes() {
		if r := c.any.book.Find(m); r.Changed(ledger.View{}) && (final || r.Closed() && !c.early(m)) {
			r.Told(c.now.UnixNano(), ledger.View{})
			told[m] = true
		}
	}
	for _, m := range slices.Sorted(maps.Keys(told)) {
		if v, ok := c.sum(covers, m); ok || final {
			c.putVolume("all", m, v, c.volumes.GradeOfAll(m))
		}
	}
}

// early reports whether any partition's minute was told within the interval: the sum would be told
// again too. What is being told at this very moment does not count.
func (c *Core) early(m timeline.Minute) bool {
	now := c.now.UnixNano()
	for i := range len(c.partitions) + 1 {
		if r := c.at(i).book.Find(m); r != nil && r.ToldAt() < now && now-r.ToldAt() < int64(c.cfg.Interval) {
			return true
		}
	}
	return false
}

// cover is the coverage of a partition at one moment: of all its connections together, and of each.
type cover struct {
	*partition
	all  *timeline.Set
	each []timeline.Set
	kept int64 // id time, Unix ms: what lies before may have been forgotten
	stop bool  // connections end by our own will, which says nothing against what was told
}

func (c *Core) covers() []cover {
	kept := c.keep().Milli()
	list := make([]cover, len(c.partitions))
	for k, p := range c.partitions {
		list[k] = cover{partition: p, all: c.coverage(p), each: make([]timeline.Set, len(p.conns)), kept: kept, stop: c.stopping}
		for i, n := range p.conns {
			list[k].each[i].AddSet(&n.coverage)
			list[k].each[i].Add(n.span())
		}
	}
	return list
}

// volume of one minute.
func (s *cover) volume(m timeline.Minute) (v report.Minute) {
	if r := s.book.Find(m); r != nil {
		v.Row = *r
	}
	v.Covered = s.all.Covered(m.Span())
	for i := range s.each {
		if s.each[i].Covered(m.Span()) == timeline.MinuteMilli {
			v.Connections++
		}
	}
	last := v.LastView()
	if m.Milli() < s.kept || s.stop && v.ToldAt() != 0 { // coverage was forgotten, or ended by our own will
		v.Covered = max(v.Covered, last.Covered)
		v.Connections = max(v.Connections, last.Connections)
	}
	if v.Past() {
		v.Connections = max(v.Connections, last.Connections)
	}
	v.State = s.book.StateOf(m, v.Covered == timeline.MinuteMilli)
	return v
}

// sum adds up the partitions, and what has none; ok is false while one of them has not closed the minute.
func (c *Core) sum(covers []cover, m timeline.Minute) (all report.Minute, ok bool) {
	all.Covered, ok = timeline.MinuteMilli, true
	if r := c.any.book.Find(m); r != nil {
		all.Add(r)
	}
	for i := range covers {
		v := covers[i].volume(m)
		ok = ok && (v.Closed() || covers[i].book.Find(m) == nil)
		all.Add(&v.Row)
		all.Connections += v.Connections
		all.Covered = min(all.Covered, v.Covered)
		all.State = max(all.State, v.State)
	}
	return all, ok
}

func (c *Core) putVolume(partition string, m timeline.Minute, v report.Minute, g *volume.Grade) {
	c.put((&report.Volume{Minute: v, Partition: partition, At: m, Acknowledged: c.cfg.Acknowledged, Grade: g, Fill: c.fills.Record(m)}).Point(c.cfg.StreamLabel))
}
