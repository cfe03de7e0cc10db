package operator

import (
	"cmp"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far something is, on a terminal. The zero bar shows nothing.
type bar struct {
	drawn *progressbar.ProgressBar
	room  int // for the text before it
}

// newBar draws on stderr if that is a terminal; end is due.
func (c *Console) newBar(what string) bar {
	if !c.terminal {
		return bar{}
	}
	width, room := layout(cmp.Or(c.barWidth, usualWidth))
	return bar{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(c.stderr),
		progressbar.OptionSetDescription(shortened(what, room)),
		progressbar.OptionSetWidth(width),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	), room}
}

// barFrame is what stands around bar and text: the share, the counts, the times, and the last column, in which terminals wrap.
const barFrame = len(" 100% || (44640/44640) [119h59m59s:119h59m59s]") + 1

// layout divides a line of the terminal between bar and text, so that the line is never wrapped: what is wrapped stays.
func layout(terminal int) (width, room int) {
	width = min(30, max(5, (terminal-barFrame)/2))
	return width, max(0, terminal-barFrame-width)
}

func shortened(what string, room int) string {
	switch runes := []rune(what); {
	case len(runes) <= room:
		return what
	case room < 4:
		return ""
	default:
		return string(runes[:room-3]) + "..."
	}
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
		b.drawn.Describe(shortened(text, b.room))
	}
}

// end takes the bar off the terminal.
func (b bar) end() {
	if b.drawn != nil {
		_ = b.drawn.Clear()
	}
}
