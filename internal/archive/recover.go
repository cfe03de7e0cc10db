package archive

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
)

const (
	writerName = "writer"
	outboxName = "outbox"
)

var errLocked = errors.New("another process writes there; each needs a spool directory of its own")

// NewWriter opens the spool, and takes up what an earlier process left in its journal. It touches no network.
func NewWriter(url string, o WriterOptions, now time.Time) (*Writer, error) {
	if o.disk == nil {
		o.disk = realDisk{}
	}
	w := &Writer{o: o, enc: newEncoder(o.Level), open: make(map[key]*openSegment), stays: make(map[string]time.Time)}
	var err error
	if w.dest, err = openPlace(url, o.Options, o.disk); err != nil {
		return nil, err
	}
	local, ok := w.dest.(*directory)
	if !ok {
		local = &directory{root: filepath.Join(o.Spool, outboxName), disk: o.disk}
	}
	w.local = local
	if err := w.prepare(now); err != nil {
		return nil, errors.Join(fmt.Errorf("open spool %s: %w", o.Spool, err), w.dest.close())
	}
	return w, nil
}

func (w *Writer) prepare(now time.Time) error {
	if err := errors.Join(w.o.disk.mkdir(w.local.root), w.o.disk.mkdir(w.o.Spool)); err != nil {
		return err
	}
	var err error
	if w.lock, err = dirlock.Take(w.o.Spool); errors.Is(err, dirlock.ErrHeld) {
		return errLocked
	}
	if err != nil {
		return err
	}
	err = w.identify()
	if err == nil {
		err = w.local.removeTemps(w.id)
	}
	if err == nil {
		err = w.recover(now)
	}
	if err == nil && w.buffered() {
		err = w.countWaiting()
	}
	if err != nil {
		return errors.Join(err, w.lock.Release())
	}
	return nil
}

var writerID = regexp.MustCompile(`^[0-9a-f]{8}$`)

// identify reads the name of this writer, or gives it one. It is in the names of its segments, so that no two writers to
// one place ever write the same.
func (w *Writer) identify() error {
	path := filepath.Join(w.o.Spool, writerName)
	b, err := os.ReadFile(path)
	if err == nil && writerID.Match(b) {
		w.id = string(b)
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	w.id = hex.EncodeToString(random[:])
	if err := w.removeOld(path + ".new"); err != nil {
		return err
	}
	return writeFile(w.o.disk, path+".new", path, []byte(w.id))
}

func (w *Writer) removeOld(path string) error {
	if err := w.o.disk.remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// recover reads the journal twice: first which segments were sealed, then what is in none.
func (w *Writer) recover(now time.Time) error {
	numbers, err := journalFiles(w.o.Spool)
	if err != nil {
		return err
	}
	w.journal = &journal{dir: w.o.Spool, disk: w.o.disk, first: 1}
	if len(numbers) == 0 {
		return nil
	}
	w.journal.first, w.journal.number = numbers[0], numbers[len(numbers)-1]
	sealed := make(map[key]int) // how many blocks there were when it was sealed last
	blocks := 0
	if err := w.eachBlock(numbers, func(_ int, kind byte, payload []byte) {
		blocks++
		if kind == kindSealed {
			for _, k := range parseKeys(payload) {
				sealed[k] = blocks
			}
		}
	}, nil); err != nil {
		return err
	}
	at := 0
	err = w.eachBlock(numbers, func(file int, kind byte, payload []byte) {
		at++
		if kind == kindLines {
			w.takeUp(payload, file, now, func(k key) bool { return at > sealed[k] })
		}
	}, w.noteDamage)
	if err == nil && len(w.open) == 0 {
		err = w.journal.drop(w.journal.number + 1)
	}
	return err
}

func (w *Writer) eachBlock(numbers []int, each func(file int, kind byte, payload []byte), found func(path string, skipped, torn int)) error {
	for _, n := range numbers {
		path := filepath.Join(w.o.Spool, journalName(n))
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		skipped, torn := readBlocks(b, func(kind byte, payload []byte) { each(n, kind, payload) })
		if found != nil && skipped+torn > 0 {
			found(path, skipped, torn)
		}
	}
	return nil
}

func (w *Writer) noteDamage(path string, skipped, torn int) {
	if skipped > 0 {
		w.notes = append(w.notes, fmt.Sprintf("%s is damaged: %d bytes of it could not be read, and the Tweets in them are lost here", path, skipped))
	}
	if torn > 0 {
		w.notes = append(w.notes, fmt.Sprintf("%s ends with %d bytes of a write that was cut short; they were not acknowledged", path, torn))
	}
}

// takeUp adds the lines of a block to open segments, but those of segments that are sealed.
func (w *Writer) takeUp(lines []byte, file int, now time.Time, wanted func(key) bool) {
	var l lineproto.Line
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			break
		}
		text := lines[:end:end]
		lines = lines[end:]
		t, err := parseTweet(&l, text)
		if k := (key{t.label, t.minute()}); err == nil && wanted(k) {
			w.takeUpOne(k, t.id, text, file, now)
		}
	}
}

func (w *Writer) takeUpOne(k key, id snowflake.ID, text []byte, file int, now time.Time) {
	s := w.segment(k, now)
	if _, known := s.ids[id]; known {
		return
	}
	if s.journal == 0 {
		s.journal = file
	}
	s.ids[id] = struct{}{}
	w.add(s, id, text)
}
