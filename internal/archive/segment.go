package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A segment is a zstd file: first a skippable frame with the header, then frames with the lines. The skippable frame is
// its magic and the length of what follows, 4 bytes each, little-endian as zstd has it; and then, big-endian:
//
//	0 magic "DHar" | 4 version | 5 zero, 3 bytes | 8 minute, 8 bytes | 16 sealed, Unix ms, 8 bytes | 24 Tweets, 4 bytes
//	28 digest of the ids, 8 bytes | 36 frames, 4 bytes | 40 length of the ids, 4 bytes | 44 length of the label, 4 bytes
//	48 label | then per frame: its length, its Tweets, its crc32c, 4 bytes each | crc32c of all that from "DHar" on, 4 bytes
//	then the sorted ids, the first and each one's distance to the one before, as uvarints | their crc32c, 4 bytes
const (
	skippable  = 0x184d2a5d
	skipLen    = 8
	fixedLen   = 48
	entryLen   = 12
	sumLen     = 4
	magic      = "DHar"
	version    = 1
	frameBytes = 1 << 20 // of lines, from which on a frame ends

	// What a header may make us allocate.
	maxTweets = 1 << 22
	maxFrames = 1 << 16
	maxLabel  = 1 << 10
	maxFrame  = 64 << 20  // lines of one frame: a frame ends with the line that crosses frameBytes
	maxBytes  = 256 << 20 // of a segment: a minute of the Decahose has 4 MB, of whole records 40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why a segment is damaged.
var (
	errHeader  = fmt.Errorf("%w: header", ErrDamaged)
	errIDs     = fmt.Errorf("%w: ids", ErrDamaged)
	errFrame   = fmt.Errorf("%w: frame", ErrDamaged)
	errLength  = fmt.Errorf("%w: length is not what the header says", ErrDamaged)
	errNewer   = fmt.Errorf("%w: written by a newer version", ErrDamaged)
	errForeign = fmt.Errorf("%w: name and header do not fit each other", ErrDamaged)
)

// header is what stands before the lines.
type header struct {
	label  string
	minute timeline.Minute
	sealed int64 // Unix ms
	tweets int
	digest uint64
	idsLen int
	frames []frame
	length int // of the skippable frame
}

// frame is one frame of lines.
type frame struct {
	length, tweets int
	sum            uint32
}

// size is the length of the whole segment.
func (h *header) size() int64 {
	n := int64(h.length)
	for _, f := range h.frames {
		n += int64(f.length)
	}
	return n
}

// line is one Tweet of a segment that is being made: its id, and its folded line.
type line struct {
	id   snowflake.ID
	text []byte
}

// encodeSegment makes a segment of lines, which it sorts. No id stands there twice.
func encodeSegment(enc *zstd.Encoder, label string, m timeline.Minute, sealed int64, lines []line) (*header, []byte) {
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.id, b.id) })
	h := &header{label: label, minute: m, sealed: sealed, tweets: len(lines)}
	var body, chunk []byte
	flush := func(tweets int) {
		start := len(body)
		body = enc.EncodeAll(chunk, body)
		h.frames = append(h.frames, frame{length: len(body) - start, tweets: tweets, sum: crc32.Checksum(body[start:], castagnoli)})
		chunk = chunk[:0]
	}
	first := 0
	for i, l := range lines {
		h.digest += ledger.Digest(l.id)
		if chunk = append(chunk, l.text...); len(chunk) >= frameBytes || i == len(lines)-1 {
			flush(i + 1 - first)
			first = i + 1
		}
	}
	head := h.append(nil, lines)
	return h, append(head, body...)
}

func (h *header) append(dst []byte, lines []line) []byte {
	ids := appendIDs(nil, lines)
	h.idsLen = len(ids)
	dst = binary.LittleEndian.AppendUint32(dst, skippable)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.headLen()+h.idsLen+sumLen))
	start := len(dst)
	dst = append(append(dst, magic...), version, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.minute))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.sealed))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.tweets))
	dst = binary.BigEndian.AppendUint64(dst, h.digest)
	for _, n := range []int{len(h.frames), h.idsLen, len(h.label)} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	dst = append(dst, h.label...)
	for _, f := range h.frames {
		dst = binary.BigEndian.AppendUint32(dst, uint32(f.length))
		dst = binary.BigEndian.AppendUint32(dst, uint32(f.tweets))
		dst = binary.BigEndian.AppendUint32(dst, f.sum)
	}
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	dst = append(dst, ids...)
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(ids, castagnoli))
	h.length = len(dst)
	return dst
}

// headLen is the length of the header from its magic to its checksum, the ids left out.
func (h *header) headLen() int { return fixedLen + len(h.label) + entryLen*len(h.frames) + sumLen }

func appendIDs(dst []byte, lines []line) []byte {
	var last snowflake.ID
	for _, l := range lines {
		dst = binary.AppendUvarint(dst, uint64(l.id-last))
		last = l.id
	}
	return dst
}

// parseHeader reads the header that b begins with; b may end before the ids do, or go on behind them. It trusts nothing.
func parseHeader(b []byte) (*header, error) {
	if len(b) < skipLen+fixedLen || binary.LittleEndian.Uint32(b) != skippable || string(b[skipLen:skipLen+4]) != magic {
		return nil, errHeader
	}
	length := int(binary.LittleEndian.Uint32(b[4:]))
	b = b[skipLen:]
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	h := &header{length: length + skipLen, tweets: u32(24), idsLen: u32(40)}
	frames, label := u32(36), u32(44)
	if h.tweets > maxTweets || frames > maxFrames || label > maxLabel || len(b) < fixedLen+label+entryLen*frames+sumLen {
		return nil, errHeader
	}
	h.minute, h.sealed = timeline.Minute(binary.BigEndian.Uint64(b[8:])), int64(binary.BigEndian.Uint64(b[16:]))
	h.digest, h.label = binary.BigEndian.Uint64(b[28:]), string(b[fixedLen:fixedLen+label])
	for at := fixedLen + label; len(h.frames) < frames; at += entryLen {
		h.frames = append(h.frames, frame{length: u32(at), tweets: u32(at + 4), sum: binary.BigEndian.Uint32(b[at+8:])})
	}
	head := h.headLen()
	switch {
	case h.idsLen > binary.MaxVarintLen64*h.tweets, h.size() > maxBytes:
		return nil, errHeader
	case crc32.Checksum(b[:head-sumLen], castagnoli) != binary.BigEndian.Uint32(b[head-sumLen:]):
		return nil, errHeader
	case b[4] > version:
		return nil, errNewer
	case b[4] != version || length != head+h.idsLen+sumLen:
		return nil, errHeader
	}
	return h, nil
}

// ids reads the ids from the beginning of a segment.
func (h *header) ids(b []byte) ([]snowflake.ID, error) {
	at := skipLen + h.headLen()
	if len(b) < h.length {
		return nil, errIDs
	}
	b = b[at:h.length]
	if b = b[:h.idsLen]; crc32.Checksum(b, castagnoli) != binary.BigEndian.Uint32(b[h.idsLen:h.idsLen+sumLen]) {
		return nil, errIDs
	}
	ids := make([]snowflake.ID, 0, h.tweets)
	var last uint64
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 || len(ids) == h.tweets || len(ids) > 0 && d == 0 {
			return nil, errIDs
		}
		last += d
		ids, b = append(ids, snowflake.ID(last)), b[n:]
	}
	if len(ids) != h.tweets || ledger.Digest(ids...) != h.digest {
		return nil, errIDs
	}
	return ids, nil
}

// readFrames calls each with the lines of every sound frame of the segment. The error names what is not sound.
func (h *header) readFrames(dec *zstd.Decoder, b []byte, each func(lines []byte, tweets int) error) error {
	var wrong []error
	if int64(len(b)) != h.size() {
		wrong = append(wrong, errLength)
	}
	b = b[min(h.length, len(b)):]
	var lines []byte
	for i, f := range h.frames {
		part := b[:min(f.length, len(b))]
		b = b[len(part):]
		var err error
		if len(part) < f.length || crc32.Checksum(part, castagnoli) != f.sum {
			err = errors.New("checksum")
		} else {
			lines, err = dec.DecodeAll(part, lines[:0])
		}
		if err == nil && bytes.Count(lines, []byte("\n")) != f.tweets {
			err = errors.New("number of lines")
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%w %d of %d: %w", errFrame, i+1, len(h.frames), err))
			continue
		}
		if err := each(lines, f.tweets); err != nil {
			return err
		}
	}
	return errors.Join(wrong...)
}

func newDecoder() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		panic("BUG: options of zstd: " + err.Error())
	}
	return dec
}

func newEncoder(level int) *zstd.Encoder {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithWindowSize(frameBytes), zstd.WithEncoderCRC(true))
	if err != nil {
		panic("BUG: options of zstd: " + err.Error())
	}
	return enc
}
