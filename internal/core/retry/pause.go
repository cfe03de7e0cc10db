package retry

import "time"

// Pause is a wait that doubles each time it is taken.
type Pause struct {
	next  time.Duration
	until time.Time
}

// Over reports whether the last wait has passed.
func (p *Pause) Over(now time.Time) bool { return !now.Before(p.until) }

// Take starts the next wait.
func (p *Pause) Take(now time.Time, first, most time.Duration) {
	p.next = min(max(p.next, first), most)
	p.until = now.Add(p.next)
	p.next *= 2
}

// Reset makes the next wait the first one.
func (p *Pause) Reset() { *p = Pause{} }
