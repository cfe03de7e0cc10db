package delivery

import (
	"errors"
	"time"
)

const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
	// batchBlameThreshold and tweetBlameThreshold: how often a batch, and a single Tweet, is put off while nearly all
	// others are accepted, until it is held to be at fault. Where many are put off, chance would find culprits.
	batchBlameThreshold = 5
	tweetBlameThreshold = 10
)

var errNoReason = errors.New("no reason given")

// sink is what the scheduler has learned of the outputs.
type sink struct {
	tally
	probing bool      // the last word was Later: one batch at a time, until one is accepted
	fails   int       // probes in a row that came to nothing
	next    time.Time // no probe before
	again   bool      // what was sent last had been put off before
	putOff  int       // undelivered parts that were put off, what they were split into included
	retries int64
	trouble trouble // since when batches were put off; n: sent again
}

// tally counts verdicts.
type tally struct{ accepted, later int64 }

// fine reports whether nearly all verdicts since an earlier count were good ones.
func (t tally) fine(since tally) bool {
	accepted := t.accepted - since.accepted
	return accepted > 0 && accepted >= 4*(t.later-since.later)
}

// backoff is how long to wait after so many tries: up to half is chance, so that nothing beats in time with it.
func (s *scheduler) backoff(tries int) time.Duration {
	ceiling := min(minBackoff<<min(tries-1, 10), maxBackoff)
	return ceiling/2 + time.Duration(s.jitter()*float64(ceiling/2))
}

// answered takes the verdict on a delivery.
func (s *scheduler) answered(now time.Time, p *part, v Verdict, err error) {
	delete(s.inFlight, p)
	if err == nil {
		err = errNoReason
	}
	switch {
	case v == Accepted:
		s.accept(now, p)
	case s.stopping: // it is in the spool, or on its way there
		s.lates[p.b] = p
	case v == Later:
		s.putOff(now, p, err)
	default:
		s.refuse(now, p, err)
	}
}

func (s *scheduler) accept(now time.Time, p *part) {
	s.sink.accepted++
	s.sink.probing, s.sink.fails = false, 0
	if s.cfg.Acknowledged {
		s.out.Delivered = append(s.out.Delivered, p.sent()...)
	}
	b, mine := p.b, p.entry == 0 && !p.shared && !p.retried && !s.stopping
	s.finish(now, p, !s.cfg.Acknowledged && p.fromSpool)
	if mine {
		s.recycle(b)
	}
}

// finish takes p out of the books: it was accepted, or refused. Where it has to settle, it stays in the spool for a
// while.
func (s *scheduler) finish(now time.Time, p *part, settles bool) {
	p.done = true
	s.markSafe(p)
	s.undelivered -= int64(p.n)
	if p.group.undelivered -= p.n; p.group.undelivered == 0 {
		s.groups.Remove(p.group.element)
	}
	if p.retried {
		s.sink.putOff--
	}
	switch {
	case p.entry == 0:
	case settles:
		s.disk.settling.settle(p, now)
	default:
		s.disk.gone = append(s.disk.gone, removal{entry: p.entry, n: p.n})
	}
	s.release(p)
}

// markSafe counts p's Tweets as safe, and tells of all up to the first that are not.
func (s *scheduler) markSafe(p *part) {
	if p.safe {
		return
	}
	p.safe = true
	p.group.unsafe -= p.n
	for len(s.given) > 0 && s.given[0].unsafe == 0 {
		s.out.Safe += int64(s.given[0].n)
		s.given = s.given[1:]
	}
}

// putOff schedules a retry of p, or finds p to be at fault.
func (s *scheduler) putOff(now time.Time, p *part, why error) {
	s.slow(now, p, why)
	if !p.retried {
		p.retried = true
		s.sink.putOff++
	}
	p.tries++
	if p.blame == 0 || s.sink.fine(p.was) {
		p.blame++
	}
	s.sink.later++
	p.was = s.sink.tally
	switch {
	case p.n > 1 && p.blame >= batchBlameThreshold:
		s.split(p)
	case p.n == 1 && p.blame >= tweetBlameThreshold:
		s.quarantine(now, p, why)
	case p.entry == 0 && s.keeps:
		s.store(p)
	default:
		s.wait(now, p)
	}
}

// slow makes the scheduler probe. What was in flight when that began says nothing new, so it must not lengthen the
// delay.
func (s *scheduler) slow(now time.Time, p *part, why error) {
	s.sink.trouble.begin(why.Error())
	if s.sink.probing && !p.probe {
		return
	}
	s.sink.probing = true
	s.sink.fails++
	s.sink.next = now.Add(s.backoff(s.sink.fails))
}

// wait keeps p for its next try; what the spool has is not kept in memory.
func (s *scheduler) wait(now time.Time, p *part) {
	p.due = now.Add(s.backoff(p.tries))
	if p.entry != 0 {
		s.release(p)
	}
	s.waiting = append(s.waiting, p)
}

// refuse narrows down which Tweet is at fault.
func (s *scheduler) refuse(now time.Time, p *part, why error) {
	if p.n > 1 {
		s.split(p)
		return
	}
	s.quarantine(now, p, why)
}

// split puts the halves of p in its place.
func (s *scheduler) split(p *part) {
	parts := p.halves()
	if p.retried {
		s.sink.putOff++ // one became two
	}
	if p.entry == 0 {
		s.ready(parts)
		return
	}
	s.push(&job{task: cut, p: p, entry: p.entry, parts: parts, forms: forms(parts)})
}

// ready lets parts that are in memory be sent.
func (s *scheduler) ready(parts []*part) {
	for _, p := range parts {
		switch {
		case p.entry == 0:
			s.fresh = insert(s.fresh, p)
		case p.n > s.cfg.Most:
			s.split(p)
		default:
			s.ahead = insert(s.ahead, p)
		}
	}
}

// quarantine puts a single Tweet into quarantine.
func (s *scheduler) quarantine(now time.Time, p *part, why error) {
	if !s.keeps {
		s.quarantined(now, p, why.Error())
		return
	}
	s.push(&job{task: refuse, p: p, sent: p.b.Tweets[0].Sent, line: p.b.Lines, why: why.Error()})
}

func (s *scheduler) quarantined(now time.Time, p *part, why string) {
	s.refused++
	s.out.Refused = append(s.out.Refused, p.sent()...)
	s.log.refused.begin(why)
	s.log.refused.n++
	s.finish(now, p, false)
}
