package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The format: the line magic, then frames. A frame is its kind, the length of its content as uvarint, the content, and the
// CRC-32C of kind and content. Numbers are varints.
const (
	magic    = "decahose recording 1\n"
	maxFrame = 32 << 20

	frameBegin = 'B'
	frameStep  = 'S'
)

// errDamaged says that what follows in a file cannot be read.
var errDamaged = errors.New("the recording is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame adds a frame to dst.
func appendFrame(dst []byte, kind byte, content []byte) []byte {
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(len(content)))
	dst = append(dst, content...)
	return binary.BigEndian.AppendUint32(dst, sum(kind, content))
}

func sum(kind byte, content []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, []byte{kind}), castagnoli, content)
}

// byteReader is what frames are read from.
type byteReader interface {
	io.Reader
	io.ByteReader
}

// readFrame reads a frame into buf, which it may replace. The error is io.EOF where a file ends, io.ErrUnexpectedEOF where
// it ends within a frame, or wraps errDamaged.
func readFrame(r byteReader, buf []byte) (kind byte, content []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, buf, err
	}
	n, err := binary.ReadUvarint(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, buf, io.ErrUnexpectedEOF
	case err != nil || n > maxFrame:
		return 0, buf, fmt.Errorf("%w: no length of a frame", errDamaged)
	}
	if content, err = readBytes(r, buf[:0], int(n)); err != nil {
		return 0, content, err
	}
	var check [4]byte
	if _, err = io.ReadFull(r, check[:]); err != nil {
		return 0, content, io.ErrUnexpectedEOF
	}
	if binary.BigEndian.Uint32(check[:]) != sum(kind, content) {
		return 0, content, fmt.Errorf("%w: a frame's checksum is wrong", errDamaged)
	}
	return kind, content, nil
}

// readBytes appends n bytes to buf. It takes no memory for what is announced and does not come.
func readBytes(r io.Reader, buf []byte, n int) ([]byte, error) {
	const piece = 64 << 10
	for n > 0 {
		at, k := len(buf), min(n, piece)
		buf = append(buf, make([]byte, k)...)
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return buf, io.ErrUnexpectedEOF
		}
		n -= k
	}
	return buf, nil
}

// values reads a frame's content. After the first error it is empty, and err says so.
type values struct {
	rest []byte
	err  error
}

func (v *values) fail() {
	v.rest, v.err = nil, errDamaged
}

func (v *values) uint() uint64 {
	n, size := binary.Uvarint(v.rest)
	if size <= 0 {
		v.fail()
		return 0
	}
	v.rest = v.rest[size:]
	return n
}

func (v *values) int() int64 {
	n, size := binary.Varint(v.rest)
	if size <= 0 {
		v.fail()
		return 0
	}
	v.rest = v.rest[size:]
	return n
}

// upTo is a number that is no larger than most.
func (v *values) upTo(most uint64) int {
	n := v.uint()
	if n > most {
		v.fail()
		return 0
	}
	return int(n)
}

// count is a number of things that take a byte each at least.
func (v *values) count() int { return v.upTo(uint64(len(v.rest))) }

// class is a word that is one, see classOf.
func (v *values) class() string {
	n := v.count()
	if n > len(v.rest) || v.err != nil {
		v.fail()
		return ""
	}
	word := string(v.rest[:n])
	v.rest = v.rest[n:]
	if word != classOf(word) {
		v.fail()
		return ""
	}
	return word
}

func appendClass(dst []byte, word string) []byte {
	word = classOf(word)
	return append(binary.AppendUvarint(dst, uint64(len(word))), word...)
}

// maxClass bounds the words that are kept, in bytes.
const maxClass = 32

// classOf is the word if it can be one of ours, which stand for ends, causes, methods and results; otherwise "other".
func classOf(word string) string {
	if len(word) > maxClass {
		return "other"
	}
	for _, c := range []byte(word) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "other"
		}
	}
	return word
}
