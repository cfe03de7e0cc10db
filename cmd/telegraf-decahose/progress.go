package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far something is, on a terminal. The zero bar shows nothing.
type bar struct{ drawn *progressbar.ProgressBar }

// newBar draws on stderr if that is a terminal; end is due.
func (c *console) newBar(what string) bar {
	if !c.terminal {
		return bar{}
	}
	return bar{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(c.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// set tells that done of total are done; both may be other than before.
func (b bar) set(done, total int) {
	if b.drawn == nil {
		return
	}
	// A terminal that cannot be written to has nobody to tell.
	b.drawn.ChangeMax(max(total, 1))
	_ = b.drawn.Set(done)
}

// say replaces the text before the bar.
func (b bar) say(text string) {
	if b.drawn != nil {
		b.drawn.Describe(text)
	}
}

// end takes the bar off the terminal.
func (b bar) end() {
	if b.drawn != nil {
		_ = b.drawn.Clear()
	}
}
