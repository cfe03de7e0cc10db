package timeline

import "slices"

// Span is the half-open range [From, To) of Unix milliseconds.
type Span struct{ From, To int64 }

// Empty reports whether nothing is in the span.
func (s Span) Empty() bool { return s.From >= s.To }

// Len is the span's length in milliseconds, 0 when empty.
func (s Span) Len() int64 { return max(0, s.To-s.From) }

// Intersect is what both spans hold.
func (s Span) Intersect(o Span) Span { return Span{max(s.From, o.From), min(s.To, o.To)} }

// Minutes are the first minute that the span touches and the first one after it.
func (s Span) Minutes() (first, end Minute) { return MinuteOf(s.From), CeilMinute(s.To) }

// Set is a union of spans, kept sorted, disjoint and merged. The zero Set is empty.
// Its owner is whoever holds it; it has no lock.
type Set struct{ spans []Span }

// Add puts the span into the set.
func (s *Set) Add(a Span) {
	if a.Empty() {
		return
	}
	if n := len(s.spans); n > 0 && s.spans[n-1].From <= a.From && a.From <= s.spans[n-1].To {
		s.spans[n-1].To = max(s.spans[n-1].To, a.To) // the common case: the newest span grows
		return
	}
	lo, hi := s.touching(a)
	if lo < hi {
		a = Span{min(a.From, s.spans[lo].From), max(a.To, s.spans[hi-1].To)}
	}
	s.spans = slices.Replace(s.spans, lo, hi, a)
}

// Remove takes the span out of the set.
func (s *Set) Remove(r Span) {
	if r.Empty() {
		return
	}
	kept := make([]Span, 0, len(s.spans)+1)
	for _, x := range s.spans {
		for _, part := range [2]Span{{x.From, min(x.To, r.From)}, {max(x.From, r.To), x.To}} {
			if !part.Empty() {
				kept = append(kept, part)
			}
		}
	}
	s.spans = kept
}

// AddSet puts all spans of o into the set.
func (s *Set) AddSet(o *Set) {
	for _, x := range o.spans {
		s.Add(x)
	}
}

// Forget drops what lies before the given millisecond.
func (s *Set) Forget(before int64) {
	n := 0
	for n < len(s.spans) && s.spans[n].To <= before {
		n++
	}
	s.spans = slices.Delete(s.spans, 0, n)
}

// Covered is how many milliseconds of the span the set holds.
func (s *Set) Covered(a Span) int64 {
	var sum int64
	for i := s.search(a.From); i < len(s.spans) && s.spans[i].From < a.To; i++ {
		sum += s.spans[i].Intersect(a).Len()
	}
	return sum
}

// Within are the parts of the set that lie in a, in order.
func (s *Set) Within(a Span) (parts []Span) {
	for i := s.search(a.From); !a.Empty() && i < len(s.spans) && s.spans[i].From < a.To; i++ {
		parts = append(parts, s.spans[i].Intersect(a))
	}
	return parts
}

// Spans are the set's spans in order. The caller must not change them.
func (s *Set) Spans() []Span { return s.spans }

// search is the index of the first span that ends after ms.
func (s *Set) search(ms int64) int {
	i, _ := slices.BinarySearchFunc(s.spans, ms, func(x Span, ms int64) int {
		if x.To <= ms {
			return -1
		}
		return 1
	})
	return i
}

// touching is the range of spans that a overlaps or adjoins.
func (s *Set) touching(a Span) (lo, hi int) {
	lo = s.search(a.From - 1)
	hi = lo
	for hi < len(s.spans) && s.spans[hi].From <= a.To {
		hi++
	}
	return lo, hi
}
