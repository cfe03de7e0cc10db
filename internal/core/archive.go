package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// readMost is how many minutes are read of an archive at once: what they bring counts when the last is read.
	readMost = 60
	// readPatience is how long minutes that are old enough wait for younger ones.
	readPatience = 5 * time.Minute
	// archiveFirst and archiveMost are the waits after an archive could not be read: that may pass at any moment.
	// silentAfter is how many times in a row it happens before its minutes are left to others.
	archiveFirst = 10 * time.Second
	archiveMost  = time.Minute
	silentAfter  = 3
	// refusedWait is the wait after what will be the same in a moment: the store's own denial, another schema.
	refusedWait = time.Hour
	// lacksFirst and lacksMost are the waits until an archive is read again that had not all of a minute: its site may
	// be filling gaps of its own.
	lacksFirst = 5 * time.Minute
	lacksMost  = time.Hour
)

// Classes of the end of a reading, as the engine names them.
const (
	ReadThrough = "completed"
	OtherSchema = "schema" // the archive holds Tweets with another label, other tags or other fields
	Denied      = "denied"
)

// archives are the copies of the stream at other sites, and the one reading of them at a time.
type archives struct {
	conns   []*conn // one, or none where there are no archives
	each    []archive
	at      time.Time     // no look for what to read before: it goes through every missing minute
	changes uint64        // of gaps, at the last look: there may be more to read
	words   []refill.Word // of the minute that was looked at last
}

// archive is what is known of one of them.
type archive struct {
	failures int       // in a row
	until    time.Time // not read before
	lacks    map[timeline.Minute]postponement
	errors   int64 // readings that failed, and minutes that were damaged
	told     lastTold
}

func (c *Core) newArchives() {
	a := &c.archives
	n := len(c.cfg.Archives)
	a.each, a.words = make([]archive, n), make([]refill.Word, n)
	for k := range a.each {
		a.each[k].lacks = make(map[timeline.Minute]postponement)
	}
	if n > 0 {
		a.conns = []*conn{{Conn: Conn{ledger.AnyPartition, seen.StoredWitness}, index: len(c.conns) + len(c.requests.conns), part: c.any, job: &job{}}}
	}
}

// words are what each archive is known to have of the minute. They are valid until the next call.
func (c *Core) words(m timeline.Minute) []refill.Word {
	for k := range c.archives.each {
		a, w := &c.archives.each[k], refill.Unread
		switch {
		case c.now.Before(a.lacks[m].until):
			w = refill.Lacks
		case a.failures >= silentAfter && c.now.Before(a.until):
			w = refill.Silent
		}
		c.archives.words[k] = w
	}
	return c.archives.words
}

// again forgets what was learnt of the minutes, and that an archive could not be read.
func (a *archives) again(first, end timeline.Minute) {
	a.at = time.Time{}
	for k := range a.each {
		a.each[k].failures, a.each[k].until = 0, time.Time{}
		for m := first; m < end; m++ {
			delete(a.each[k].lacks, m)
		}
	}
}

// readArchives begins to read an archive, if one is due and none is being read.
func (c *Core) readArchives() {
	for _, n := range c.archives.conns {
		if n.state != waiting || c.now.Before(c.archives.at) && c.archives.changes == c.gaps.Changes() {
			continue
		}
		c.archives.at, c.archives.changes = c.now.Add(chore), c.gaps.Changes()
		_, read := c.missing()
		for k := range read {
			if len(read[k].Spans()) == 0 || c.now.Before(c.archives.each[k].until) {
				continue
			}
			from, to := read[k].Spans()[0].Minutes()
			if to = min(to, from+readMost); c.grows(k, from, to) || c.tooSoon(k, from) {
				continue
			}
			c.read(n, k, refill.Request{Partition: ledger.AnyPartition, From: from, To: to})
			break
		}
	}
}

// grows reports whether the minutes that may be read now will soon be more: a gap of seven minutes is one reading and
// not seven. Of a gap that goes on for longer the first minute does not wait for the last.
func (c *Core) grows(k int, from, to timeline.Minute) bool {
	now := c.clock.At(c.now)
	if now >= (from+1).Milli()+(c.cfg.Archives[k].Delay+readPatience).Milliseconds() || to-from >= readMost {
		return false
	}
	for _, p := range c.partitions {
		for _, h := range c.gaps.Of(p.index) {
			if step, _ := c.way(h, to); step == refill.Wait && !c.gaps.Whole(h).Intersect(to.Span()).Empty() {
				return true
			}
		}
	}
	return false
}

// tooSoon reports whether it is soon to be known how many Tweets there should be, and is not yet.
func (c *Core) tooSoon(k int, m timeline.Minute) bool {
	return !c.cfg.Archives[k].Trust && c.now.Sub(c.begun) < paceSoon && c.scale.Usual(m) == 0
}

// excludeAsked takes out what came and is not settled yet, and what X is being asked for.
func (c *Core) excludeAsked(p *partition, minutes *timeline.Set) {
	for _, k := range c.requests.claims {
		if concerns(k.query, p.id) {
			minutes.Remove(k.span)
		}
	}
	for _, query := range c.running() {
		if concerns(query, p.id) {
			minutes.Remove(spanOf(query))
		}
	}
}

// read notes that minutes of an archive are to be read.
func (c *Core) read(n *conn, k int, query refill.Request) {
	c.requests.last++
	*n.job = job{method: refill.Archive, archive: k, query: query,
		reading: refill.NewReading(query, c.cfg.Archives[k].Trust, c.had)}
	c.intend(n)
}

// had is how many Tweets of the minute came, of all partitions.
func (c *Core) had(m timeline.Minute) (n int64) {
	for i := range len(c.partitions) + 1 {
		if r := c.at(i).book.Find(m); r != nil {
			n += r.Unique
		}
	}
	return n
}

// heardArchive folds what the reading of an archive says.
func (c *Core) heardArchive(n *conn, ev Event) {
	switch ev.Kind {
	case Opened:
		n.openedAt = c.now
		if n.state == dialing {
			n.state = live
		}
		c.note(Info, "archive %s: reading %s", c.cfg.Archives[n.job.archive].Name, n.job)
	case Received:
		c.receivedLines(n, ev.Batch)
	case Read:
		n.job.reading.Read(ev.Minute, ev.Err == "")
		c.seen.Want(ev.Minute + 1)
		c.seen.Want(ev.Minute + 2)
		if ev.Err != "" {
			c.archives.each[n.job.archive].errors++
			c.note(Warn, "archive %s: minute %s is not read as a whole: %s", c.cfg.Archives[n.job.archive].Name, ev.Minute, printable(ev.Err))
		}
	case Ended:
		c.endedReading(n, ev.End)
	}
}

// receivedLines takes Tweets of an archive, which are line protocol already: they take the road of parsed ones.
func (c *Core) receivedLines(n *conn, b *wire.Batch) {
	n.counters.Tally(b)
	c.parser.Reset()
	for i := range b.Frames {
		f := &b.Frames[i]
		n.job.reading.Tweet(f.ID.Milli(), c.line(n, f))
	}
}

// line posts one Tweet and reports whether it is new.
func (c *Core) line(n *conn, f *wire.Frame) bool {
	witness := uint8(n.Index)
	known, _ := c.seen.Look(f.ID, witness)
	if known && !c.seen.Unseen(f.ID) {
		c.duplicate(n, f)
		return false
	}
	t := c.next()
	*t = tweet.Tweet{ID: f.ID, Line: f.Data}
	c.seen.Retake(f.ID)
	c.seen.Know(f.ID, witness)
	c.unique(n, f, t)
	return true
}

// endedReading judges what an archive brought.
func (c *Core) endedReading(n *conn, end End) {
	j := n.job
	a := &c.archives.each[j.archive]
	n.state, c.archives.at = waiting, time.Time{}
	r := *j.record // the store may still hold the record as it was asked
	r.Ended, r.Tweets, r.New, r.Result = c.wall, j.reading.Tweets(), j.reading.New(), end.Class
	c.durable.asked = append(c.durable.asked, &r)
	whole, lacking := j.reading.End(c.scale.Usual)
	for _, s := range whole.Spans() {
		c.claim(n, s)
		c.fills.Again(s.Minutes())
	}
	a.miss(c, lacking)
	if end.Class == ReadThrough {
		a.failures, a.told = 0, lastTold{}
	} else if end.Class != "stop" {
		a.fail(c, end)
	}
	c.unask()
	c.noteReading(n, end, int64(len(lacking)))
}

// miss notes the minutes that the archive has not all of.
func (a *archive) miss(c *Core, minutes []timeline.Minute) {
	for _, m := range minutes {
		w := a.lacks[m]
		a.lacks[m] = postponement{w.failures + 1, c.now.Add(retry.Doubling(lacksFirst, lacksMost, w.failures))}
	}
	for m := range a.lacks {
		if m < c.keep() {
			delete(a.lacks, m)
		}
	}
}

// fail notes that the archive could not be read. What will be the same in a moment is not tried again in one.
func (a *archive) fail(c *Core, end End) {
	a.errors++
	if a.failures++; end.Class == OtherSchema || end.Class == Denied {
		a.failures = max(a.failures, silentAfter)
		a.until = c.now.Add(refusedWait)
		return
	}
	a.until = c.now.Add(min(archiveMost, c.attempts.jitter.Of(retry.Doubling(archiveFirst, archiveMost, a.failures-1))))
}

// paceSoon is how long after the begin a pace may be waited for.
const paceSoon = 2 * time.Minute

// noteReading says what came of it; a failure that lasts fills no log.
func (c *Core) noteReading(n *conn, end End, lacking int64) {
	j := n.job
	a, name := &c.archives.each[j.archive], c.cfg.Archives[j.archive].Name
	others := "waiting for it"
	if c.cfg.Recovery.Method != refill.None {
		others = "left to " + c.cfg.Recovery.Method.String()
	}
	if j.reading.Tweets() > 0 || end.Class == ReadThrough {
		c.note(Info, "archive %s: %s read: %d Tweets, %d of them new", name, j, j.reading.Tweets(), j.reading.New())
	}
	if lacking > 0 {
		c.note(Warn, "archive %s: %d of %d minutes from %s are not whole in it: %s, and looked for again later", name, lacking, int64(j.query.To-j.query.From), j.query.From, others)
	}
	if c.stopping || end.Class == ReadThrough || a.told.class == end.Class && c.now.Sub(a.told.at) < noteAgain {
		return
	}
	a.told = lastTold{end.Class, c.now}
	wait := a.until.Sub(c.now).Round(10 * time.Millisecond)
	if a.failures < silentAfter {
		others = "waiting for it"
	}
	level := Warn
	if end.Class == OtherSchema || end.Class == Denied {
		level = Error
	}
	c.note(level, "archive %s cannot be used (%s): %s; minutes are %s; next try in %v", name, end.Class, printable(end.Detail), others, wait)
}

// inNoArchive says so where there are any.
func (c *Core) inNoArchive() string {
	if len(c.cfg.Archives) == 0 {
		return ""
	}
	return ", and whole in no archive"
}

// progress is how far a request has come.
func (j *job) progress() interface {
	At() timeline.Minute
	MinutesDone() int64
	Tweets() int64
	New() int64
} {
	if j.reading != nil {
		return j.reading
	}
	return j.follow
}

// errors counts what went wrong with all of them.
func (a *archives) errors() (sum int64) {
	for k := range a.each {
		sum += a.each[k].errors
	}
	return sum
}
