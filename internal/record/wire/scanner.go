package wire

import (
	"bytes"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
)

const (
	// DefaultLimit is the longest record taken, in bytes. X states no limit; the longest seen are
	// about 27 kB.
	DefaultLimit = 4 << 20
	// sampleSize is how much of an oversize record is shown in its frame.
	sampleSize = 512
)

// Scanner cuts one connection's endless bytes into frames. Records end with \r\n; a bare \n or \r
// belongs to its record; empty lines are heartbeats (X: consuming streaming data).
//
// The owner reads into Space, says so with Advance, and hands the batch on with Take whenever
// something is Pending. One goroutine owns a Scanner.
type Scanner struct {
	limit int
	batch *Batch

	from    int  // where the unfinished record begins in the batch's slab
	scanned int  // no \r\n ends before here
	skip    bool // within the rest of an oversize record
	skipCR  bool // the last byte skipped was \r
}

// NewScanner takes records of up to limit bytes; longer ones are counted and skipped. A limit
// below one is DefaultLimit.
func NewScanner(limit int) *Scanner {
	if limit < 1 {
		limit = DefaultLimit
	}
	return &Scanner{limit: limit}
}

// Start begins a new connection: b, which must be empty, becomes the current batch, and what was
// left of an earlier connection is forgotten.
func (s *Scanner) Start(b *Batch) { *s = Scanner{limit: s.limit, batch: b} }

// Space is room for the next read, never empty. Frames already cut stay valid when it must grow.
func (s *Scanner) Space() []byte {
	b := s.batch
	if cap(b.slab)-len(b.slab) < minSpace {
		s.grow()
	}
	return b.slab[len(b.slab):cap(b.slab)]
}

// grow moves the unfinished record to a new slab. It leaves the old one to the frames that point
// into it, so that no byte under a frame ever moves.
func (s *Scanner) grow() {
	tail := s.batch.slab[s.from:]
	s.batch.outgrow(max(slabSize, min(2*len(tail), s.limit+slabSize)))
	s.batch.slab = append(s.batch.slab, tail...)
	s.scanned -= s.from
	s.from = 0
}

// Advance says that n bytes were read into Space; the records that they complete become frames
// of the current batch.
func (s *Scanner) Advance(n int) {
	b := s.batch
	b.slab = b.slab[:len(b.slab)+n]
	if s.skip && !s.skipRest() {
		return
	}
	for end := s.lineEnd(); end >= 0; end = s.lineEnd() {
		b.Bytes += end + 2 - s.from
		s.line(b.slab[s.from:end:end])
		s.from, s.scanned = end+2, end+2
	}
	if tail := bytes.TrimSuffix(b.slab[s.from:], cr); len(tail) > s.limit {
		s.oversize(tail)
		s.dropTail()
		s.skip = true
	}
}

var cr = []byte{'\r'}

// lineEnd is the position of the next \r\n, or -1 with scanned moved on, so that no byte is looked
// at twice however slowly a record comes.
func (s *Scanner) lineEnd() int {
	slab := s.batch.slab
	for {
		i := bytes.IndexByte(slab[s.scanned:], '\r')
		if i < 0 {
			s.scanned = len(slab)
			return -1
		}
		s.scanned += i
		if s.scanned+1 == len(slab) {
			return -1 // its \n may come with the next read
		}
		if slab[s.scanned+1] == '\n' {
			return s.scanned
		}
		s.scanned++
	}
}

// skipRest drops bytes of an oversize record up to its \r\n and reports whether that came.
func (s *Scanner) skipRest() bool {
	b := s.batch
	if s.skipCR && s.from < len(b.slab) && b.slab[s.from] == '\n' {
		s.resume(s.from + 1)
		return true
	}
	if s.from < len(b.slab) {
		s.skipCR = false
	}
	if end := s.lineEnd(); end >= 0 {
		s.resume(end + 2)
		return true
	}
	s.dropTail()
	return false
}

func (s *Scanner) resume(at int) {
	s.batch.Bytes += at - s.from
	s.from, s.scanned, s.skip, s.skipCR = at, at, false, false
}

// dropTail counts the bytes of an oversize record and makes their room free again.
func (s *Scanner) dropTail() {
	b := s.batch
	tail := b.slab[s.from:]
	b.Bytes += len(tail)
	if len(tail) > 0 {
		s.skipCR = tail[len(tail)-1] == '\r'
	}
	b.slab = b.slab[:s.from]
	s.scanned = s.from
}

// oversize copies a sample, because the bytes themselves will be overwritten or are too many to
// keep for as long as the frame lives. It may be called with any part longer than the limit.
func (s *Scanner) oversize(rec []byte) {
	s.frame(Frame{Kind: Malformed, Data: bytes.Clone(rec[:min(s.limit, sampleSize)])})
}

// Pending reports whether the current batch holds something to hand on.
func (s *Scanner) Pending() bool { return len(s.batch.Frames) > 0 || s.batch.Heartbeats > 0 }

// Take hands over the current batch. next, which must be empty, becomes the current one and gets
// the bytes of the unfinished record.
func (s *Scanner) Take(next *Batch) *Batch {
	b := s.batch
	next.slab = append(next.slab[:0], b.slab[s.from:]...)
	s.scanned -= s.from
	s.batch, s.from = next, 0
	return b
}

// End says that the stream ended: what is left becomes a frame, so that a whole record whose \r\n
// was cut off is not lost and a cut one is counted. Take hands over the batch as before.
func (s *Scanner) End() {
	b := s.batch
	tail := b.slab[s.from:]
	b.Bytes += len(tail)
	if rec := bytes.TrimSuffix(tail, cr); jsonscan.Space(rec, 0) < len(rec) {
		s.line(rec[:len(rec):len(rec)])
	}
	s.from, s.scanned = len(b.slab), len(b.slab)
	s.skip, s.skipCR = false, false
}

// line classifies what stands between two line ends.
func (s *Scanner) line(rec []byte) {
	switch {
	case len(rec) > s.limit:
		s.oversize(rec)
	case jsonscan.Space(rec, 0) == len(rec):
		s.batch.Heartbeats++
	case mayBeGlued(rec):
		s.split(rec)
	default:
		s.frame(classify(rec))
	}
}

func (s *Scanner) frame(f Frame) { s.batch.Frames = append(s.batch.Frames, f) }
