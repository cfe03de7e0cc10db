package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A block holds ids of one partition and one minute. Its header, big-endian:
//
//	0 magic "DHid" | 4 version | 5 partition | 6 zero, 2 bytes | 8 minute, 8 bytes | 16 count, 4 bytes
//	20 payload length, 4 bytes | 24 smallest id, 8 bytes | 32 crc32c of the payload | 36 crc32c of bytes 0…35
//
// The payload is four columns, each a uvarint length and a zstd frame: of the sorted ids the milliseconds
// since the id before (uvarints), then the bytes 2, 1 and 0 of their low 22 bits.
const (
	headerLen    = 40
	blockVersion = 1
	columnCount  = 4

	// maxBlockIDs bounds what a block may make us allocate: a minute of the whole Firehose is 360 000.
	maxBlockIDs = 1 << 20
	maxPayload  = maxBlockIDs * 16
	lowBits     = 22
)

var (
	magic      = []byte("DHid")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errBlock = errors.New("id block is damaged")
)

// header is what the index needs to know of a block.
type header struct {
	partition int
	minute    timeline.Minute
	count     int
	length    int // of the payload
	least     snowflake.ID
	sum       uint32
}

func (h header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, blockVersion, byte(h.partition), 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.minute))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.count))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.length))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.least))
	dst = binary.BigEndian.AppendUint32(dst, h.sum)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseHeader reads the header at the start of b; ok is false when there is none.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerLen || !bytes.HasPrefix(b, magic) || b[4] != blockVersion {
		return header{}, false
	}
	if crc32.Checksum(b[:headerLen-4], castagnoli) != binary.BigEndian.Uint32(b[headerLen-4:]) {
		return header{}, false
	}
	h = header{
		partition: int(b[5]),
		minute:    timeline.Minute(binary.BigEndian.Uint64(b[8:])),
		count:     int(binary.BigEndian.Uint32(b[16:])),
		length:    int(binary.BigEndian.Uint32(b[20:])),
		least:     snowflake.ID(binary.BigEndian.Uint64(b[24:])),
		sum:       binary.BigEndian.Uint32(b[32:]),
	}
	return h, h.count > 0 && h.count <= maxBlockIDs && h.length <= maxPayload
}

// codec packs and unpacks blocks. Packing is for one goroutine at a time; unpacking for any number.
type codec struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	ids     []snowflake.ID
	columns [columnCount][]byte
	payload []byte
}

func newCodec() *codec {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithAllLitEntropyCompression(true), zstd.WithSingleSegment(true),
		zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true)) // a payload is 250 KiB at most, as a rule
	dec, derr := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPayload))
	if err := errors.Join(err, derr); err != nil {
		panic("BUG: options of zstd: " + err.Error())
	}
	return &codec{enc: enc, dec: dec}
}

func (c *codec) close() {
	_ = c.enc.Close()
	c.dec.Close()
}

// append packs the ids, which stay as they are, and puts their blocks behind dst; added is told of each.
func (c *codec) append(dst []byte, partition int, m timeline.Minute, ids []snowflake.ID, added func(offset int, h header)) []byte {
	c.ids = append(c.ids[:0], ids...)
	slices.Sort(c.ids)
	c.ids = slices.Compact(c.ids)
	for part := range slices.Chunk(c.ids, maxBlockIDs) {
		c.pack(part)
		h := header{partition: partition, minute: m, count: len(part), length: len(c.payload), least: part[0],
			sum: crc32.Checksum(c.payload, castagnoli)}
		added(len(dst), h)
		dst = append(h.append(dst), c.payload...)
	}
	return dst
}

// pack fills c.payload with the sorted ids.
func (c *codec) pack(ids []snowflake.ID) {
	for i := range c.columns {
		c.columns[i] = c.columns[i][:0]
	}
	last := int64(ids[0]) >> lowBits
	for _, id := range ids {
		ms := int64(id) >> lowBits
		c.columns[0] = binary.AppendUvarint(c.columns[0], uint64(ms-last))
		c.columns[1] = append(c.columns[1], byte(id>>16)&(1<<(lowBits-16)-1))
		c.columns[2] = append(c.columns[2], byte(id>>8))
		c.columns[3] = append(c.columns[3], byte(id))
		last = ms
	}
	c.payload = c.payload[:0]
	var packed []byte
	for _, column := range c.columns {
		packed = c.enc.EncodeAll(column, packed[:0])
		c.payload = append(binary.AppendUvarint(c.payload, uint64(len(packed))), packed...)
	}
}

// unpack appends the ids of the block to dst. It trusts neither header nor payload.
func (c *codec) unpack(h header, payload []byte, dst []snowflake.ID) ([]snowflake.ID, error) {
	if len(payload) != h.length || crc32.Checksum(payload, castagnoli) != h.sum {
		return dst, errBlock
	}
	columns, err := c.split(payload)
	if err != nil {
		return dst, err
	}
	for _, column := range columns[1:] {
		if len(column) != h.count {
			return dst, errBlock
		}
	}
	return join(h, columns, dst)
}

func (c *codec) split(payload []byte) (columns [columnCount][]byte, err error) {
	for i := range columns {
		n, k := binary.Uvarint(payload)
		if k <= 0 || n > uint64(len(payload)-k) {
			return columns, errBlock
		}
		if columns[i], err = c.dec.DecodeAll(payload[k:k+int(n)], nil); err != nil {
			return columns, fmt.Errorf("%w: %w", errBlock, err)
		}
		payload = payload[k+int(n):]
	}
	if len(payload) > 0 {
		return columns, errBlock
	}
	return columns, nil
}

func join(h header, columns [columnCount][]byte, dst []snowflake.ID) ([]snowflake.ID, error) {
	start := len(dst)
	dst = slices.Grow(dst, h.count)
	ms, deltas := int64(h.least)>>lowBits, columns[0]
	for i := range h.count {
		d, k := binary.Uvarint(deltas)
		if k <= 0 || d > 1<<41 {
			return dst[:start], errBlock
		}
		deltas = deltas[k:]
		ms += int64(d)
		low := int64(columns[1][i])<<16 | int64(columns[2][i])<<8 | int64(columns[3][i])
		dst = append(dst, snowflake.ID(ms<<lowBits|low))
	}
	if len(deltas) > 0 || dst[start] != h.least || !slices.IsSorted(dst[start:]) {
		return dst[:start], errBlock
	}
	return dst, nil
}
