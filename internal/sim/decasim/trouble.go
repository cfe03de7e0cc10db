package decasim

import "time"

// troubles are the faults that may befall one request for the past, at most one of a kind.
type troubles struct {
	plan   *FaultPlan
	of     map[Kind]*planned
	struck map[Kind]bool
}

// troubles picks the faults of a request that has been accepted. Those that do not come about are free
// for the next one.
func (p *FaultPlan) troubles(now time.Time, partition int) *troubles {
	t := &troubles{plan: p, of: map[Kind]*planned{}, struck: map[Kind]bool{}}
	if p == nil {
		return t
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		if request[f.Kind] && f.Kind != ReplayStatus && t.of[f.Kind] == nil && !t.unfair(f.Kind) && f.free(now, p.start, partition) {
			t.of[f.Kind] = f
			f.taken++
		}
	}
	return t
}

// unfair says that with a fault already picked nobody could know what is missing: what X left out it says in its last
// words, so where it leaves something out the last words come.
func (t *troubles) unfair(k Kind) bool {
	for other := range t.of {
		if leavesOut[k] && hidesLastWord[other] || hidesLastWord[k] && leavesOut[other] {
			return true
		}
	}
	return false
}

var (
	leavesOut     = map[Kind]bool{ReplayErrors: true, ReplayCount: true, ReplayLie: true}
	hidesLastWord = map[Kind]bool{ReplayMute: true, ReplayCut: true, ReplayFailed: true, ReplayStall: true, ReplaySilence: true, ReplayDamage: true, ReplayStray: true}
)

func (f *planned) free(now, start time.Time, partition int) bool {
	return !now.Before(start.Add(f.At)) && (f.Partition == 0 || f.Partition == partition) &&
		f.fired+f.taken < f.Times && (f.fired == 0 || now.Sub(f.begun) >= f.Every)
}

// strike books that a fault came about; once for a request.
func (t *troubles) strike(k Kind, now time.Time) {
	if t.struck[k] {
		return
	}
	t.struck[k] = true
	t.plan.mu.Lock()
	defer t.plan.mu.Unlock()
	f := t.of[k]
	f.fired++
	f.taken--
	f.begun = now
}

// release gives back what did not come about.
func (t *troubles) release() {
	if t.plan == nil {
		return
	}
	t.plan.mu.Lock()
	defer t.plan.mu.Unlock()
	for k, f := range t.of {
		if !t.struck[k] {
			f.taken--
		}
	}
}

// requestStatus is what a request gets; 0: it is judged on its merits.
func (p *FaultPlan) requestStatus(now time.Time, partition int) int {
	return p.refuse(ReplayStatus, now, partition)
}

// quiet is until when no fault can begin on a live connection, or do something to it.
func (p *FaultPlan) quiet(v view, now time.Time) time.Time {
	far := now.Add(time.Hour)
	if p == nil {
		return far
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew(now)
	if p.upcoming.Before(far) {
		far = p.upcoming
	}
	for _, f := range p.current {
		if t := f.quiet(v, now, far); t.Before(far) {
			far = t
		}
	}
	return far
}

// quiet is the same of a fault that has come.
func (f *planned) quiet(v view, now, far time.Time) time.Time {
	elsewhere := f.Partition != 0 && f.Partition != v.partition || f.Connection >= 0 && f.Connection != v.slot
	switch {
	case elsewhere || f.spent(now):
		return far
	case instant[f.Kind] && f.Connection != EveryConnection && f.fired > 0:
		return f.begun.Add(f.Every)
	case instant[f.Kind] && f.Connection == EveryConnection && f.fired > 0 && (f.Every == 0 || f.Times <= 1) && v.started.After(f.begun):
		return far
	}
	return now
}
