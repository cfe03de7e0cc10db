package host

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// Requests is what the world wants of the host, by signals and by stdin.
type Requests struct {
	polls chan os.Signal // emit the counters now; a newline on stdin comes as nil
	Stops chan os.Signal // a signal that asks for the end
	ended chan struct{}  // closed at the end of stdin
}

// NewRequests catches the signals; from here on none of them ends the process by itself.
func NewRequests() *Requests {
	a := &Requests{polls: make(chan os.Signal, 1), Stops: make(chan os.Signal, 2), ended: make(chan struct{})}
	ignoreSignals()
	signal.Notify(a.polls, pollSignals()...)
	signal.Notify(a.Stops, os.Interrupt, syscall.SIGTERM)
	return a
}

// begin reads stdin on a goroutine that lives until stdin or the process ends.
func (a *Requests) begin(wg *sync.WaitGroup) { wg.Go(func() { a.read(os.Stdin) }) }

func (a *Requests) read(stdin *os.File) {
	terminal := term.IsTerminal(int(stdin.Fd()))
	buf := make([]byte, 4096)
	for {
		n, err := stdin.Read(buf)
		for _, c := range buf[:n] {
			if c == '\n' {
				a.poll()
			}
		}
		switch {
		case err == nil:
		case terminal && !errors.Is(err, io.EOF):
			return // a background job may not read its terminal; it runs on
		default:
			close(a.ended)
			return
		}
	}
}

// poll drops the request where one is waiting already.
func (a *Requests) poll() {
	select {
	case a.polls <- nil:
	default:
	}
}
