package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// ErrDamaged says that part of what an archive holds could not be read: cut short, bits flipped, or removed meanwhile.
// Errors that wrap it name the segments.
var ErrDamaged = errors.New("damaged")

// unread is an ErrDamaged, too: one segment or directory that is there and cannot be read: another user's, on a bad sector, in
// a class of storage that has to be thawed. What is beside it is as good as without it.
type unread struct{ error }

func (u unread) Unwrap() error        { return u.error }
func (u unread) Is(target error) bool { return target == ErrDamaged }

// oneUnread makes an unread of an error of one file, unless it is not there, or this machine lacks something for the moment.
func oneUnread(err error) error {
	if err == nil || scarce(err) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return unread{err}
}

// Options are what is not in the URL.
type Options struct {
	// Keys are those that sign requests to a bucket, as they are now: it is called again once a minute, so that keys may
	// be exchanged while the process runs. nil: the ways of the cloud's own tools are tried (environment, shared files,
	// role of the machine).
	Keys func() (Keys, error)
}

// Archive reads. It is safe for use by several goroutines.
type Archive struct {
	place place
	dec   *zstd.Decoder // only DecodeAll is used, which may be called from everywhere
}

// Open opens the archive at a URL: file:///directory, or s3://bucket/prefix?region=…&endpoint=…. It reads nothing yet, so
// that a place that cannot be reached is an error of the first Minutes or Read.
func Open(url string, o Options) (*Archive, error) {
	p, err := openPlace(url, o, realDisk{})
	if err != nil {
		return nil, err
	}
	return &Archive{place: p, dec: newDecoder()}, nil
}

// Summary is what the archive holds of a minute, after its index. It is a promise, not proof: only a Read that returned
// nil has seen every Tweet of it. And it says nothing of what the archive never got.
type Summary struct {
	Minute timeline.Minute
	Tweets int64  // different ids
	Digest uint64 // ledger.Digest of the ids
}

// Minutes are the minutes in [from, to) of which the archive holds Tweets under that stream label, in order. Segments
// that are seen to be damaged are left out and named in an error that wraps ErrDamaged; the minutes beside it are as
// good as without it. With any other error there are no minutes.
func (a *Archive) Minutes(ctx context.Context, label string, from, to timeline.Minute) ([]Summary, error) {
	names, err := a.names(ctx, label, from, to)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	var list []Summary
	wrong := []error{err}
	for len(names) > 0 {
		n := 1
		for n < len(names) && names[n].minute == names[0].minute {
			n++
		}
		s, err := a.summary(ctx, names[:n])
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		if wrong = append(wrong, err); s.Tweets > 0 {
			list = append(list, s)
		}
		names = names[n:]
	}
	return list, errors.Join(wrong...)
}

// summary adds up the segments of one minute. Where several hold different Tweets, their ids are read.
func (a *Archive) summary(ctx context.Context, names []found) (s Summary, err error) {
	var wrong []error
	whole := names[:0:0]
	for _, n := range names {
		if n.size != n.length {
			wrong = append(wrong, fmt.Errorf("segment %s: %w", n.path(), errLength))
			continue
		}
		whole = append(whole, n)
	}
	s.Minute = names[0].minute
	other := func(n found) bool { return n.tweets != whole[0].tweets || n.digest != whole[0].digest }
	switch {
	case len(whole) == 0:
	case !slices.ContainsFunc(whole, other): // several writers that got the same
		s.Tweets, s.Digest = whole[0].tweets, whole[0].digest
	default:
		ids := make(map[snowflake.ID]struct{})
		for _, n := range whole {
			of, err := a.idsOf(ctx, n)
			if err != nil && !errors.Is(err, ErrDamaged) {
				return s, err
			}
			wrong = append(wrong, err)
			s.add(ids, of)
		}
	}
	return s, errors.Join(wrong...)
}

func (s *Summary) add(seen map[snowflake.ID]struct{}, ids []snowflake.ID) {
	for _, id := range ids {
		if _, known := seen[id]; !known {
			seen[id] = struct{}{}
			s.Tweets++
			s.Digest += ledger.Digest(id)
		}
	}
}

// found is a segment that is there: what its name says, and the length that it has.
type found struct {
	name
	length int64
}

// names are the segments of the minutes in [from, to), in order. With an ErrDamaged they are those that could be listed.
func (a *Archive) names(ctx context.Context, label string, from, to timeline.Minute) (list []found, err error) {
	const perHour = 60
	var wrong []error
	for hour := from - mod(from, perHour); hour < to; hour += perHour {
		objects, err := a.place.list(ctx, hourPath(label, hour))
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		wrong = append(wrong, err)
		for _, o := range objects {
			if n, ok := parseName(o.path); ok && n.label == label && n.minute >= from && n.minute < to {
				list = append(list, found{n, o.size})
			}
		}
	}
	slices.SortFunc(list, func(a, b found) int { return strings.Compare(a.path(), b.path()) })
	return list, errors.Join(wrong...)
}

func mod(m, n timeline.Minute) timeline.Minute { return (m%n + n) % n }

// headBytes are read first of a segment whose ids are wanted: enough for a minute of the Decahose.
const headBytes = 256 << 10

// idsOf reads the ids of a segment, and not its Tweets.
func (a *Archive) idsOf(ctx context.Context, n found) ([]snowflake.ID, error) {
	ids, err := a.readIDs(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("segment %s: %w", n.path(), gone(err))
	}
	return ids, nil
}

func (a *Archive) readIDs(ctx context.Context, n found) ([]snowflake.ID, error) {
	b, err := a.place.read(ctx, n.path(), headBytes)
	if err != nil {
		return nil, err
	}
	h, err := n.header(b)
	if err != nil {
		return nil, err
	}
	if h.length > len(b) {
		if b, err = a.place.read(ctx, n.path(), int64(h.length)); err != nil {
			return nil, err
		}
	}
	return h.ids(b)
}

// header is the segment's, if it fits to the name.
func (n *name) header(b []byte) (*header, error) {
	h, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	if h.label != n.label || h.minute != n.minute || int64(h.tweets) != n.tweets || h.digest != n.digest || h.size() != n.size {
		return nil, errForeign
	}
	return h, nil
}

// Close ends the connections to the bucket, if there are any.
func (a *Archive) Close() error {
	a.dec.Close()
	return a.place.close()
}
