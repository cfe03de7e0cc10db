package volume

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// calm is how many minutes nothing must be wrong before an alarm ends. It doubles each time the alarm comes back within
	// an hour, up to calmest: what comes and goes is one alarm.
	calm, calmest = 5, 60
	relapse       = 60
	// eased is the same for what is seen and not inferred, such as a partition without a connection: whoever has mended it
	// wants to see that within two minutes.
	eased = 1
)

// notice is an alarm and what decides when it ends.
type notice struct {
	Alarm
	bad   timeline.Minute // when it was last so
	good  int             // times since then that it was looked at and was not so
	need  int             // of them before it may end
	calm  timeline.Minute
	ended timeline.Minute // when it last did; 0: never
	since timeline.Minute // since when it was looked at and not so, while good
	seen  bool            // it is a condition that is seen, and ends as soon as it does
}

// board holds the alarms, by kind and partition. It gives hysteresis to what detectors say.
type board struct {
	notices []*notice // in order of kind and partition
	changed []Alarm   // since the last take
}

func (b *board) find(k Kind, partition int) (*notice, bool) {
	i, ok := slices.BinarySearchFunc(b.notices, Alarm{Kind: k, Partition: partition}, (*notice).compare)
	if !ok {
		return nil, false
	}
	return b.notices[i], true
}

// of is the alarm's notice, made if it has none.
func (b *board) of(a Alarm) *notice {
	if n, ok := b.find(a.Kind, a.Partition); ok {
		return n
	}
	n := &notice{Alarm: Alarm{Kind: a.Kind, Partition: a.Partition, Connection: -1}, calm: calm}
	b.notices = append(b.notices, n)
	slices.SortFunc(b.notices, func(x, y *notice) int { return x.compare(y.Alarm) })
	return n
}

func (n *notice) compare(a Alarm) int {
	return cmp.Or(cmp.Compare(n.Kind, a.Kind), cmp.Compare(n.Partition, a.Partition))
}

// wrong says that something is inferred to be wrong at a minute: it must be looked at and be right for some minutes
// before that may end.
func (b *board) wrong(at timeline.Minute, a Alarm) { b.raise(at, a, calm, false) }

// condition says the same of what is seen and not inferred: it ends when it is over.
func (b *board) condition(at timeline.Minute, a Alarm) { b.raise(at, a, 1, true) }

// raise takes the figures as they are now; that it rose is told, that they changed is not.
func (b *board) raise(at timeline.Minute, a Alarm, need int, seen bool) {
	n := b.of(a)
	n.bad, n.good, n.need, n.seen = max(n.bad, at), 0, need, seen
	rose := !n.Active || n.Severity != Critical && a.Severity == Critical
	if !n.Active {
		n.begin(at)
	} else if !rose {
		a.Severity = n.Severity
	}
	a.Active, a.Since = true, n.Since
	n.Alarm = a
	if rose {
		b.changed = append(b.changed, a)
	}
}

func (n *notice) begin(at timeline.Minute) {
	if n.ended != 0 && at-n.ended < relapse {
		n.calm = min(2*n.calm, calmest)
	} else {
		n.calm = calm
	}
	n.Since, n.bad = at, at
}

// right says that it was looked for and is not so. It reports whether that ended it.
func (b *board) right(at timeline.Minute, k Kind, partition int) bool {
	n, ok := b.find(k, partition)
	if !ok || !n.Active {
		return false
	}
	if n.good++; n.good == 1 {
		n.since = at
	}
	return b.settle(at, n)
}

// over says that a condition is not seen any more. What was inferred stays.
func (b *board) over(at timeline.Minute, k Kind, partition int) {
	if n, ok := b.find(k, partition); ok && n.seen {
		b.right(at, k, partition)
	}
}

// settle ends an alarm whose time has come.
func (b *board) settle(at timeline.Minute, n *notice) bool {
	if !n.Active || n.good == 0 || n.good < n.need || at < n.ends() {
		return false
	}
	n.Active, n.ended = false, at
	over := n.Alarm
	over.Message = "over: " + over.Message
	b.changed = append(b.changed, over)
	return true
}

// ends is when it may end, if nothing more is wrong.
func (n *notice) ends() timeline.Minute {
	if n.seen {
		return n.bad + eased
	}
	return n.bad + n.calm
}

// tick lets time pass.
func (b *board) tick(at timeline.Minute) {
	for _, n := range b.notices {
		b.settle(at, n)
	}
}

// take returns what changed since it was last asked.
func (b *board) take() []Alarm {
	c := b.changed
	b.changed = nil
	return c
}

func (b *board) active(k Kind, partition int) bool {
	n, ok := b.find(k, partition)
	return ok && n.Active
}

func (b *board) allActive() (a []Alarm) {
	for _, n := range b.notices {
		if n.Active {
			a = append(a, n.now())
		}
	}
	return a
}

// now is the alarm as it stands: one that only waits for its end does not speak as if it were still so.
func (n *notice) now() Alarm {
	a := n.Alarm
	if n.good > 0 {
		a.Message = fmt.Sprintf("not so since %s, watched until %s: %s", n.since, n.ends(), a.Message)
	}
	return a
}
