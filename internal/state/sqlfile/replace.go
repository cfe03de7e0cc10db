package sqlfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/durable"
)

// Suffixes of the files that SQLite keeps beside its own.
const (
	LogSuffix     = "-wal"
	IndexSuffix   = "-shm"
	journalSuffix = "-journal"
)

// Adopt puts a file that was built beside in the place of one that is gone. While the old one is there, the new one
// may be unfinished and is dropped.
func Adopt(path, fresh string) error {
	switch _, err := os.Stat(path); {
	case err == nil:
		return Discard(fresh)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look for %s: %w", path, err)
	}
	switch _, err := os.Stat(fresh); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for %s: %w", fresh, err)
	}
	if err := durable.Remove(path+LogSuffix, path+IndexSuffix); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("put the new file in place: %w", err)
	}
	return durable.Dir(filepath.Dir(path))
}

// Discard deletes a file that was being built, with its journal. It need not be there.
func Discard(path string) error { return durable.Remove(path, path+journalSuffix) }

// asideTime is how names of files that were set aside end.
const asideTime = "20060102T150405Z"

// SetAside renames a damaged file, with its log, to the prefix and the time; nothing that is there is written over.
func SetAside(path, prefix string, now time.Time) error {
	name := prefix + now.UTC().Format(asideTime)
	for n := 1; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("set the damaged one aside: %w", err)
		}
		name = fmt.Sprintf("%s%s.%d", prefix, now.UTC().Format(asideTime), n)
	}
	// The log goes first: it must never be replayed over a new file.
	for _, suffix := range []string{LogSuffix, ""} {
		err := os.Rename(path+suffix, name+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set the damaged one aside: %w", err)
		}
	}
	return durable.Remove(path + IndexSuffix)
}

// aside is a file that was set aside, with its log.
type aside struct {
	path string
	size int64
	at   time.Time // when it was set aside
}

// Kept is which of the files that were set aside stay: the newest, those younger than Age as far as they take no more
// than Bytes together, and, whatever they take, those with more bytes than Than (0: none): they may hold what the
// present file lacks.
type Kept struct {
	Age         time.Duration
	Bytes, Than int64
}

// DropAside deletes files that were set aside under names with the prefix, and are not kept. One that cannot be looked
// at, or deleted, does not keep the others; the error names it.
func DropAside(dir, prefix string, k Kept, now time.Time) error {
	found, err := asides(dir, prefix)
	wrong := []error{err}
	var sum int64
	for i, f := range found {
		sum += f.size
		young := now.Sub(f.at) <= k.Age
		if young && (i == 0 || sum <= k.Bytes) || k.Than > 0 && f.size > k.Than {
			continue
		}
		wrong = append(wrong, durable.Remove(f.path, f.path+LogSuffix))
	}
	return errors.Join(wrong...)
}

// asides lists them, the newest first.
func asides(dir, prefix string) (list []aside, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, e := range found {
		text, ok := strings.CutPrefix(e.Name(), prefix)
		text, _, _ = strings.Cut(text, ".")
		at, err := time.Parse(asideTime, text)
		if !ok || err != nil || strings.HasSuffix(e.Name(), LogSuffix) {
			continue
		}
		f := aside{path: filepath.Join(dir, e.Name()), at: at}
		if f.size, err = Size(f.path); err != nil {
			wrong = append(wrong, err)
			continue
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b aside) int { return strings.Compare(b.path, a.path) })
	return list, errors.Join(wrong...)
}

// Size is that of a file with its log; 0 if there is none.
func Size(path string) (sum int64, err error) {
	for _, p := range []string{path, path + LogSuffix} {
		switch info, err := os.Stat(p); {
		case err == nil:
			sum += info.Size()
		case !errors.Is(err, os.ErrNotExist):
			return 0, err
		}
	}
	return sum, nil
}

// Readable proves that every byte of a file and of its log can be read: only then does what is wrong with it lie in what it
// holds. Nobody may have it open: to close it takes away the locks that SQLite has on it in this process. A file that
// is not there can be read.
func Readable(path string) error {
	for _, p := range []string{path, path + LogSuffix} {
		f, err := os.Open(p)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = io.Copy(io.Discard, f)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
