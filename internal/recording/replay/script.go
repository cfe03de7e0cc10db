package replay

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// scriptRate is how many Tweets a second each connection of a script brings.
const scriptRate = 20

// Script turns a file into a script for the tests of the core, which passes there as it is. It tells the same story in whole
// seconds and with Tweets of its own, from a first start on; its comments say what that leaves out.
func Script(file *recording.Reader, out io.Writer) error {
	b := file.Begin()
	s := newStory(b)
	if !b.Exact {
		s.begun(b)
	}
	jobs := core.New(b.Config).Requests() - len(b.Config.Archives)
	for {
		step, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.step(&step.Event, step.Now, jobs)
	}
	w := &writer{story: s, driver: newDriver(scriptConfig(&b.Config))}
	w.head(b)
	w.block("start " + startArguments(&w.driver.cfg))
	for i := range s.events {
		w.happening(&s.events[i])
	}
	w.pass(s.last / 1000)
	w.flush()
	_, err := io.WriteString(out, w.text.String())
	return err
}

// scriptConfig is the config as far as scripts have it, with what they take for granted.
func scriptConfig(c *core.Config) core.Config {
	s := core.Config{StreamLabel: "prod", ConnectPeriod: time.Minute, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second,
		Partitions: slices.Clone(c.Partitions), Connections: c.Connections, ConnectLimit: min(max(c.ConnectLimit, 1), 100), ConnectTimeout: c.ConnectTimeout,
		Backfill: c.Backfill, DedupWindow: c.DedupWindow, State: c.State, Acknowledged: c.Acknowledged, RecoveryHost: "replay.test"}
	s.Recovery = refill.Rules{Method: c.Recovery.Method, Horizon: c.Recovery.Horizon, Window: c.Recovery.Window, Delay: c.Recovery.Delay, Jobs: 1, Limit: 5, Period: 5 * time.Minute}
	if c.Recovery.ByPartition {
		s.Recovery.Jobs, s.Recovery.ByPartition = c.Recovery.Jobs, true
	}
	if s.Recovery.Method == refill.Archive {
		s.Recovery.Method = refill.None
	}
	s.Started = ledger.Moment{Wall: scriptStart.UnixNano(), Boot: "0", Uptime: time.Hour.Nanoseconds()}
	return s
}

// startArguments are those of the command start that make the config.
func startArguments(c *core.Config) string {
	var partitions []string
	for _, p := range c.Partitions {
		partitions = append(partitions, fmt.Sprint(p))
	}
	args := []string{"partitions=(" + strings.Join(partitions, ",") + ")", fmt.Sprintf("connections=%d", c.Connections),
		fmt.Sprintf("limit=%d", c.ConnectLimit), fmt.Sprintf("dedup=%v", c.DedupWindow)}
	add := func(set bool, format string, values ...any) {
		if set {
			args = append(args, fmt.Sprintf(format, values...))
		}
	}
	add(c.ConnectTimeout > 0, "timeout=%v", c.ConnectTimeout)
	add(c.Backfill == core.BackfillAlways, "backfill=always")
	add(c.Backfill == core.BackfillNone, "backfill=none")
	add(c.State, "state=on")
	add(c.Acknowledged, "acknowledged=on")
	r := &c.Recovery
	add(r.Method != refill.None, "recovery=%v", r.Method)
	add(true, "window=%v delay=%v horizon=%v", r.Window, r.Delay, r.Horizon)
	add(r.ByPartition, "jobs=%d", r.Jobs)
	return strings.Join(args, " ") + " show=(gap,E,W)"
}

// writer writes a script, and plays it meanwhile: what it says stands below the commands.
type writer struct {
	story    *story
	driver   *driver
	text     strings.Builder
	commands []string
	first    string // the command of the block
}

func (w *writer) head(b *recording.Begin) {
	comment := func(format string, args ...any) { w.line("# " + fmt.Sprintf(format, args...)) }
	comment("An incident of a running process, from its recording (telegraf-decahose replay -script). 12:00 is")
	comment("%s. Each connection that delivered brings %d Tweets a second here.", time.UnixMilli(w.story.zero).UTC().Format("2006-01-02T15:04Z"), scriptRate)
	switch {
	case !b.Exact:
		comment("The recording begins in the middle: the script begins with a first start, and opens what was open.")
	case b.Config.Past != nil && b.Config.Past.Known:
		comment("The process followed another one: the script begins with a first start.")
	}
	if w.story.skipped > 0 {
		comment("What archives brought is left out.")
	}
	if w.story.orders > 0 {
		comment("Orders of operators are left out: %d.", w.story.orders)
	}
}

func (w *writer) line(text string) { w.text.WriteString(text + "\n") }

// block begins a block.
func (w *writer) block(command string) {
	w.flush()
	w.first = command
}

// flush writes the block, and what was said in it.
func (w *writer) flush() {
	if w.first == "" || w.first == "do" && len(w.commands) == 0 {
		return
	}
	w.line(w.first)
	for _, c := range w.commands {
		w.line(c)
	}
	w.line("----")
	if len(w.driver.said) == 0 {
		w.line("nothing")
	}
	for _, s := range w.driver.said {
		w.line(s)
	}
	w.line("")
	w.commands, w.driver.said, w.first = nil, nil, ""
}

// do notes a command. A block in which something was said is over.
func (w *writer) do(format string, args ...any) {
	if w.first == "" || len(w.driver.said) > 0 {
		w.block("do")
	}
	w.commands = append(w.commands, fmt.Sprintf(format, args...))
}

func (w *writer) second() int64 { return int64(w.driver.now.Sub(w.driver.start) / time.Second) }

// pass lets time pass up to a second, in which those deliver that did.
func (w *writer) pass(until int64) {
	for at := w.second(); at < until; at = w.second() {
		conns, n := w.story.feeding(w.driver.open, at), int64(1)
		for at+n < until && slices.Equal(w.story.feeding(w.driver.open, at+n), conns) {
			n++
		}
		if len(conns) == 0 {
			w.do("+%v", time.Duration(n)*time.Second)
			w.driver.until(w.driver.now.Add(time.Duration(n) * time.Second))
			continue
		}
		var names []string
		for _, c := range conns {
			names = append(names, w.driver.name(c))
		}
		w.do("feed %s for=%v rate=%d", strings.Join(names, " "), time.Duration(n)*time.Second, scriptRate)
		w.driver.feed(conns, n)
	}
}

// patience is how many seconds a script waits for what its core does later than the process did: waits are random.
const patience = 120

// await lets time pass until the connection, or request, is being tried.
func (w *writer) await(conn int) bool {
	for range patience {
		if w.driver.dials[conn] {
			return true
		}
		w.pass(w.second() + 1)
	}
	return w.driver.dials[conn]
}

func (w *writer) leftOut(what, name string) {
	w.do("# left out: %s %s is not so in this script", what, name)
}

// happening writes the commands that stand for an event.
func (w *writer) happening(h *happening) {
	w.pass(h.at / 1000)
	d, name := w.driver, w.driver.name(h.conn)
	switch h.kind {
	case core.Opened:
		if !w.await(h.conn) {
			w.leftOut("opened", name)
			return
		}
		w.do("opened %s", name)
		d.opened(h.conn)
		w.past(h, name)
	case core.Silent:
		if !d.open[h.conn] {
			w.leftOut("silent", name)
			return
		}
		w.do("silent %s", name)
		d.step(core.Event{Kind: core.Silent, Conn: h.conn})
	case core.Received:
		if d.open[h.conn] {
			w.do("notice %s message=%s", name, blanks(h.text))
			d.notice(h.conn, fmt.Sprintf(`{"error":{"message":%q,"sent":"2026-01-01T12:00:00+00:00"}}`, h.text))
		}
	case core.Ended:
		w.ended(h, name)
	case core.Stop:
		w.do("stop")
		d.step(core.Event{Kind: core.Stop})
		d.step(core.Event{Kind: core.Final})
	}
}

// upToNow is how old, in ms, the last Tweets of a backfill may be that goes on into what is live.
const upToNow = 2500

func blanks(text string) string { return strings.ReplaceAll(text, " ", "_") }

// past writes what came of the time before the connection.
func (w *writer) past(h *happening, name string) {
	if h.past == nil {
		return
	}
	from, to := (h.at-h.past.first)/1000+1, max(0, (h.at-h.past.last-upToNow)/1000)
	from = min(from, 3600)
	if from <= to {
		return
	}
	rate := scaled(w.story.rate(h.conn), h.past.n, from-to)
	w.do("feed %s from=%ds to=%ds rate=%d", name, from, to, rate)
	w.driver.feedPast(h.conn, from, to, rate)
}

// scaled is the rate of n Tweets in so many seconds, by how many the script has for one. What lacks a tenth lacks nothing: the
// seconds at both ends are not whole.
func scaled(rate float64, n, seconds int64) int {
	r := rate * float64(n) / float64(seconds)
	if r >= 0.9*scriptRate {
		return scriptRate
	}
	return int(max(1, r+0.5))
}

func (w *writer) ended(h *happening, name string) {
	d := w.driver
	if !d.open[h.conn] && !w.await(h.conn) {
		w.leftOut("ended", name)
		return
	}
	if h.query != nil && d.open[h.conn] {
		w.brings(h.conn, h.query, name)
	}
	if !d.open[h.conn] && !d.dials[h.conn] {
		return
	}
	command := fmt.Sprintf("ended %s class=%s", name, h.end.Class)
	if h.end.Status != 0 {
		command += fmt.Sprintf(" status=%d", h.end.Status)
	}
	if h.end.Message != "" {
		command += " message=" + blanks(h.end.Message)
	}
	w.do("%s", command)
	d.ended(h.conn, core.End{Class: h.end.Class, Status: h.end.Status, Message: h.end.Message})
}

// brings writes what a request brought, of the minutes that this script's core asked for, and X's word on it.
func (w *writer) brings(conn int, a *asked, name string) {
	q := w.driver.queries[conn]
	first := timeline.MinuteOf(scriptStart.UnixMilli())
	from, to := max(q.From, first+timeline.MinuteOf(a.first)), min(q.To, first+timeline.MinuteOf(a.last)+1)
	if day := first + 12*60; a.n > 0 && from < to && to < day {
		partitions := int64(1)
		if q.Partition == ledger.AnyPartition {
			partitions = int64(len(w.driver.cfg.Partitions))
		}
		rate := scaled(w.story.meanRate(), a.n/partitions, max(1, (a.last-a.first)/1000))
		w.do("replay %s from=%s to=%s rate=%d", name, clockTime(from), clockTime(to), rate)
		w.driver.replay(conn, from, to, rate)
	}
	if !a.over || !w.driver.open[conn] {
		return
	}
	w.do("result %s message=%s", name, blanks(a.result.Message))
	w.driver.notice(conn, fmt.Sprintf(`{"info":{"message":%q}}`, a.result.Message))
}
