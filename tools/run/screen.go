//go:build unix

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// What a terminal is told: other screen and no cursor; back; home; clear to the end of line; of screen.
const (
	enter     = "\x1b[?1049h\x1b[?25l"
	leave     = "\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	clearLine = "\x1b[K\n"
	clearRest = "\x1b[J"
)

// screen shows the run: redrawn in place on a terminal, a line now and then elsewhere.
type screen struct {
	job      *job
	terminal bool
	open     bool
	began    time.Time
	cut      *cuts

	lastTime   time.Time
	lastLanded int
	rate       float64 // Tweets per second
	lastLine   time.Time
	lastCut    time.Time
}

func newScreen(j *job) *screen {
	now := time.Now()
	s := &screen{job: j, terminal: term.IsTerminal(int(os.Stdout.Fd())), began: now, lastTime: now, lastLine: now}
	fmt.Printf("%s -> telegraf-decahose -> Telegraf %s -> %s\n", j.src.name, env.TelegrafVersion, j.paths.show(j.paths.tweets))
	if s.terminal {
		s.open = true
		fmt.Print(enter)
	}
	return s
}

func (s *screen) every() time.Duration { return 500 * time.Millisecond }

// close gives the terminal back. It may be called twice.
func (s *screen) close() {
	if s.open {
		s.open = false
		fmt.Print(leave)
	}
}

// say shows one word about where the run is.
func (s *screen) say(word string) { fmt.Print(word + "\n") }

func (s *screen) draw(now time.Time) {
	s.measure(now)
	if !s.terminal {
		s.plain(now)
		return
	}
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 20 {
		width, height = 80, 24
	}
	lines := s.lines(now)
	lines = append(lines, s.logLines(height-len(lines)-2)...)
	var b strings.Builder
	b.WriteString(home)
	for _, line := range lines {
		b.WriteString(fit(line, width) + clearLine)
	}
	b.WriteString(clearRest)
	fmt.Print(b.String())
}

// measure computes Tweets per second, smoothed over some seconds.
func (s *screen) measure(now time.Time) {
	landed, passed := s.job.tally.landedCount(), now.Sub(s.lastTime).Seconds()
	if passed < 0.1 {
		return
	}
	rate := float64(landed-s.lastLanded) / passed
	s.rate += (rate - s.rate) * min(1, passed/3)
	s.lastTime, s.lastLanded = now, landed
}

// plain prints a line every five seconds, and one at each cut.
func (s *screen) plain(now time.Time) {
	if s.cut.when != s.lastCut {
		s.lastCut = s.cut.when
		fmt.Printf("%4.0fs cut %s\n", now.Sub(s.began).Seconds(), s.cut.last)
	}
	if now.Sub(s.lastLine) < 5*time.Second {
		return
	}
	s.lastLine = now
	live, wanted, duplicates := s.counters()
	fmt.Printf("%4.0fs connections %d/%d tweets %.0f/s landed %d duplicates %d%s cuts %d\n",
		now.Sub(s.began).Seconds(), live, wanted, s.rate, s.lastLanded, duplicates, s.oracle(), s.cut.made)
}

func (s *screen) oracle() string {
	if s.job.src.sim == nil {
		return ""
	}
	t := s.job.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf(" offered %d lost %d doubled %d", t.offered, t.missing, t.doubled)
}

// counters are the plugin's own.
func (s *screen) counters() (live, wanted, duplicates int64) {
	t := s.job.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.connections {
		duplicates += m.Int("duplicates")
	}
	return t.stream.Int("connections_live"), t.stream.Int("connections_wanted"), duplicates
}

func (s *screen) lines(now time.Time) []string {
	live, wanted, duplicates := s.counters()
	p := s.job.paths
	lines := []string{
		fmt.Sprintf("%s -> telegraf-decahose -> Telegraf %s    %s", s.job.src.name, env.TelegrafVersion, now.Sub(s.began).Round(time.Second)),
		"",
		fmt.Sprintf("connections  %d of %d live   %s", live, wanted, s.connections()),
		fmt.Sprintf("Tweets       %.0f/s   landed %d   duplicates removed %d", s.rate, s.lastLanded, duplicates),
	}
	if s.job.src.sim != nil {
		lines = append(lines, "oracle      "+s.oracle())
		lines = append(lines, fmt.Sprintf("cuts         %d%s", s.cut.made, s.lastCutText(now)))
	}
	return append(lines,
		fmt.Sprintf("output       %s   counters %s", p.show(p.tweets), p.show(p.counters)),
		"",
		"Ctrl-C stops. "+p.show(p.log)+":")
}

func (s *screen) lastCutText(now time.Time) string {
	if s.cut.made == 0 {
		return ""
	}
	return fmt.Sprintf("   %.0f s ago: %s", now.Sub(s.cut.when).Seconds(), s.cut.last)
}

// connections shows each connection: up, or why it is down.
func (s *screen) connections() string {
	t := s.job.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.connections)) {
		m := t.connections[name]
		state := "up"
		if up, _ := m.Fields["connected"].(bool); !up {
			why, _ := m.Fields["last_error"].(string)
			state = "down " + why
		}
		all = append(all, name+" "+state)
	}
	return strings.Join(all, "   ")
}

// logLines are the newest lines of the agent's log.
func (s *screen) logLines(n int) []string {
	lines := s.job.agent.Log.Lines()
	return lines[max(0, len(lines)-max(0, n)):]
}

// fit cuts a line to the terminal's width, and takes control characters out.
func fit(line string, width int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line))
	return string(runes[:min(len(runes), width-1)])
}
