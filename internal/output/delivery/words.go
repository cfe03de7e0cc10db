package delivery

import (
	"fmt"
	"time"
)

// sayEvery is how often one thing is said at most.
const sayEvery = time.Minute

// spell is a time for which something is wrong.
type spell struct {
	on     bool
	said   bool // in this spell
	reason string
	n      int64
	next   time.Time // nothing is said before
}

func (s *spell) strike(reason string) { s.on, s.reason = true, reason }

// due reports whether it should be said now.
func (s *spell) due(now time.Time) bool {
	if !s.on || now.Before(s.next) {
		return false
	}
	s.said, s.next = true, now.Add(sayEvery)
	return true
}

func (s *spell) end() { s.on = false }

// over reports once that a spell ended of which something was said.
func (s *spell) over() bool {
	if s.on || !s.said {
		return false
	}
	s.said = false
	return true
}

// words is what the operator hears of, besides the sink's spell.
type words struct {
	spool   spell // it takes nothing
	disk    spell // something else could not be done there
	refused spell // n: Tweets
	lines   []line
}

type line struct {
	level byte
	text  string
}

func (d *desk) say(level byte, format string, args ...any) {
	d.words.lines = append(d.words.lines, line{level, fmt.Sprintf(format, args...)})
}

// speak says what is to be said now.
func (d *desk) speak(now time.Time) {
	d.speakOfSink(now)
	w := &d.words
	if w.spool.due(now) {
		d.say('E', "spool does not take Tweets: %s", w.spool.reason)
	}
	if w.spool.over() {
		d.say('I', "spool takes Tweets again")
	}
	if w.disk.due(now) {
		d.say('E', "spool fails, and is tried again: %s", w.disk.reason)
		w.disk.on = false
	}
	if w.refused.due(now) {
		d.say('E', "Tweets refused and in quarantine: %d; the last one: %s", w.refused.n, w.refused.reason)
		w.refused.on, w.refused.n = false, 0
	}
}

func (d *desk) speakOfSink(now time.Time) {
	s := &d.sink.spell
	if s.on && !d.sink.probing && d.sink.putOff == 0 {
		s.end()
	}
	if s.due(now) {
		d.say('W', "Tweets are not accepted, and will be sent again: %s", s.reason)
	}
	if s.over() {
		d.say('I', "Tweets are accepted again; %d batches were sent again", s.n)
	}
	if !s.on {
		s.n = 0
	}
}

func (d *desk) wakeToSpeak(sooner func(time.Time)) {
	for _, s := range []*spell{&d.sink.spell, &d.words.spool, &d.words.disk, &d.words.refused} {
		if s.on {
			sooner(s.next)
		}
	}
}

// status is how things stand.
func (d *desk) status() *Status {
	s := &Status{State: d.state(), Undelivered: d.undelivered, InMemory: int64(d.held), Spooled: d.disk.spooled, SpoolBytes: d.disk.bytes,
		Refused: d.refused, Retries: d.sink.retries}
	if first := d.lots.Front(); first != nil {
		s.Oldest = first.Value.(*lot).at
	}
	return s
}

// state is the gravest that holds.
func (d *desk) state() string {
	switch {
	case d.door != nil && (d.door.failed || !d.keeps):
		return "full"
	case d.paused:
		return "paused"
	case d.sink.probing:
		return "retrying"
	case d.spilling && len(d.stored) > 0:
		return "spooling"
	case d.undelivered > 0:
		return "delivering"
	}
	return "idle"
}
