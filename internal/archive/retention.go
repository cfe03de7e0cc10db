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

// Retain removes the oldest segments, whoever wrote them, and returns how many. Ages count from now, or from the newest
// minute that is there if that is earlier: a clock that is wrong by years must not empty an archive. Who reads a segment
// that goes away reads on, or is told so.
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
	for _, s := range segments {
		if !r.expired(s.minute, segments[len(segments)-1].minute, size, now) {
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

func (r Retention) expired(m, newest timeline.Minute, size int64, now time.Time) bool {
	latest := min(now.UnixMilli(), (newest + 1).Milli())
	return r.Age > 0 && (m+1).Milli() < latest-r.Age.Milliseconds() || r.Size > 0 && size > r.Size
}
