package volume

// leak adds up what is lost, in minutes' worth, and lets a little of it drain every minute: a cumulative sum (Page
// 1954). A large loss fills it at once, a small one slowly, and one that is no larger than the drain never.
type leak struct {
	drain, size float64
	most        float64 // that a single minute counts for
	level       float64
	full        bool // it has filled, and what filled it has not ended
}

// add takes the share of a minute that was lost, and says whether it is full.
func (l *leak) add(share float64) bool {
	l.level = min(l.size, max(0, l.level+min(share, l.most)-l.drain))
	l.full = (l.full || l.level >= l.size) && share > l.drain
	return l.full
}

// leaks of a connection: much that is lost in some minutes, such as by a bad route, or a little that is lost for
// long. A reconnect now and then, which costs a quarter of a minute, is neither.
type leaks struct{ fast, slow leak }

func newLeaks() leaks {
	return leaks{fast: leak{drain: 0.05, size: 0.5, most: 1}, slow: leak{drain: 0.002, size: 0.25, most: 0.05}}
}

func (l *leaks) add(share float64) bool {
	fast, slow := l.fast.add(share), l.slow.add(share)
	return fast || slow
}

// newDark is a leak of a partition's time: a reconnect without backfill is a gap and no alarm, a minute in the dark is one.
func newDark() leak { return leak{drain: 0.01, size: 0.98, most: 1} }
