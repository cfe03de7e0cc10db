package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	idsDir    = "ids"
	idsSuffix = ".ids"
	hourStyle = "20060102T15"
	perHour   = 60

	// mostBeside is how many files there may be of one hour beside its first: each is begun where the one before
	// cannot be read or written.
	mostBeside = 9
)

// hour is a UTC hour, counted from the Unix epoch: ids of one hour share a file.
type hour int64

func hourOf(m timeline.Minute) hour {
	h := int64(m) / perHour
	if int64(m)%perHour < 0 {
		h--
	}
	return hour(h)
}

func (h hour) first() timeline.Minute { return timeline.Minute(h * perHour) }

func (h hour) name() string { return h.file(0) }

// file is the name of the n-th file beside the hour's first, which is 0.
func (h hour) file(n int) string {
	text := time.Unix(int64(h)*3600, 0).UTC().Format(hourStyle)
	if n > 0 {
		text += "." + strconv.Itoa(n)
	}
	return text + idsSuffix
}

func (h hour) path(dir string) string { return h.pathOf(dir, 0) }

func (h hour) pathOf(dir string, n int) string { return filepath.Join(dir, idsDir, h.file(n)) }

// parseHour is the inverse of file.
func parseHour(name string) (h hour, n int, ok bool) {
	text, _ := strings.CutSuffix(name, idsSuffix)
	text, number, beside := strings.Cut(text, ".")
	t, err := time.Parse(hourStyle, text)
	if beside && err == nil {
		n, err = strconv.Atoi(number)
	}
	h = hour(t.Unix() / 3600)
	return h, n, err == nil && n <= mostBeside && h.file(n) == name
}

// block is a block and where it stands.
type block struct {
	header
	beside int // which file of its hour
	offset int64
}

func (b block) end() int64 { return b.offset + headerLen + int64(b.length) }

// hoursIn lists the hours that have an id file.
func hoursIn(dir string) (hours []hour, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, idsDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list id files: %w", err)
	}
	for _, e := range entries {
		if h, _, ok := parseHour(e.Name()); ok {
			hours = append(hours, h)
		}
	}
	slices.Sort(hours)
	return slices.Compact(hours), nil
}

// hourFiles are the files of one hour, each opened when it is first needed. Blocks are listed and read through that one
// handle: a merge puts another file under the same name, in which they stand elsewhere.
type hourFiles struct {
	dir  string
	hour hour
	open map[int]*os.File
}

func newHourFiles(dir string, h hour) *hourFiles {
	return &hourFiles{dir: dir, hour: h, open: make(map[int]*os.File, 1)}
}

func (h *hourFiles) close() {
	for _, f := range h.open {
		_ = f.Close() // it was only read
	}
}

func (h *hourFiles) file(n int) (*os.File, error) {
	if f := h.open[n]; f != nil {
		return f, nil
	}
	f, err := os.Open(h.hour.pathOf(h.dir, n))
	if err != nil {
		return nil, err
	}
	h.open[n] = f
	return f, nil
}

// list lists the blocks of the n-th file, see hop. The error is os.ErrNotExist where there is none.
func (h *hourFiles) list(n int) (blocks []block, size, skipped int64, err error) {
	f, err := h.file(n)
	if err != nil {
		return nil, 0, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	blocks, skipped, err = hop(f, info.Size())
	for i := range blocks {
		blocks[i].beside = n
	}
	return blocks, info.Size(), skipped, err
}

// listAll lists the blocks of all files of the hour.
func (h *hourFiles) listAll() (blocks []block, skipped int64, err error) {
	for n := range mostBeside + 1 {
		more, _, lost, err := h.list(n)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, 0, err
		}
		blocks, skipped = append(blocks, more...), skipped+lost
	}
	return blocks, skipped, nil
}

// read appends the ids of the block to dst. The error is errBlock if what stands there is not the block, or that of the
// file system.
func (h *hourFiles) read(c *codec, b block, dst []snowflake.ID) ([]snowflake.ID, error) {
	f, err := h.file(b.beside)
	if err != nil {
		return dst, err
	}
	buf := make([]byte, headerLen+b.length)
	if _, err := f.ReadAt(buf, b.offset); errors.Is(err, io.EOF) {
		return dst, errBlock
	} else if err != nil {
		return dst, err
	}
	if head, ok := parseHeader(buf); !ok || head != b.header {
		return dst, errBlock
	}
	return c.unpack(b.header, buf[headerLen:], dst)
}

// hop lists the blocks of a file by their headers, without reading payloads. skipped is how many bytes
// before the last block belong to none; what follows the last block is a torn tail.
func hop(f io.ReaderAt, size int64) (blocks []block, skipped int64, err error) {
	var head [headerLen]byte
	for at, end := int64(0), int64(0); at+headerLen <= size; {
		if _, err := f.ReadAt(head[:], at); err != nil {
			return blocks, skipped, fmt.Errorf("read id file: %w", err)
		}
		b := block{offset: at}
		var ok bool
		if b.header, ok = parseHeader(head[:]); ok && b.end() <= size {
			blocks = append(blocks, b)
			skipped += at - end
			at, end = b.end(), b.end()
			continue
		}
		if at, err = seek(f, at+1, size); err != nil {
			return blocks, skipped, err
		}
	}
	return blocks, skipped, nil
}

// seek finds the next place, from at on, where a header may start; size when there is none.
func seek(f io.ReaderAt, at, size int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for at < size {
		n, err := f.ReadAt(chunk[:min(int64(len(chunk)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read id file: %w", err)
		}
		if i := bytes.Index(chunk[:n], magic); i >= 0 {
			return at + int64(i), nil
		}
		if n < len(magic) {
			break
		}
		at += int64(n - len(magic) + 1)
	}
	return size, nil
}
