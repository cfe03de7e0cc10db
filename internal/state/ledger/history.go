package ledger

import (
	"cmp"
	"maps"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// HistoryMinutes is how far back volumes are remembered: eight weeks, so that each minute of the week came eight times.
const HistoryMinutes = 8 * 7 * 24 * 60

// Unknown is the volume of a minute that was not whole, or is not over.
const Unknown = -1

// hourMinutes is how many minutes share a record.
const hourMinutes = 60

// HourRecord are the volumes of one partition's minutes in one hour, long after their rows were deleted.
type HourRecord struct {
	Partition int
	Hour      int64              // hours since 1970
	Unique    [hourMinutes]int32 // Tweets of the minutes that were whole; Unknown for the others
}

// Minute is minute i of the hour.
func (r *HourRecord) Minute(i int) timeline.Minute {
	return timeline.Minute(r.Hour*hourMinutes) + timeline.Minute(i)
}

// History is what is remembered of the volumes of all partitions' whole minutes. One owner; no lock.
type History struct {
	hours   map[hourKey]*HourRecord
	changed map[hourKey]bool
}

type hourKey struct {
	partition int
	hour      int64
}

// NewHistory returns an empty one.
func NewHistory() *History {
	return &History{hours: make(map[hourKey]*HourRecord), changed: make(map[hourKey]bool)}
}

// Restore puts back what was stored.
func (h *History) Restore(records []HourRecord) {
	for _, r := range records {
		h.hours[hourKey{r.Partition, r.Hour}] = &r
	}
}

// Set says how many Tweets a whole minute had, or, with Unknown, that it was not whole.
func (h *History) Set(partition int, m timeline.Minute, unique int64) {
	k, i := hourKey{partition, floorHour(m)}, int(m-timeline.Minute(floorHour(m)*hourMinutes))
	r := h.hours[k]
	if r == nil {
		if unique == Unknown {
			return
		}
		r = &HourRecord{Partition: partition, Hour: k.hour}
		for j := range r.Unique {
			r.Unique[j] = Unknown
		}
		h.hours[k] = r
	}
	if n := int32(min(unique, 1<<31-1)); r.Unique[i] != n {
		r.Unique[i] = n
		h.changed[k] = true
	}
}

// Unique is how many Tweets a minute had; Unknown where it was not whole.
func (h *History) Unique(partition int, m timeline.Minute) int64 {
	hour := floorHour(m)
	if r := h.hours[hourKey{partition, hour}]; r != nil {
		return int64(r.Unique[int64(m)-hour*hourMinutes])
	}
	return Unknown
}

// Each calls f for each minute that is known, oldest first.
func (h *History) Each(f func(m timeline.Minute, partition int, unique int64)) {
	keys := slices.SortedFunc(maps.Keys(h.hours), hourKey.compare)
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n].hour == keys[0].hour {
			n++
		}
		for i := range hourMinutes {
			for _, k := range keys[:n] {
				if r := h.hours[k]; r.Unique[i] != Unknown {
					f(r.Minute(i), k.partition, int64(r.Unique[i]))
				}
			}
		}
		keys = keys[n:]
	}
}

func (a hourKey) compare(b hourKey) int {
	return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.partition, b.partition))
}

func floorHour(m timeline.Minute) int64 {
	k := int64(m) / hourMinutes
	if int64(m)%hourMinutes < 0 {
		k--
	}
	return k
}

// Take returns the records that changed since it was last called, in order.
func (h *History) Take() (all []HourRecord) {
	for _, k := range slices.SortedFunc(maps.Keys(h.changed), hourKey.compare) {
		all = append(all, *h.hours[k])
	}
	clear(h.changed)
	return all
}

// Return takes back records that could not be stored: they go with the next.
func (h *History) Return(records []HourRecord) {
	for _, r := range records {
		if k := (hourKey{r.Partition, r.Hour}); h.hours[k] != nil {
			h.changed[k] = true
		}
	}
}

// Forget drops the hours that ended before minute m.
func (h *History) Forget(m timeline.Minute) {
	gone := func(k hourKey) bool { return timeline.Minute((k.hour+1)*hourMinutes) <= m }
	maps.DeleteFunc(h.hours, func(k hourKey, _ *HourRecord) bool { return gone(k) })
	maps.DeleteFunc(h.changed, func(k hourKey, _ bool) bool { return gone(k) })
}
