package dirlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Name is that of the file in the directory.
const Name = "lock"

// ErrHeld says that another process owns the directory.
var ErrHeld = errors.New("is in use by another process")

const (
	// tries is for those who look whether somebody holds the lock, and hold it themselves meanwhile.
	tries = 5
	pause = 20 * time.Millisecond

	fileMode = 0o600
)

// Lock is the ownership of a directory.
type Lock struct{ locks []*flock.Flock }

// Take makes the directory this process's. The error is ErrHeld, or one of the file system's.
func Take(dir string) (*Lock, error) {
	for try := 1; ; try++ {
		l, err := take(dir)
		if !errors.Is(err, ErrHeld) || try == tries {
			return l, err
		}
		time.Sleep(pause)
	}
}

func take(dir string) (*Lock, error) {
	l := &Lock{}
	for _, f := range both(dir, os.O_CREATE|os.O_RDWR) {
		ok, err := f.TryLock()
		switch {
		case f.Path() == dir && cannot(err): // the file alone, then
		case err != nil:
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Path(), err), l.Release())
		case !ok:
			return nil, errors.Join(ErrHeld, l.Release())
		}
		l.locks = append(l.locks, f)
	}
	return l, nil
}

// both are the two locks of a directory.
func both(dir string, flag int) []*flock.Flock {
	file := flock.New(filepath.Join(dir, Name), flock.SetFlag(flag), flock.SetPermissions(fileMode))
	if runtime.GOOS == "windows" {
		return []*flock.Flock{file}
	}
	return []*flock.Flock{file, flock.New(dir, flock.SetFlag(os.O_RDONLY))}
}

// cannot reports whether a file system has no locks on directories, such as NFS, where they are those of records.
func cannot(err error) bool {
	for _, of := range []error{syscall.EBADF, syscall.EINVAL, syscall.EISDIR, syscall.ENOLCK, syscall.ENOTSUP, syscall.ENOSYS, errors.ErrUnsupported} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// Held reports whether some process owns the directory. Who may not look cannot tell: it is not, then.
func Held(dir string) bool {
	for _, f := range both(dir, os.O_RDONLY) {
		ok, err := f.TryRLock()
		if ok {
			_ = f.Unlock()
		}
		if err == nil && !ok {
			return true
		}
	}
	return false
}

// Release ends the ownership.
func (l *Lock) Release() error {
	var wrong []error
	for _, f := range l.locks {
		if err := f.Unlock(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}
