package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	idsDir    = "ids"
	idsSuffix = ".ids"
	hourStyle = "20060102T15"
	perHour   = 60
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

func (h hour) name() string {
	return time.Unix(int64(h)*3600, 0).UTC().Format(hourStyle) + idsSuffix
}

func (h hour) path(dir string) string { return filepath.Join(dir, idsDir, h.name()) }

func parseHour(name string) (hour, bool) {
	t, err := time.Parse(hourStyle+idsSuffix, name)
	if err != nil {
		return 0, false
	}
	h := hour(t.Unix() / 3600)
	return h, h.name() == name
}

// block is a block and where in its file it stands.
type block struct {
	header
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
		if h, ok := parseHour(e.Name()); ok {
			hours = append(hours, h)
		}
	}
	return hours, nil
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
