package gap

import (
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// cutting says what becomes of a gap of which a part is taken out.
type cutting struct {
	front, back timeline.Span // what is left before the part and behind it
	minutes     int64         // that are missing no longer
	whole       bool          // nothing is left
	own         bool          // the part is known by a minute that nothing left has: it was a gap of its own
	keeps       bool          // what is left behind it is known by the gap's first minute
}

// cut takes a part, whole minutes as far as the gap has all of them, out of a gap. Of one that goes on, dark, something is left in any case, since its end is not known.
func cut(gap, part timeline.Span, dark bool) cutting {
	k := cutting{front: timeline.Span{From: gap.From, To: part.From}, back: timeline.Span{From: part.To, To: gap.To}}
	k.minutes = minutesIn(gap) - minutesIn(k.front) - minutesIn(k.back)
	if k.back.Empty() && dark {
		k.back = timeline.Span{From: part.To, To: part.To + 1}
	}
	if k.whole = k.front.Empty() && k.back.Empty(); k.whole {
		return k
	}
	first := timeline.MinuteOf(gap.From)
	k.keeps = k.front.Empty() && timeline.MinuteOf(k.back.From) == first
	k.own = !k.keeps && (k.front.Empty() || timeline.MinuteOf(part.From) != first)
	return k
}

func minutesIn(s timeline.Span) int64 {
	if s.Empty() {
		return 0
	}
	first, end := s.Minutes()
	return int64(end - first)
}
