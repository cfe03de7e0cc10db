package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// ring are the files of a directory: the newest is written, the oldest goes when there is no room. Files of other names are
// not ours.
type ring struct {
	root  *os.Root
	limit int64
	began time.Time // the names of this process's files begin with it
	files []ringFile
	total int64
	out   *os.File // nil: none was begun
}

type ringFile struct {
	name string
	size int64
}

var ringName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9]{6}\.recording$`)

// Suffix is that of the names of recordings.
const Suffix = ".recording"

func nameOf(began time.Time, file int) string {
	return fmt.Sprintf("%s-%06d%s", began.UTC().Format("20060102T150405.000Z"), file, Suffix)
}

// openRing makes the directory, or takes one that only its owner may use. It follows no link there.
func openRing(dir string, limit int64) (*ring, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("make directory of recordings: %w", err)
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look at directory of recordings: %w", err)
	case !info.IsDir():
		return nil, errors.New("it is a link, or no directory")
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("others may use it: its mode is %#o, must be %#o", info.Mode().Perm(), dirMode)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory of recordings: %w", err)
	}
	if opened, err := root.Stat("."); err != nil || !os.SameFile(info, opened) {
		return nil, errors.Join(errors.New("it was replaced while it was opened"), root.Close())
	}
	r := &ring{root: root, limit: limit, began: time.Now()}
	if err := r.list(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return r, nil
}

// list finds what earlier processes left.
func (r *ring) list() error {
	entries, err := fs.ReadDir(r.root.FS(), ".") // in the order of names, which is that of time
	if err != nil {
		return fmt.Errorf("list recordings: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !ringName.MatchString(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("list recordings: %w", err)
		}
		r.files = append(r.files, ringFile{e.Name(), info.Size()})
		r.total += info.Size()
	}
	return nil
}

// write appends a block to the newest file, or begins one with it.
func (r *ring) write(b block) error {
	if b.first {
		if err := r.next(nameOf(r.began, b.file)); err != nil {
			return err
		}
	}
	if err := r.makeRoom(int64(len(b.data))); err != nil {
		return err
	}
	n, err := r.out.Write(b.data)
	r.files[len(r.files)-1].size += int64(n)
	r.total += int64(n)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

func (r *ring) next(name string) (err error) {
	if r.out != nil {
		err = r.out.Close()
		r.out = nil
	}
	if err == nil {
		r.out, err = r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	}
	if err != nil {
		return fmt.Errorf("begin recording: %w", err)
	}
	r.files = append(r.files, ringFile{name: name})
	return nil
}

// makeRoom deletes the oldest files until n more bytes are within the limit.
func (r *ring) makeRoom(n int64) error {
	for r.total+n > r.limit {
		if len(r.files) == 1 {
			return errors.New("one file takes all of the limit")
		}
		oldest := r.files[0]
		if err := r.root.Remove(oldest.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete recording: %w", err)
		}
		r.files = slices.Delete(r.files, 0, 1)
		r.total -= oldest.size
	}
	return nil
}

func (r *ring) close() {
	for _, c := range []io.Closer{r.out, r.root} {
		if c != io.Closer((*os.File)(nil)) {
			_ = c.Close() // what was written is with the system
		}
	}
}
