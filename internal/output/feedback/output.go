package feedback

import (
	"cmp"
	"math"
	"slices"
)

// output is what is known of one output's buffer. Metrics are numbered from 1 in the order in which they were added.
type output struct {
	last  Report
	left  int64  // so many had left at the last report
	lost  int64  // added and gone with an earlier buffer that the counters outlived, at a reload of the agent
	floor int64  // the metrics up to this number have left for certain; -1: not known yet
	marks []mark // in the order of time; the first is the latest that is not above the floor, if there is one
}

// mark says how many metrics had been added at a time.
type mark struct{ at, added int64 }

// mostMarks bounds the history of an output that takes nothing; then it becomes coarse.
const mostMarks = 1024

// begin claims nothing from the first report: other outputs may not have reported yet.
func begin(r Report) *output {
	o := &output{last: r, floor: -1, marks: []mark{{r.At, r.Added}}}
	if r.Dropped == 0 || r.Size == 0 {
		o.lost = max(r.held()-r.Size, 0)
	}
	o.left = r.out() + o.lost
	return o
}

// fold takes a later report of the same agent.
func (o *output) fold(r Report) {
	if r.At < o.last.At { // the clock was set back: the marks are of another time
		o.marks = nil
	}
	o.settle(r)
	left := r.out() + o.lost
	took := r.Written+r.Rejected > o.last.Written+o.last.Rejected
	switch {
	case r.Size == 0, took && r.Dropped == o.last.Dropped:
		o.floor = max(o.floor, left)
	case took:
		o.floor = max(o.floor, o.left)
	}
	o.left, o.last = left, r
	o.mark(mark{r.At, r.Added})
}

// settle corrects lost. The buffer's size says how many it holds, or less when a batch of a full one is on its way.
func (o *output) settle(r Report) {
	gone := max(r.held()-r.Size, 0)
	if r.Size == 0 {
		o.lost = gone
	}
	o.lost = min(o.lost, gone)
}

func (o *output) mark(m mark) {
	if n := len(o.marks); n > 0 && o.marks[n-1].added == m.added {
		o.marks[n-1] = m // all that was added by then had been added before
	} else {
		o.marks = append(o.marks, m)
	}
	if i := o.find(o.floor); i > 0 {
		o.marks = slices.Delete(o.marks, 0, i)
	}
	if len(o.marks) > mostMarks {
		o.thin()
	}
}

// thin drops the mark that stands closest between its neighbours.
func (o *output) thin() {
	least, span := 1, int64(math.MaxInt64)
	for i := 1; i < len(o.marks)-1; i++ {
		if d := o.marks[i+1].at - o.marks[i-1].at; d < span {
			least, span = i, d
		}
	}
	o.marks = slices.Delete(o.marks, least, least+1)
}

// find is the index of the latest mark not above n; -1: none.
func (o *output) find(n int64) int {
	i, _ := slices.BinarySearchFunc(o.marks, n+1, func(m mark, n int64) int { return cmp.Compare(m.added, n) })
	return i - 1
}

// when is the time before which everything written to stdout was among the first n metrics; 0: not known.
func (o *output) when(n int64) int64 {
	if i := o.find(n); i >= 0 {
		return max(o.marks[i].at-slack, 0)
	}
	return 0
}

// affected is the time from which on what was written may have been dropped since the last report; 0: not known.
func (o *output) affected(r Report) int64 {
	if r.At < o.last.At {
		return 0
	}
	return o.when(o.floor)
}

// counts are the counters of a Report.
type counts [5]int64

func (r Report) counts() counts { return counts{r.Added, r.Written, r.Dropped, r.Rejected, r.Filtered} }

// below reports whether any counter is less than in c: they began anew.
func (c counts) below(other counts) bool {
	for i := range c {
		if c[i] < other[i] {
			return true
		}
	}
	return false
}

// repeats reports whether n is r once more, or older than r: an agent that missed our answer sends again.
func (r Report) repeats(n Report) bool { return n.At <= r.At && !r.counts().below(n.counts()) }

// out is how many left the buffer, gone how many of them reached nothing, held the others.
func (r Report) out() int64  { return r.Written + r.gone() }
func (r Report) gone() int64 { return r.Dropped + r.Rejected }
func (r Report) held() int64 { return r.Added - r.out() }
