package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
)

// ErrFull says that as much waits in the spool as may: the bucket has to take some first.
var ErrFull = errors.New("spool is full")

// WriterOptions are the settings of a Writer. All are needed.
type WriterOptions struct {
	Options
	Spool      string        // directory of the journal, and of what waits for the bucket; for one Writer
	SpoolLimit int64         // bytes that may wait for the bucket
	Interval   time.Duration // how long a segment is open, from its first Tweet on
	Level      int           // of compression, as zstd counts
	OpenLimit  int           // bytes of lines in open segments; beyond, the largest is sealed early

	disk disk // nil but in tests
}

// segmentCost is what an open segment takes besides its lines, in bytes: as many may be open as there are minutes in ids.
const segmentCost = 1 << 10

// Writer writes. Write, Seal and Close are for one goroutine at a time, Upload and Retain for another one.
type Writer struct {
	o     WriterOptions
	dest  place
	local *directory // where segments are sealed to: dest itself, or what waits for the bucket
	lock  *dirlock.Lock
	id    string
	enc   *zstd.Encoder
	last  int64 // Unix ms of the last segment's sealing
	waits atomic.Int64
	tally tally
	notes []string
	stays map[string]time.Time // segments that could not be removed: until when they are left alone; Retain's

	journal *journal
	open    map[key]*openSegment
	opened  int // bytes of lines in them, and segmentCost for each
}

// openSegment is one that still takes Tweets.
type openSegment struct {
	key
	since   time.Time
	journal int // the first file of the journal that has lines of it
	lines   []line
	ids     map[snowflake.ID]struct{}
	bytes   int
}

// tally counts for Stats.
type tally struct{ tweets, duplicates, segments, bytes, uploads atomic.Int64 }

// Stats are counters since the start, and the bytes that wait for the bucket.
type Stats struct{ Tweets, Duplicates, Segments, Bytes, Uploads, Waiting int64 }

// Stats may be called at any time.
func (w *Writer) Stats() Stats {
	t := &w.tally
	return Stats{t.tweets.Load(), t.duplicates.Load(), t.segments.Load(), t.bytes.Load(), t.uploads.Load(), w.waits.Load()}
}

// Write returns when the Tweets of the batch are durable, and takes the batch over. After an error nothing of it counts
// as written, and the same Tweets may come again. ErrFull and what a full disk says pass.
func (w *Writer) Write(b *Batch, now time.Time) error {
	if w.waits.Load() >= w.o.SpoolLimit {
		return fmt.Errorf("%w: %d bytes wait for the bucket", ErrFull, w.waits.Load())
	}
	if err := w.makeRoom(b.Size(), now); err != nil {
		return err
	}
	fresh := w.admit(b, now)
	if len(fresh) == 0 {
		w.tally.duplicates.Add(int64(b.Len()))
		return nil
	}
	if err := w.journal.append(kindLines, b.lines(fresh), true); err != nil {
		w.expel(fresh)
		return err
	}
	for _, e := range fresh {
		s := w.open[e.key()]
		s.journal = cmp.Or(s.journal, w.journal.number)
		w.add(s, e.id, b.buf[e.start:e.end:e.end])
	}
	w.tally.tweets.Add(int64(len(fresh)))
	w.tally.duplicates.Add(int64(b.Len() - len(fresh)))
	return nil
}

func (e entry) key() key { return key{e.label, e.minute()} }

// lines are those of some of the batch's Tweets, in one piece.
func (b *Batch) lines(of []entry) []byte {
	if len(of) == len(b.entries) {
		return b.buf
	}
	var part []byte
	for _, e := range of {
		part = append(part, b.buf[e.start:e.end]...)
	}
	return part
}

// admit marks the Tweets of the batch that no open segment holds, and returns them.
func (w *Writer) admit(b *Batch, now time.Time) []entry {
	fresh := make([]entry, 0, len(b.entries))
	for _, e := range b.entries {
		s := w.segment(e.key(), now)
		if _, known := s.ids[e.id]; !known {
			s.ids[e.id] = struct{}{}
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// expel takes back what admit did.
func (w *Writer) expel(fresh []entry) {
	for _, e := range fresh {
		s := w.open[e.key()]
		if delete(s.ids, e.id); len(s.ids) == 0 {
			delete(w.open, e.key())
			w.opened -= segmentCost
		}
	}
}

func (w *Writer) segment(k key, now time.Time) *openSegment {
	s := w.open[k]
	if s == nil {
		s = &openSegment{key: k, since: now, ids: make(map[snowflake.ID]struct{})}
		w.open[k] = s
		w.opened += segmentCost
	}
	return s
}

func (w *Writer) add(s *openSegment, id snowflake.ID, text []byte) {
	s.lines = append(s.lines, line{id, text})
	s.bytes += len(text)
	w.opened += len(text)
}

// makeRoom seals the largest segments until so many bytes more may be open.
func (w *Writer) makeRoom(bytes int, now time.Time) error {
	for w.opened > 0 && w.opened+bytes > w.o.OpenLimit {
		var largest *openSegment
		for _, s := range w.open {
			if largest == nil || s.bytes > largest.bytes {
				largest = s
			}
		}
		if err := w.seal(largest, now); err != nil {
			return err
		}
	}
	return nil
}

// Seal finishes the segments that have been open for the interval. After an error they stay open, and the next call
// tries again.
func (w *Writer) Seal(now time.Time) error {
	var wrong []error
	for _, s := range w.inOrder() {
		if now.Sub(s.since) >= w.o.Interval {
			wrong = append(wrong, w.seal(s, now))
		}
	}
	return several("segments cannot be written", wrong)
}

// inOrder are the open segments, the oldest minute first.
func (w *Writer) inOrder() []*openSegment {
	list := make([]*openSegment, 0, len(w.open))
	for _, s := range w.open {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *openSegment) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.label, b.label))
	})
	return list
}

func (w *Writer) seal(s *openSegment, now time.Time) error {
	sealed := max(now.UnixMilli(), w.last+1)
	h, body := encodeSegment(w.enc, s.label, s.minute, sealed, s.lines)
	n := name{label: s.label, minute: s.minute, tweets: int64(h.tweets), digest: h.digest, size: int64(len(body)), writer: w.id, sealed: sealed}
	if err := w.local.put(context.Background(), n.path(), body); err != nil {
		return err
	}
	w.last = sealed
	if w.buffered() {
		w.waits.Add(int64(len(body)))
	}
	w.tally.segments.Add(1)
	w.tally.bytes.Add(int64(len(body)))
	w.opened -= s.bytes + segmentCost
	delete(w.open, s.key)
	return w.forget(s.key)
}

// forget tells the journal that the segment is sealed. If that is lost, a start after a kill makes a second segment of the
// same Tweets, which is harmless: therefore it is not synced, and its failure not told.
func (w *Writer) forget(k key) error {
	_ = w.journal.append(kindSealed, k.append(nil), false)
	oldest := w.journal.number
	if len(w.open) == 0 {
		w.journal.close() // the next Write begins a new file
		oldest++
	}
	for _, s := range w.open {
		oldest = min(oldest, s.journal)
	}
	return w.journal.drop(oldest)
}

// buffered says whether segments are sealed to a place where they wait for the bucket.
func (w *Writer) buffered() bool { return w.dest != place(w.local) }

// SealAll finishes all open segments. What could not be sealed stays in the journal.
func (w *Writer) SealAll(now time.Time) error {
	var wrong []error
	for _, s := range w.inOrder() {
		wrong = append(wrong, w.seal(s, now))
	}
	return several("segments cannot be written", wrong)
}

// Close lets the spool go. What is open is in the journal, and is taken up by the next Writer.
func (w *Writer) Close() error {
	w.journal.close()
	_ = w.enc.Close()
	return errors.Join(w.dest.close(), w.lock.Release())
}

// Notes are what was found at the start that an operator should know.
func (w *Writer) Notes() []string { return w.notes }

// Spool is where a Writer to that directory has its journal unless it is told otherwise.
func Spool(dir string) string { return filepath.Join(dir, ".spool") }
