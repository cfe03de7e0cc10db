package delivery

import (
	"errors"
	"time"
)

const (
	backoffLeast = 500 * time.Millisecond
	backoffMost  = 30 * time.Second
	// blameBatch and blameTweet: how often a batch, and a single Tweet, is put off while nearly all others are accepted,
	// until it is held to be at fault. Where many are put off, chance would find culprits.
	blameBatch = 5
	blameTweet = 10
)

var errNoReason = errors.New("no reason given")

// sink is what the desk has learned of the outputs.
type sink struct {
	tally
	probing bool      // the last word was Later: one batch at a time, until one is accepted
	fails   int       // probes in a row that came to nothing
	next    time.Time // no probe before
	putOff  int       // undelivered parcels that were put off, and their parts
	retries int64
	spell   spell // since when batches were put off; n: sent again
}

// tally counts verdicts.
type tally struct{ accepted, later int64 }

// fine reports whether nearly all verdicts since an earlier count were good ones.
func (t tally) fine(since tally) bool {
	accepted := t.accepted - since.accepted
	return accepted > 0 && accepted >= 4*(t.later-since.later)
}

// backoff is how long to wait after so many tries: up to half is chance, so that nothing beats in time with it.
func (d *desk) backoff(tries int) time.Duration {
	most := min(backoffLeast<<min(tries-1, 10), backoffMost)
	return most/2 + time.Duration(d.jitter()*float64(most/2))
}

// answered hears what became of a delivery.
func (d *desk) answered(now time.Time, p *parcel, v Verdict, err error) {
	delete(d.under, p)
	if err == nil {
		err = errNoReason
	}
	switch {
	case v == Accepted:
		d.accept(now, p)
	case d.stopping: // it is in the spool, or on its way there
		d.lates[p.b] = p
	case v == Later:
		d.putOff(now, p, err)
	default:
		d.refuse(now, p, err)
	}
}

func (d *desk) accept(now time.Time, p *parcel) {
	d.sink.accepted++
	d.sink.probing, d.sink.fails = false, 0
	if d.cfg.Acknowledged {
		d.out.Delivered = append(d.out.Delivered, p.sent()...)
	}
	b, mine := p.b, p.entry == 0 && !p.part && !p.again && !d.stopping
	d.finish(now, p, !d.cfg.Acknowledged && p.lent)
	if mine {
		d.recycle(b)
	}
}

// finish takes p out of the books: it was accepted, or refused. Where it has to settle, it stays in the spool for a while.
func (d *desk) finish(now time.Time, p *parcel, settles bool) {
	p.done = true
	d.secure(p)
	d.undelivered -= int64(p.n)
	if p.lot.undelivered -= p.n; p.lot.undelivered == 0 {
		d.lots.Remove(p.lot.place)
	}
	if p.again {
		d.sink.putOff--
	}
	switch {
	case p.entry == 0:
	case settles:
		d.disk.settling.settle(p, now)
	default:
		d.disk.gone = append(d.disk.gone, removal{entry: p.entry, n: p.n})
	}
	d.release(p)
}

// secure counts p's Tweets as safe, and tells of all up to the first that are not.
func (d *desk) secure(p *parcel) {
	if p.safe {
		return
	}
	p.safe = true
	p.lot.unsafe -= p.n
	for len(d.given) > 0 && d.given[0].unsafe == 0 {
		d.out.Safe += int64(d.given[0].n)
		d.given = d.given[1:]
	}
}

// putOff has p sent again later, or finds it to be at fault.
func (d *desk) putOff(now time.Time, p *parcel, why error) {
	d.slow(now, p, why)
	if !p.again {
		p.again = true
		d.sink.putOff++
	}
	p.tries++
	if p.blame == 0 || d.sink.fine(p.was) {
		p.blame++
	}
	d.sink.later++
	p.was = d.sink.tally
	switch {
	case p.n > 1 && p.blame >= blameBatch:
		d.split(p)
	case p.n == 1 && p.blame >= blameTweet:
		d.seclude(now, p, why)
	case p.entry == 0 && d.keeps:
		d.store(p)
	default:
		d.wait(now, p)
	}
}

// slow lets the desk probe. What was under way when it began says nothing new.
func (d *desk) slow(now time.Time, p *parcel, why error) {
	d.sink.spell.strike(why.Error())
	if d.sink.probing && !p.probe {
		return
	}
	d.sink.probing = true
	d.sink.fails++
	d.sink.next = now.Add(d.backoff(d.sink.fails))
}

// wait keeps p for its next try; what the spool has is not kept in memory.
func (d *desk) wait(now time.Time, p *parcel) {
	p.due = now.Add(d.backoff(p.tries))
	if p.entry != 0 {
		d.release(p)
	}
	d.waiting = append(d.waiting, p)
}

// refuse narrows down which Tweet is at fault.
func (d *desk) refuse(now time.Time, p *parcel, why error) {
	if p.n > 1 {
		d.split(p)
		return
	}
	d.seclude(now, p, why)
}

// split puts the halves of p in its place.
func (d *desk) split(p *parcel) {
	parts := p.halves()
	if p.again {
		d.sink.putOff++ // one became two
	}
	if p.entry == 0 {
		d.ready(parts)
		return
	}
	d.push(&job{task: cut, p: p, entry: p.entry, parts: parts, forms: forms(parts)})
}

// ready lets parcels that are in memory be sent.
func (d *desk) ready(parcels []*parcel) {
	for _, p := range parcels {
		switch {
		case p.entry == 0:
			d.fresh = insert(d.fresh, p)
		case p.n > d.cfg.Most:
			d.split(p)
		default:
			d.ahead = insert(d.ahead, p)
		}
	}
}

// seclude puts a single Tweet into quarantine.
func (d *desk) seclude(now time.Time, p *parcel, why error) {
	if !d.keeps {
		d.secluded(now, p, why.Error())
		return
	}
	d.push(&job{task: quarantine, p: p, sent: p.b.Tweets[0].Sent, line: p.b.Lines, why: why.Error()})
}

func (d *desk) secluded(now time.Time, p *parcel, why string) {
	d.refused++
	d.out.Refused = append(d.out.Refused, p.sent()...)
	d.words.refused.strike(why)
	d.words.refused.n++
	d.finish(now, p, false)
}
