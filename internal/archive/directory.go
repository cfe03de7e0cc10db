package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// tempDir, below the root, holds segments being written: it is in the same file system, and no label is named so.
const tempDir = ".new"

// directory is a place on a file system.
type directory struct {
	root string
	disk disk
}

func (d *directory) at(p string) string { return filepath.Join(d.root, filepath.FromSlash(p)) }

// list takes a root that is not there for a disk that is not mounted, and not for an archive that is empty. Below it, a
// directory that cannot be read does not hide the others: what is found comes with an error
// that is an ErrDamaged.
func (d *directory) list(ctx context.Context, prefix string) (found []object, err error) {
	if _, err := os.Stat(d.root); err != nil {
		return nil, fmt.Errorf("list archive: %w", err)
	}
	var wrong []error
	walk := func(p string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed meanwhile, or nothing there yet
		case err != nil && scarce(err):
			return err
		case err != nil:
			wrong = append(wrong, err)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.HasPrefix(e.Name(), ".") && p != d.at(prefix):
			return skip(e)
		case e.IsDir():
			return nil
		}
		return d.found(&found, p, e)
	}
	if err := filepath.WalkDir(d.at(prefix), walk); err != nil {
		return nil, fmt.Errorf("list archive: %w", err)
	}
	if err := several("directories cannot be read", wrong); err != nil {
		return found, unread{fmt.Errorf("list archive: %w", err)}
	}
	return found, nil
}

// scarce reports whether this machine lacks something for the moment: then nothing is known of what was looked for.
func scarce(err error) bool {
	for _, of := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (d *directory) found(list *[]object, p string, e fs.DirEntry) error {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(d.root, p)
	if err != nil {
		return err
	}
	*list = append(*list, object{filepath.ToSlash(rel), info.Size()})
	return nil
}

func (d *directory) read(_ context.Context, p string, n int64) ([]byte, error) {
	f, err := os.Open(d.at(p))
	if err != nil {
		return nil, oneUnread(err)
	}
	defer f.Close()
	from := io.Reader(f)
	if n >= 0 {
		from = io.LimitReader(f, n)
	}
	b, err := io.ReadAll(from)
	return b, oneUnread(err)
}

// put makes the directories again if one that became empty was removed just then.
func (d *directory) put(_ context.Context, p string, body []byte) (err error) {
	temp := filepath.Join(d.root, tempDir)
	for range 3 {
		if err = errors.Join(d.disk.mkdir(temp), d.disk.mkdir(filepath.Dir(d.at(p)))); err != nil {
			break
		}
		if err = writeFile(d.disk, filepath.Join(temp, path.Base(p)), d.at(p), body); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

func (d *directory) remove(_ context.Context, p string) error {
	if err := d.disk.remove(d.at(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove segment: %w", err)
	}
	for up := path.Dir(p); up != "."; up = path.Dir(up) {
		if d.disk.remove(d.at(up)) != nil {
			break // not empty
		}
	}
	return nil //nolint:nilerr // a directory that stays is no harm
}

// removeTemps removes what a writer that was killed left half written. No other writer's: those may be at work.
func (d *directory) removeTemps(writer string) error {
	names, err := filepath.Glob(filepath.Join(d.root, tempDir, "*_"+writer+"-*"+suffix))
	if err != nil {
		return err
	}
	for _, p := range names {
		if err := d.disk.remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was left half written: %w", err)
		}
	}
	return nil
}

func (*directory) close() error { return nil }
