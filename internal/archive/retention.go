package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Retention is what may stay; a zero leaves it open.
type Retention struct {
	Age  time.Duration // of a minute
	Size int64         // bytes of all segments together
}

// vouch is how many minutes of the hour before it must be there for a minute to tell the time; one that this host's clock
// agrees with needs none.
const vouch = 3

// stayFor is how long a segment that could not be removed is left alone, and stayMost how many are found to be such at
// once: to ask a bucket in vain takes time in which nothing is uploaded.
const (
	stayFor  = time.Hour
	stayMost = 1000
)

// Retain removes the oldest segments, whoever wrote them, and returns how many. Ages count from now, or from the newest
// minute that tells the time if that is earlier: neither a clock that is wrong by years nor a Tweet with such an id may
// empty an archive. Who reads a segment that goes away reads on, or is told so. One that cannot be removed does not keep the
// others; the error counts those.
func (w *Writer) Retain(ctx context.Context, r Retention, now time.Time) (removed int, err error) {
	if r == (Retention{}) {
		return 0, nil
	}
	objects, err := w.dest.list(ctx, "")
	if err != nil && !errors.Is(err, ErrDamaged) {
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
	wrong := []error{err}
	maps.DeleteFunc(w.stays, func(_ string, until time.Time) bool { return !now.Before(until) })
	slices.SortFunc(segments, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.sealed, b.sealed))
	})
	newest := newestSure(segments, timeline.MinuteOf(now.UnixMilli()))
	for _, s := range segments {
		if !r.expired(s.minute, newest, size, now) {
			break
		}
		if ctx.Err() != nil {
			wrong = append(wrong, ctx.Err())
			break
		}
		if now.Before(w.stays[s.path()]) {
			continue
		}
		if err := w.dest.remove(ctx, s.path()); err != nil {
			if wrong = append(wrong, err); len(wrong) > stayMost {
				break
			}
			w.stays[s.path()] = now.Add(stayFor)
			continue
		}
		removed++
		size -= s.length
	}
	return removed, several("segments cannot be removed", wrong)
}

// newestSure is the newest minute that others, or the clock, vouch for, of segments in order; the first of all minutes where
// there is none.
func newestSure(segments []found, now timeline.Minute) timeline.Minute {
	for k := len(segments) - 1; k >= 0; k-- {
		m := segments[k].minute
		if m <= now && m > now-60 {
			return m
		}
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

// several is one error of many: how many there are, and the first.
func several(what string, all []error) error {
	all = slices.DeleteFunc(slices.Clone(all), func(err error) bool { return err == nil })
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return fmt.Errorf("%d %s, the first: %w", len(all), what, all[0])
}
