package volume

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	day   = 24 * 60
	week  = 7 * day
	weeks = 6
	near  = 7 // minutes on either side that tell what a minute was like
	least = 5 // of them must be known
	// mature is how many weeks a minute of the week must be known from before their median withstands one of them being wild.
	mature = 3
)

// history is what whole minutes held, of the last six weeks. The zero value has none.
type history struct {
	counts []int32 // a ring by minute; -1: not known
	newest timeline.Minute
	some   bool // newest means something
}

func (h *history) index(m timeline.Minute) int {
	n := timeline.Minute(len(h.counts))
	return int(((m % n) + n) % n)
}

func (h *history) slot(m timeline.Minute) *int32 { return &h.counts[h.index(m)] }

// put takes a minute's count. What is too old to matter is not taken.
func (h *history) put(m timeline.Minute, count int64) {
	if h.counts == nil {
		h.counts = slices.Repeat([]int32{-1}, weeks*week+64)
	}
	length := timeline.Minute(len(h.counts))
	switch {
	case !h.some:
		h.newest, h.some = m, true
	case m <= h.newest-length:
		return
	}
	for h.newest < m {
		h.newest = max(h.newest+1, m-length)
		*h.slot(h.newest) = -1
	}
	*h.slot(m) = int32(min(count, 1<<31-1))
}

// get is a minute's count, -1 if it is not known.
func (h *history) get(m timeline.Minute) int32 {
	if !h.some || m > h.newest || m <= h.newest-timeline.Minute(len(h.counts)) {
		return -1
	}
	return *h.slot(m)
}

// around is the median of the minutes near m.
func (h *history) around(m timeline.Minute) (int32, bool) {
	from, to := max(m-near, h.newest-timeline.Minute(len(h.counts))+1), min(m+near, h.newest)
	if !h.some || from > to {
		return 0, false
	}
	var kept [2*near + 1]int32
	n, at := 0, h.index(from)
	for range to - from + 1 {
		if c := h.counts[at]; c >= 0 {
			insert(kept[:n+1], c)
			n++
		}
		if at++; at == len(h.counts) {
			at = 0
		}
	}
	return kept[n/2], n >= least
}

// insert puts c into sorted, whose last place is free. For so few it is faster than to sort them.
func insert(sorted []int32, c int32) {
	k := len(sorted) - 1
	for ; k > 0 && sorted[k-1] > c; k-- {
		sorted[k] = sorted[k-1]
	}
	sorted[k] = c
}

// expect is what minute m should hold: the median over the same minute of earlier weeks, or while there is none of
// earlier days. known is how many weeks it rests on; it is none if not ok.
func (h *history) expect(m timeline.Minute) (expected float64, known int, ok bool) {
	var kept [max(weeks, 7)]int32
	n := h.collect(kept[:weeks], m, week)
	known = n
	if n == 0 {
		n = h.collect(kept[:7], m, day)
	}
	if n == 0 {
		return 0, 0, false
	}
	slices.Sort(kept[:n])
	expected = (float64(kept[(n-1)/2]) + float64(kept[n/2])) / 2
	return expected, known, expected > 0
}

// collect fills into with what the minute was like in earlier periods, and says in how many it is known.
func (h *history) collect(into []int32, m, period timeline.Minute) (n int) {
	for i := range into {
		if c, ok := h.around(m - timeline.Minute(i+1)*period); ok {
			into[n] = c
			n++
		}
	}
	return n
}
