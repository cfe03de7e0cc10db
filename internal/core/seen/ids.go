package seen

import (
	"iter"
	"maps"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/dedup"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// idsBytes bounds the ids in memory for each hour of the window: at 7 bytes each that is four times the usual rate. Ids
// that are forgotten early are loaded from the store when a record of their minute comes.
const (
	idsBytes = 64 << 20
	idsMost  = 448 << 20 // of a window of any length
)

// oddBytes bounds the ids of no time that the stream can be at, each perhaps in a second of its own: some 30 000. The
// oldest are forgotten, and are Tweets again if they come once more.
const oddBytes = 8 << 20

// MaxBytes bounds the ids that are kept in memory for a window.
func MaxBytes(window time.Duration) int64 { return idsLimit(window) + oddBytes }

func idsLimit(window time.Duration) int64 {
	return min(idsMost, max(idsBytes, int64(window.Hours()*idsBytes)))
}

// StoredWitness is the witness of ids that were loaded: no connection has it.
const StoredWitness = 7

// UnseenMost bounds the ids that are taken again: more than Telegraf's buffers and the spool hold at usual sizes.
const UnseenMost = 4 << 20

// doubtMost bounds the ids that are remembered as doubtful.
const doubtMost = 4096

// Bounds are the minutes that the stream may be at: not too old to be asked for, and not far in the future. The ids of
// others are of no use to the next process. The zero Bounds hold no minute.
type Bounds struct {
	First, End timeline.Minute
	Doubtful   bool // nothing has agreed with the stream's time yet, so that nobody knows which ids are odd
}

// Hold reports whether the minute is one of them.
func (b Bounds) Hold(m timeline.Minute) bool { return m >= b.First && m < b.End }

// IDs are those of the Tweets that came.
type IDs struct {
	ids, odd *dedup.Set
	unseen   map[snowflake.ID]bool
	doubts   map[snowflake.ID]int
	cold     cold
	now      time.Time
	bounds   Bounds
}

// New returns a set without ids; stored says that there is a store, from which ids come again that were forgotten.
func New(window time.Duration, stored bool) *IDs {
	s := &IDs{ids: dedup.New(window), odd: dedup.New(window), unseen: make(map[snowflake.ID]bool), doubts: make(map[snowflake.ID]int)}
	s.ids.SetLimit(idsLimit(window))
	s.odd.SetLimit(oddBytes)
	s.cold.minutes, s.cold.asked = make(map[timeline.Minute]bool), make(map[timeline.Minute]int)
	if stored {
		s.ids.OnForget(s.forgot)
	}
	return s
}

// At says what time it is, and at which minutes the stream may be.
func (s *IDs) At(now time.Time, b Bounds) { s.now, s.bounds = now, b }

// Size is what is in memory.
type Size struct {
	IDs, Odd int   // ids, and those of no time that the stream can be at
	OddBytes int64 // of the latter
	Cold     int   // minutes
}

// Size is what is in memory now.
func (s *IDs) Size() Size { return Size{s.ids.Len(), s.odd.Len(), s.odd.Bytes(), len(s.cold.minutes)} }

// Look looks an id up among those of all times, and notes the witness. before are the witnesses that it had.
func (s *IDs) Look(id snowflake.ID, witness uint8) (known bool, before uint8) {
	known, before = s.ids.Seen(id, s.now, witness)
	if !known && s.odd.Len() > 0 {
		known, before = s.odd.Seen(id, s.now, witness)
	}
	return known, before
}

// Know remembers an id that came.
func (s *IDs) Know(id snowflake.ID, witness uint8) {
	if s.bounds.Doubtful || s.bounds.Hold(timeline.MinuteOf(id.Milli())) {
		s.ids.Mark(id, s.now, witness)
		return
	}
	s.odd.Mark(id, s.now, witness)
}

// Unsee has a Tweet taken again that was emitted.
func (s *IDs) Unsee(id snowflake.ID) {
	if len(s.unseen) < UnseenMost {
		s.unseen[id] = true
	}
}

// Unseen reports whether a Tweet is to be taken again.
func (s *IDs) Unseen(id snowflake.ID) bool { return s.unseen[id] }

// AllUnseen are those.
func (s *IDs) AllUnseen() iter.Seq[snowflake.ID] { return maps.Keys(s.unseen) }

// UnseenLen is how many there are of those.
func (s *IDs) UnseenLen() int { return len(s.unseen) }

// Retake says that a Tweet was taken again, or that it is not to be any more.
func (s *IDs) Retake(id snowflake.ID) { delete(s.unseen, id) }

// Doubt reports whether a Tweet that came broken over a connection should wait for a better copy. If another connection
// brings it as broken, X sent it so.
func (s *IDs) Doubt(id snowflake.ID, connection int) (wait bool) {
	if from, doubted := s.doubts[id]; doubted && from != connection {
		delete(s.doubts, id)
		return false
	}
	if len(s.doubts) >= doubtMost {
		clear(s.doubts)
	}
	s.doubts[id] = connection
	return true
}

// Expire forgets ids that are older than the window.
func (s *IDs) Expire() {
	s.ids.Expire(s.now)
	s.odd.Expire(s.now)
}

// CloseBefore says that who brought ids of before that time, Unix ms, is decided.
func (s *IDs) CloseBefore(ms int64) { s.ids.CloseBefore(ms) }
