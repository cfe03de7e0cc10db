package dedup

import (
	"math/bits"
	"unsafe"
)

// spare bounds what the free lists hold: this many bytes, or an eighth of all that is held,
// whichever is more. Beyond it tables go to the garbage collector, so a burst is given back.
const spare = 1 << 20

// stock makes tables and buckets and takes them back, so that in steady state nothing is
// allocated. Tables are cleared as they come back: what lies in it is always clean.
type stock struct {
	freeKeys   [33][][]uint32 // by log2 of the size
	freeSeen   [33][][]uint8
	freeBucket *bucket // chained by newer
	bytes      int64   // of everything made and not given up, free or in use
	idle       int64   // of that, what lies in the free lists
}

const bucketBytes = int64(unsafe.Sizeof(bucket{}))

func class(size int) int { return bits.TrailingZeros(uint(size)) }

func (s *stock) keys(size int) []uint32 {
	free := &s.freeKeys[class(size)]
	if n := len(*free); n > 0 {
		keys := (*free)[n-1]
		*free = (*free)[:n-1]
		s.idle -= 4 * int64(size)
		return keys
	}
	s.bytes += 4 * int64(size)
	return make([]uint32, size)
}

func (s *stock) putKeys(keys []uint32) {
	if !s.keep(4 * int64(len(keys))) {
		return
	}
	clear(keys)
	free := &s.freeKeys[class(len(keys))]
	*free = append(*free, keys)
}

func (s *stock) seen(size int) []uint8 {
	free := &s.freeSeen[class(size)]
	if n := len(*free); n > 0 {
		seen := (*free)[n-1]
		*free = (*free)[:n-1]
		s.idle -= int64(size)
		return seen
	}
	s.bytes += int64(size)
	return make([]uint8, size)
}

func (s *stock) putSeen(seen []uint8) {
	if !s.keep(int64(len(seen))) {
		return
	}
	clear(seen)
	free := &s.freeSeen[class(len(seen))]
	*free = append(*free, seen)
}

func (s *stock) bucket() *bucket {
	if b := s.freeBucket; b != nil {
		s.freeBucket, b.newer = b.newer, nil
		s.idle -= bucketBytes
		return b
	}
	s.bytes += bucketBytes
	return new(bucket)
}

func (s *stock) putBucket(b *bucket) {
	if !s.keep(bucketBytes) {
		return
	}
	*b = bucket{newer: s.freeBucket}
	s.freeBucket = b
}

// keep books size bytes that came back as idle, or as gone when enough lies idle already.
func (s *stock) keep(size int64) bool {
	if s.idle+size > max(spare, s.bytes/8) {
		s.bytes -= size
		return false
	}
	s.idle += size
	return true
}
