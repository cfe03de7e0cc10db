package wire

import "github.com/decahose/telegraf-decahose/internal/record/snowflake"

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

	slab     []byte // backing array of all Data; grown only for records that do not fit
	outgrown int    // bytes of earlier slabs that frames point into
}

const (
	slabSize   = 64 << 10 // capacity of a batch's slab, and the most that is read at once
	keepSize   = 2 * slabSize
	keepFrames = 4096
	minSpace   = 4 << 10 // less room than this is not worth a read

	frameSize = 40 // bytes of a Frame, on a machine of 64 bits
)

// NewBatch is an empty batch with room for 64 KiB.
func NewBatch() *Batch { return &Batch{slab: make([]byte, 0, slabSize)} }

// Add copies a record, whose id is known, into the batch. What frames point to never moves.
func (b *Batch) Add(id snowflake.ID, data []byte) {
	if cap(b.slab)-len(b.slab) < len(data) {
		b.outgrow(max(slabSize, len(data)))
	}
	at := len(b.slab)
	b.slab = append(b.slab, data...)
	b.Frames = append(b.Frames, Frame{Kind: Record, ID: id, Data: b.slab[at:len(b.slab):len(b.slab)]})
	b.Bytes += len(data)
}

// outgrow leaves the slab to the frames that point into it and begins an empty one.
func (b *Batch) outgrow(size int) {
	if len(b.Frames) > 0 {
		b.outgrown += cap(b.slab)
	}
	b.slab = make([]byte, 0, size)
}

// Size is the memory that the batch holds, in bytes: what is to be asked of a budget before it waits anywhere.
func (b *Batch) Size() int { return b.outgrown + cap(b.slab) + cap(b.Frames)*frameSize }

// Full reports whether the batch holds so much that it should be handed on.
func (b *Batch) Full() bool { return b.Bytes >= slabSize-minSpace }

// Reset empties the batch for another use; what its frames pointed to is forgotten. Capacity is
// kept, but not that which a giant record, or a crowd of tiny ones, made large: batches wait for
// their next use by the hundred.
func (b *Batch) Reset() {
	clear(b.Frames) // frames may hold on to slabs that were outgrown
	frames, slab := b.Frames[:0], b.slab[:0]
	if cap(frames) > keepFrames {
		frames = nil
	}
	if cap(slab) > keepSize || cap(slab) < slabSize {
		slab = make([]byte, 0, slabSize)
	}
	*b = Batch{Frames: frames, slab: slab}
}
