package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Segment is one that is there, as its name tells.
type Segment struct {
	Path   string // below the archive's URL
	Label  string
	Minute timeline.Minute
	Tweets int64
	Size   int64 // bytes, as there are
	Writer string
	Sealed int64 // Unix ms

	found found
}

// Segments are those of minutes in [from, to), in the order of label, minute and name; of every label if label is empty,
// and of all time if from and to are 0. With an ErrDamaged they are those that could be listed.
func (a *Archive) Segments(ctx context.Context, label string, from, to timeline.Minute) ([]Segment, error) {
	prefix := ""
	if label != "" {
		prefix = labelPath(label)
	}
	objects, err := a.place.list(ctx, prefix)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	var list []Segment
	for _, o := range objects {
		n, ok := parseName(o.path)
		if !ok || label != "" && n.label != label || (from != 0 || to != 0) && (n.minute < from || n.minute >= to) {
			continue
		}
		list = append(list, Segment{Path: o.path, Label: n.label, Minute: n.minute, Tweets: n.tweets, Size: o.size,
			Writer: n.writer, Sealed: n.sealed, found: found{n, o.size}})
	}
	slices.SortFunc(list, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Path, b.Path))
	})
	return list, err
}

// Verify reads a segment to its end. What is wrong with it wraps ErrDamaged.
func (a *Archive) Verify(ctx context.Context, s Segment) error {
	r := &reading{label: s.Label, minute: s.Minute, seen: make(map[snowflake.ID]struct{})}
	r.tweet = func(snowflake.ID, []byte) error { return nil }
	if err := a.readSegment(ctx, s.found, r); err != nil {
		return err
	}
	if int64(len(r.seen)) != s.Tweets {
		return fmt.Errorf("segment %s: %w", s.Path, errors.Join(errIDs, errors.New("an id stands there twice")))
	}
	return nil
}
