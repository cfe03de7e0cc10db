//go:build unix

package host

import (
	"os"
	"os/signal"
	"syscall"
)

// pollSignals are those that execd can send to ask for the counters.
func pollSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// ignoreSignals makes a write to a closed pipe an error rather than the end, also on stderr, and
// a read of the terminal by a background job an error rather than a halt.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN) }
