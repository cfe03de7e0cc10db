package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A journal holds what is not in a segment yet: files with numbers, of blocks one after the other. A block is, big-endian:
//
//	0 magic "DHaj" | 4 version | 5 kind | 6 zero, 2 bytes | 8 length of the payload, 4 bytes | 12 its crc32c, 4 bytes
//	16 crc32c of bytes 0…15, 4 bytes | 20 payload
//
// The payload of kind 1 is folded lines. That of kind 2 is a line per segment that was sealed, "minute label": what
// earlier blocks hold of that minute and label is in a segment.
const (
	journalMagic   = "DHaj"
	journalVersion = 1
	blockHead      = 20
	kindLines      = 1
	kindSealed     = 2
	journalSuffix  = ".journal"

	// journalBytes is where a file ends and the next begins: files go when nothing in them is open any more.
	journalBytes = 64 << 20
)

// journal appends. Its owner is the Writer.
type journal struct {
	dir    string
	disk   disk
	number int   // of the current file
	first  int   // the oldest file that is there
	size   int64 // of the current file, as far as it is sound
	file   file  // nil: the next append begins a new one
	block  []byte
}

func journalName(number int) string { return fmt.Sprintf("%010d", number) + journalSuffix }

// append returns when the block is durable. After an error the journal is as before: what may be on disk of the block
// is cut off, or left behind in a file that is not written any more.
func (j *journal) append(kind byte, payload []byte, durable bool) error {
	if j.file == nil || j.size >= journalBytes {
		if err := j.rotate(); err != nil {
			return fmt.Errorf("begin a file of the journal: %w", err)
		}
	}
	j.block = appendBlock(j.block[:0], kind, payload)
	_, err := j.file.Write(j.block)
	if err == nil && durable {
		err = j.file.Sync()
	}
	if err != nil {
		j.abandon()
		return fmt.Errorf("append to the journal: %w", err)
	}
	j.size += int64(len(j.block))
	return nil
}

func appendBlock(dst []byte, kind byte, payload []byte) []byte {
	start := len(dst)
	dst = append(append(dst, journalMagic...), journalVersion, kind, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(payload, castagnoli))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return append(dst, payload...)
}

func (j *journal) rotate() error {
	j.close()
	f, err := j.disk.create(filepath.Join(j.dir, journalName(j.number+1)))
	if err != nil {
		return err
	}
	if err := j.disk.syncDir(j.dir); err != nil {
		return errors.Join(err, f.Close(), j.disk.remove(filepath.Join(j.dir, journalName(j.number+1))))
	}
	j.number++
	j.file, j.size = f, 0
	return nil
}

// abandon leaves the file after a failed write: after a failed sync nobody knows what of it is on disk.
func (j *journal) abandon() {
	_ = j.file.Truncate(j.size) // if it fails, its checksum tells the block apart when it is read
	j.close()
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // what counts was synced
		j.file = nil
	}
}

// drop removes the files before that number. One that stays is tried again, and does not keep the others: after a kill
// its Tweets are sealed once more, which is harmless.
func (j *journal) drop(before int) error {
	first := before
	var wrong []error
	for n := j.first; n < before; n++ {
		err := j.disk.remove(filepath.Join(j.dir, journalName(n)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			wrong = append(wrong, fmt.Errorf("remove a file of the journal: %w", err))
			first = min(first, n)
		}
	}
	j.first = first
	return several("files of the journal stay", wrong)
}

// journalFiles are the numbers of the files in the directory, in order.
func journalFiles(dir string) (numbers []int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, ok := strings.CutSuffix(e.Name(), journalSuffix)
		if n, err := strconv.Atoi(text); ok && err == nil && journalName(n) == e.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// readBlocks calls each for every sound block of a file. skipped bytes were damaged: sound blocks follow them, or they
// are those of a whole block. torn bytes at the end are what a kill or a failed write left.
func readBlocks(b []byte, each func(kind byte, payload []byte)) (skipped, torn int) {
	for len(b) > 0 {
		kind, payload, n := parseBlock(b)
		switch {
		case n == 0:
			next := nextBlock(b)
			if next < 0 {
				return skipped, torn + len(b)
			}
			skipped += next + torn
			torn, b = 0, b[next:]
		case payload == nil && n == len(b):
			return skipped, torn + n // the last: not synced whole, perhaps
		case payload == nil:
			skipped += n
			b = b[n:]
		default:
			each(kind, payload)
			b = b[n:]
		}
	}
	return skipped, torn
}

// parseBlock reads the block that b begins with. n is its length, 0 if there is none; payload is nil if it is damaged.
func parseBlock(b []byte) (kind byte, payload []byte, n int) {
	if len(b) < blockHead || string(b[:4]) != journalMagic || b[4] != journalVersion ||
		crc32.Checksum(b[:16], castagnoli) != binary.BigEndian.Uint32(b[16:]) {
		return 0, nil, 0
	}
	n = blockHead + int(binary.BigEndian.Uint32(b[8:]))
	if n > len(b) {
		return 0, nil, 0
	}
	payload = b[blockHead:n:n]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(b[12:]) {
		return b[5], nil, n
	}
	return b[5], payload, n
}

// nextBlock is where behind its first byte b holds a block, -1 if nowhere.
func nextBlock(b []byte) int {
	for at := 1; ; {
		i := bytes.Index(b[at:], []byte(journalMagic))
		if i < 0 {
			return -1
		}
		if at += i; len(b)-at >= blockHead {
			if _, _, n := parseBlock(b[at:]); n > 0 {
				return at
			}
		}
		at++
	}
}

// key is what a segment is of.
type key struct {
	label  string
	minute timeline.Minute
}

func (k key) append(dst []byte) []byte {
	return append(append(strconv.AppendInt(dst, int64(k.minute), 10), ' '), k.label+"\n"...)
}

// parseKeys reads the payload of kindSealed.
func parseKeys(payload []byte) (keys []key) {
	for text := range strings.Lines(string(payload)) {
		minute, label, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		if m, err := strconv.ParseInt(minute, 10, 64); err == nil {
			keys = append(keys, key{label, timeline.Minute(m)})
		}
	}
	return keys
}
