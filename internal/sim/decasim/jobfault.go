package decasim

import (
	"fmt"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"slices"
	"strings"
	"time"
)

// isoSecond is how X writes times in its messages.
const isoSecond = "2006-01-02T15:04:05+00:00"

// plan draws where the faults of a job come about.
func (j *job) plan(r *rng.Rand) {
	first, last := j.from/60_000, (j.to-1)/60_000
	if f := j.troubles.of[ReplayErrors]; f != nil {
		j.failed = map[int64]int{first + int64(r.N(int(last-first+1))): 2 * r.N(2)}
		for m := first; m <= last; m++ {
			if r.Chance(f.Share) {
				j.failed[m] = 2 * r.N(2)
			}
		}
	}
	if j.troubles.of[ReplayFailed] != nil {
		j.breakAt = first + int64(r.N(int(last-first+1)))
	}
	if f := j.troubles.of[ReplayCut]; f != nil {
		if j.cutAfter = f.AfterRecords; j.cutAfter == 0 {
			j.cutAfter = r.N(20)
		}
	}
}

// draws says whether a fault that befalls a share of the records befalls the next one.
func (j *job) draws(k Kind, r *rng.Rand, now time.Time) bool {
	f := j.troubles.of[k]
	if f == nil || !r.Chance(f.Share) {
		return false
	}
	j.troubles.strike(k, now)
	return true
}

// holds says whether a stall or a silence is on.
func (c *conn) holds(k Kind, now time.Time) bool {
	j := c.job
	f := j.troubles.of[k]
	if f == nil || j.count < f.AfterRecords {
		return false
	}
	since, begun := j.held[k]
	if !begun {
		since, j.held[k] = now, now
		j.troubles.strike(k, now)
		if c.records > 0 {
			c.flush(now)
		}
	}
	return f.For == 0 || now.Sub(since) < f.For
}

// cuts ends the job in the middle of its next record, if that is due.
func (c *conn) cuts(now time.Time) bool {
	j := c.job
	f := j.troubles.of[ReplayCut]
	if f == nil || j.count < j.cutAfter {
		return false
	}
	j.troubles.strike(ReplayCut, now)
	if c.records > 0 {
		c.flush(now)
	}
	c.pending = []item{{id: j.found[0].ID}}
	c.cutInside(CutRecord)
	c.finish(ending{mode: f.End, reason: string(ReplayCut)})
	return true
}

// breaks ends a job that fails to complete, if that is due. Some of the minute that it names as the
// first unprocessed one may have been delivered.
func (c *conn) breaks(now time.Time) bool {
	j := c.job
	f := j.troubles.of[ReplayFailed]
	if f == nil {
		return false
	}
	minute, over := min(j.at, j.to-1)/60_000, j.at >= j.to && len(j.found) == 0
	if len(j.found) > 0 {
		minute = j.found[0].ID.Milli() / 60_000
	}
	switch {
	case f.AfterRecords > 0 && j.count < f.AfterRecords, f.AfterRecords == 0 && minute < j.breakAt:
		return false
	case f.AfterRecords == 0 && minute == j.breakAt && !over && !c.rng.Chance(0.2):
		return false
	case f.AfterRecords == 0:
		minute = j.breakAt
	}
	j.troubles.strike(ReplayFailed, now)
	c.last(now, j.kind.words+" Request Failed to Complete", fmt.Sprintf(`"unprocessed_range":{"fromDate":"%s","toDate":"%s"},%s`,
		iso(max(minute*60_000, j.from)), iso(j.to), j.activityCount()), string(ReplayFailed))
	return true
}

// lies says whether a job that lies leaves the Tweet out.
func (c *conn) lies(now time.Time, t world.Tweet) bool {
	j := c.job
	f := j.troubles.of[ReplayLie]
	if f == nil {
		return false
	}
	j.troubles.strike(ReplayLie, now)
	if f.Variant == "tenth" {
		return !c.rng.Chance(0.1)
	}
	if slices.Contains(j.told, t.Partition) {
		return true
	}
	j.told = append(j.told, t.Partition)
	return false
}

func iso(ms int64) string { return time.UnixMilli(ms).UTC().Format(isoSecond) }

// activityCount is what the last message says of it.
func (j *job) activityCount() string {
	if f := j.troubles.of[ReplayLie]; f != nil && f.Variant == "no-count" {
		return `"activity_count":null`
	}
	return fmt.Sprintf(`"activity_count":%d`, j.count)
}

func (j *job) minutesFailed() string {
	var all []string
	for m := range j.failed {
		all = append(all, `"`+iso(m*60_000)+`"`)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// stray writes a Tweet of the hour before the first minute asked for, if there is one.
func (c *conn) stray(now time.Time) {
	j := c.job
	at := j.from - 1 - int64(c.rng.N(3_600_000))
	for end := min(j.from, at+60_000); at < end; {
		j.slice, at = c.s.span(j.slice[:0], at, end)
		for _, t := range slices.DeleteFunc(j.slice, c.lacks) {
			j.troubles.strike(ReplayStray, now)
			j.count++
			c.write(c.record(item{id: t.ID}), t.ID)
			return
		}
	}
}
