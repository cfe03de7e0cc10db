package volume

import (
	"cmp"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// calm is how many minutes nothing must be wrong before an alarm ends. It doubles each time the alarm comes back within
	// an hour, up to calmest: what comes and goes is one alarm.
	calm, calmest = 5, 60
	relapse       = 60
)

// notice is an alarm and what decides when it ends.
type notice struct {
	Alarm
	bad   timeline.Minute // when it was last so
	good  int             // times since then that it was looked at and was not so
	need  int             // of them before it may end
	calm  timeline.Minute
	ended timeline.Minute // when it last did; 0: never
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

// wrong says that something is wrong at a minute. need is how often it must be looked at and be right before that may end.
func (b *board) wrong(at timeline.Minute, a Alarm, need int) {
	n := b.of(a)
	n.bad, n.good, n.need = max(n.bad, at), 0, need
	if n.Active && (n.Severity == Critical || a.Severity != Critical) {
		return
	}
	if !n.Active {
		n.begin(at)
	}
	a.Active, a.Since = true, n.Since
	n.Alarm = a
	b.changed = append(b.changed, a)
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
	n.good++
	return b.settle(at, n)
}

// settle ends an alarm whose time has come.
func (b *board) settle(at timeline.Minute, n *notice) bool {
	if !n.Active || n.good == 0 || n.good < n.need || at-n.bad < n.calm {
		return false
	}
	n.Active, n.ended = false, at
	over := n.Alarm
	over.Message = "over: " + over.Message
	b.changed = append(b.changed, over)
	return true
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
			a = append(a, n.Alarm)
		}
	}
	return a
}
