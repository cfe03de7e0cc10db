// Package wire cuts the bytes of a Decahose connection into frames and finds the top-level id
// of each, without parsing more than it must. Pure: no I/O, no time.
package wire

import "github.com/decahose/telegraf-decahose/internal/snowflake"

// Kind says what a frame is, as far as the wire can tell without a parse.
type Kind uint8

const (
	// Record is an object with a top-level Tweet id: perhaps a Tweet. It has not been validated.
	Record Kind = iota
	// Notice is valid JSON without a top-level Tweet id: info, warn, error, delete, compliance, unknown.
	Notice
	// Malformed is not valid JSON, or is longer than the record limit.
	Malformed
)

// Frame is one record as delivered, without its \r\n.
type Frame struct {
	Kind Kind
	ID   snowflake.ID // of a Record
	Data []byte       // points into the batch's slab; for an oversize record its first bytes only
}

// Batch is what a connection hands to the core: whole records, cut out of one slab of bytes.
// Whoever holds the batch owns the slab; the sender forgets both.
type Batch struct {
	Frames     []Frame
	Heartbeats int
	Bytes      int // plain bytes of these frames and heartbeats, line ends included
	WireBytes  int // bytes as they came from the socket, before gunzip; set by the connection

	slab []byte // backing array of all Data; grown only for records that do not fit
}

const (
	slabSize = 64 << 10  // capacity of a batch's slab, and the most that is read at once
	keepSize = 256 << 10 // a slab that grew beyond is not kept over a Reset
	minSpace = 4 << 10   // less room than this is not worth a read
)

// NewBatch is an empty batch with room for 64 KiB.
func NewBatch() *Batch { return &Batch{slab: make([]byte, 0, slabSize)} }

// Add copies a record, whose id is known, into the batch. What frames point to never moves.
func (b *Batch) Add(id snowflake.ID, data []byte) {
	if cap(b.slab)-len(b.slab) < len(data) {
		b.slab = make([]byte, 0, max(slabSize, len(data)))
	}
	at := len(b.slab)
	b.slab = append(b.slab, data...)
	b.Frames = append(b.Frames, Frame{Kind: Record, ID: id, Data: b.slab[at:len(b.slab):len(b.slab)]})
	b.Bytes += len(data)
}

// Full reports whether the batch holds so much that it should be handed on.
func (b *Batch) Full() bool { return b.Bytes >= slabSize-minSpace }

// Reset empties the batch for another use; what its frames pointed to is forgotten. Capacity is
// kept, save for a slab that one giant record made large.
func (b *Batch) Reset() {
	clear(b.Frames) // frames may hold on to slabs that were outgrown
	slab := b.slab[:0]
	if cap(slab) > keepSize || cap(slab) < slabSize {
		slab = make([]byte, 0, slabSize)
	}
	*b = Batch{Frames: b.Frames[:0], slab: slab}
}
