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

func (s *scheduler) say(level byte, format string, args ...any) {
	s.words.lines = append(s.words.lines, line{level, fmt.Sprintf(format, args...)})
}

// speak says what is to be said now.
func (s *scheduler) speak(now time.Time) {
	s.speakOfSink(now)
	w := &s.words
	if w.spool.due(now) {
		s.say('E', "spool does not take Tweets: %s", w.spool.reason)
	}
	if w.spool.over() {
		s.say('I', "spool takes Tweets again")
	}
	if w.disk.due(now) {
		s.say('E', "spool fails, and is tried again: %s", w.disk.reason)
		w.disk.on = false
	}
	if w.refused.due(now) {
		s.say('E', "Tweets refused and in quarantine: %d; the last one: %s", w.refused.n, w.refused.reason)
		w.refused.on, w.refused.n = false, 0
	}
}

func (s *scheduler) speakOfSink(now time.Time) {
	spell := &s.sink.spell
	if spell.on && !s.sink.probing && s.sink.putOff == 0 {
		spell.end()
	}
	if spell.due(now) {
		s.say('W', "Tweets are not accepted, and will be sent again: %s", spell.reason)
	}
	if spell.over() {
		s.say('I', "Tweets are accepted again; %d batches were sent again", spell.n)
	}
	if !spell.on {
		spell.n = 0
	}
}

func (s *scheduler) wakeToSpeak(sooner func(time.Time)) {
	for _, spell := range []*spell{&s.sink.spell, &s.words.spool, &s.words.disk, &s.words.refused} {
		if spell.on {
			sooner(spell.next)
		}
	}
}

// status is how things stand.
func (s *scheduler) status() *Status {
	st := &Status{State: s.state(), Undelivered: s.undelivered, InMemory: int64(s.held), Spooled: s.disk.spooled, SpoolBytes: s.disk.bytes,
		Refused: s.refused, Retries: s.sink.retries}
	if first := s.groups.Front(); first != nil {
		st.Oldest = first.Value.(*group).at
	}
	return st
}

// state is the gravest that holds.
func (s *scheduler) state() string {
	switch {
	case s.offer != nil && (s.offer.failed || !s.keeps):
		return "full"
	case s.paused:
		return "paused"
	case s.sink.probing:
		return "retrying"
	case s.spilling && len(s.stored) > 0:
		return "spooling"
	case s.undelivered > 0:
		return "delivering"
	}
	return "idle"
}
