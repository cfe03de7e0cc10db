package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// takeStdout moves stdout to a descriptor of its own, which no child inherits, and points
// descriptor 1 and os.Stdout at stderr.
func takeStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate descriptor 1: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return nil, fmt.Errorf("point descriptor 1 at stderr: %w", err)
	}
	os.Stdout = os.Stderr
	return os.NewFile(uintptr(fd), "stdout"), nil
}

const (
	// lingerLimit bounds the wait for the reader of the pipe.
	lingerLimit = time.Second
	lingerStep  = 5 * time.Millisecond
	// closePause lets the reader see the ends of both pipes before it sees the end of the process:
	// execd stops reading at that.
	closePause = 50 * time.Millisecond
)

// linger waits until the reader has taken everything out of the pipe, then closes it, and stderr.
func linger(stdout *os.File) {
	ctx, cancel := context.WithTimeout(context.Background(), lingerLimit)
	defer cancel()
	wasRead(ctx, stdout)
	_ = stdout.Close()
	_ = unix.Close(1)
	_ = unix.Close(2)
	time.Sleep(closePause)
}

// wasRead waits until the reader has taken everything out of the pipe, and says whether it has; what is not a pipe
// needs no reader. A reader that is gone may have died with what it read last, so then the answer is no.
func wasRead(ctx context.Context, stdout *os.File) bool {
	fd := int(stdout.Fd())
	if !isPipe(fd) {
		return true
	}
	for unread(fd) {
		if abandoned(fd) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(lingerStep):
		}
	}
	return !abandoned(fd)
}

// abandoned says that nobody holds the other end of the pipe any more.
func abandoned(fd int) bool {
	ends := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(ends, 0)
	return err == nil && n > 0 && ends[0].Revents&unix.POLLERR != 0
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

func unread(fd int) bool {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ) // FIONREAD by its Linux name
	return err == nil && n > 0
}
