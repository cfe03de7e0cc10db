//go:build !linux

package host

import (
	"context"
	"os"
	"time"
)

// takeStdout keeps stdout for the writer and sends what libraries print to stderr.
func takeStdout() (*os.File, error) {
	f := os.Stdout
	os.Stdout = os.Stderr
	return f, nil
}

// closePause lets the reader take the rest out of the pipe: whether it has cannot be asked here.
const closePause = 300 * time.Millisecond

// wasRead cannot be asked here: it waits a while and believes so.
func wasRead(context.Context, *os.File) bool {
	time.Sleep(closePause)
	return true
}

func linger(stdout *os.File) {
	time.Sleep(closePause)
	_ = stdout.Close()
	_ = os.Stderr.Close()
	time.Sleep(closePause)
}
