package delivery

import (
	"fmt"
	"time"
)

// logInterval is how often one trouble is logged at most: an output may be down for days.
const logInterval = time.Minute

// trouble is one kind of thing that may be wrong. It lasts from begin to end; what is logged of it is limited, and its
// end is logged only where its beginning was.
type trouble struct {
	on     bool
	logged bool // since it began
	reason string
	n      int64
	next   time.Time // nothing is logged before
}

func (t *trouble) begin(reason string) { t.on, t.reason = true, reason }

// due reports whether the trouble should be logged now.
func (t *trouble) due(now time.Time) bool {
	if !t.on || now.Before(t.next) {
		return false
	}
	t.logged, t.next = true, now.Add(logInterval)
	return true
}

func (t *trouble) end() { t.on = false }

// over reports once that a trouble ended which was logged.
func (t *trouble) over() bool {
	if t.on || !t.logged {
		return false
	}
	t.logged = false
	return true
}

// logState is the troubles that are logged, besides that of the sink, and the lines that nobody has taken yet.
type logState struct {
	spool   trouble // it takes nothing
	disk    trouble // something else could not be done there
	refused trouble // n: Tweets
	lines   []logLine
}

type logLine struct {
	level byte
	text  string
}

func (s *scheduler) logf(level byte, format string, args ...any) {
	s.log.lines = append(s.log.lines, logLine{level, fmt.Sprintf(format, args...)})
}

// writeLog writes the lines that are due.
func (s *scheduler) writeLog(now time.Time) {
	s.logSink(now)
	l := &s.log
	if l.spool.due(now) {
		s.logf('E', "spool does not take Tweets: %s", l.spool.reason)
	}
	if l.spool.over() {
		s.logf('I', "spool takes Tweets again")
	}
	if l.disk.due(now) {
		s.logf('E', "spool fails, and is tried again: %s", l.disk.reason)
		l.disk.on = false
	}
	if l.refused.due(now) {
		s.logf('E', "Tweets refused and in quarantine: %d; the last one: %s", l.refused.n, l.refused.reason)
		l.refused.on, l.refused.n = false, 0
	}
}

func (s *scheduler) logSink(now time.Time) {
	t := &s.sink.trouble
	if t.on && !s.sink.probing && s.sink.putOff == 0 {
		t.end()
	}
	if t.due(now) {
		s.logf('W', "Tweets are not accepted, and will be sent again: %s", t.reason)
	}
	if t.over() {
		s.logf('I', "Tweets are accepted again; %d batches were sent again", t.n)
	}
	if !t.on {
		t.n = 0
	}
}

func (s *scheduler) wakeToLog(sooner func(time.Time)) {
	for _, t := range []*trouble{&s.sink.trouble, &s.log.spool, &s.log.disk, &s.log.refused} {
		if t.on {
			sooner(t.next)
		}
	}
}
