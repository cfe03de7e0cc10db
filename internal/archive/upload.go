package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// countWaiting finds how much waits for the bucket.
func (w *Writer) countWaiting() error {
	waiting, err := w.local.list(context.Background(), "")
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	for _, o := range waiting {
		w.waits.Add(o.size)
	}
	return nil
}

// Upload brings what waits to the bucket, what was sealed first first, until nothing waits. A segment that cannot be
// brought waits on, and does not hold up the others, unless the bucket takes nothing at all; the error counts those. Where the
// archive is a directory there is nothing to do.
func (w *Writer) Upload(ctx context.Context) error {
	if !w.buffered() {
		return nil
	}
	waiting, err := w.local.list(ctx, "")
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	wrong := []error{err}
	names := make([]found, 0, len(waiting))
	for _, o := range waiting {
		if n, ok := parseName(o.path); ok {
			names = append(names, found{n, o.size})
		}
	}
	slices.SortFunc(names, func(a, b found) int { return cmp.Compare(a.sealed, b.sealed) })
	failures := 0
	for _, n := range names {
		err := w.upload(ctx, n)
		if err == nil {
			failures = 0
			continue
		}
		wrong = append(wrong, err)
		if failures++; failures == uploadFailures || ctx.Err() != nil {
			break // it is the bucket
		}
	}
	return several("segments are not uploaded", wrong)
}

// uploadFailures in a row are the bucket's and not of the segments.
const uploadFailures = 3

func (w *Writer) upload(ctx context.Context, n found) error {
	body, err := w.local.read(ctx, n.path(), -1)
	if err != nil {
		return fmt.Errorf("read what waits: %w", err)
	}
	if err := w.dest.put(ctx, n.path(), body); err != nil {
		return fmt.Errorf("upload segment: %w", err)
	}
	if err := w.local.remove(ctx, n.path()); err != nil {
		return err
	}
	w.waits.Add(-n.length)
	w.tally.uploads.Add(1)
	return nil
}
