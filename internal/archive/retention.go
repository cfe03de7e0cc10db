package archive

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Retention is what may stay; a zero leaves it open.
type Retention struct {
	Age  time.Duration // of a minute
	Size int64         // bytes of all segments together
}

// vouch is how many minutes of the hour before it must be there for a minute to tell the time.
const vouch = 3

// Retain removes the oldest segments, whoever wrote them, and returns how many. Ages count from now, or from the newest
// minute that tells the time if that is earlier: neither a clock that is wrong by years nor a Tweet with such an id may
// empty an archive. Who reads a segment that goes away reads on, or is told so.
func (w *Writer) Retain(ctx context.Context, r Retention, now time.Time) (removed int, err error) {
	if r == (Retention{}) {
		return 0, nil
	}
	objects, err := w.dest.list(ctx, "")
	if err != nil {
		return 0, err
	}
	var segments []found
	var size int64
	for _, o := range objects {
		if n, ok := parseName(o.path); ok {
			segments = append(segments, found{n, o.size})
			size += o.size
		}
	}
	slices.SortFunc(segments, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.sealed, b.sealed))
	})
	newest := newestSure(segments)
	for _, s := range segments {
		if !r.expired(s.minute, newest, size, now) {
			break
		}
		if err := w.dest.remove(ctx, s.path()); err != nil {
			return removed, err
		}
		removed++
		size -= s.length
	}
	return removed, nil
}

// newestSure is the newest minute that others vouch for, of segments in order; the first of all minutes where there is none.
func newestSure(segments []found) timeline.Minute {
	for k := len(segments) - 1; k >= 0; k-- {
		m := segments[k].minute
		before := map[timeline.Minute]bool{}
		for i := k; i >= 0 && segments[i].minute >= m-60 && len(before) <= vouch; i-- {
			before[segments[i].minute] = true
		}
		if len(before) > vouch {
			return m
		}
	}
	return 0
}

func (r Retention) expired(m, newest timeline.Minute, size int64, now time.Time) bool {
	latest := min(now.UnixMilli(), (newest + 1).Milli())
	return r.Age > 0 && (m+1).Milli() < latest-r.Age.Milliseconds() || r.Size > 0 && size > r.Size
}
