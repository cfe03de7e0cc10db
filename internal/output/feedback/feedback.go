package feedback

import (
	"maps"
	"time"
)

// Report is one internal_write point: the counters of one output at a time. Counters begin at 0 with the agent.
type Report struct {
	Output                                      string // name, alias and id: outputs are told apart by it
	At                                          int64  // Unix ns, when the counters were read, rounded to the second by the agent
	Added, Written, Dropped, Rejected, Filtered int64
	Size, Limit                                 int64 // of the buffer, metrics
}

// Effect is what a report means.
type Effect struct {
	Pause bool // a buffer is so full that nothing should be written for now
	// Before: what was written to stdout before this time (Unix ns) has left every buffer. 0: not known. It may go back
	// to an earlier time when less is known than before; what once has left stays gone.
	Before int64
	// DroppedFrom and DroppedTo (Unix ns): among what was written to stdout in this time, Dropped metrics, ours or others,
	// were thrown away by a full buffer, refused by an output, or lost with an agent that was started anew; no others were
	// since the last report. Dropped 0: none. DroppedFrom 0: since the process began. Windows may overlap: while an output
	// takes nothing, each begins where it took the last.
	DroppedFrom, DroppedTo int64
	Dropped                int64
}

const (
	// slack is the most time from a write to stdout until the metric is counted as added, the rounding of At included:
	// the pipe holds 64 KiB, and the agent's own channel a hundred metrics.
	slack = int64(2 * time.Second)
	// rounding is how much earlier than the counters' reading At may be.
	rounding = int64(500 * time.Millisecond)
)

const (
	// silentAfter is how far behind the newest report an output's last one may be. One that fell silent is no output any
	// more, as after a report that was not Telegraf's: it neither pauses nor holds back.
	silentAfter = int64(5 * time.Minute)
	// mostOutputs bounds those that are remembered.
	mostOutputs = 64
)

// Loop folds reports. The zero value is ready.
type Loop struct {
	newest  int64 // At of the latest report
	crowded int64 // At of the latest report that was passed over because there were too many outputs'; 0: none was
	outputs map[string]*output
	paused  bool
	born    int64 // no earlier than this, Unix ns, was anything written that the present agent counts; 0: not known
}

// Fold takes one report. Those of one output come in the order of their time; one that comes again changes nothing.
// Times are compared with those of writes to stdout: both must be of one host's clock.
func (l *Loop) Fold(r Report) Effect {
	o := l.outputs[r.Output]
	if r.At > l.newest || r.At < l.newest-silentAfter { // or the clock was set back
		l.newest = r.At
	}
	if o == nil && !l.room() {
		l.crowded = r.At
		return l.outlook(Effect{})
	}
	if o != nil && o.last.repeats(r) {
		return l.outlook(Effect{})
	}
	var e Effect
	switch {
	case o == nil:
		e = l.begin(r, e)
	case r.counts().below(o.last.counts()):
		e = l.begin(r, l.restart(r))
	default:
		e = e.plus(o.affected(r), r, r.gone()-o.last.gone())
		o.fold(r)
	}
	l.pause()
	return l.outlook(e)
}

// room reports whether one more output can be remembered; those that fell silent make some.
func (l *Loop) room() bool {
	if len(l.outputs) < mostOutputs {
		return true
	}
	maps.DeleteFunc(l.outputs, func(_ string, o *output) bool { return l.silent(o) })
	return len(l.outputs) < mostOutputs
}

func (l *Loop) silent(o *output) bool { return o.last.At < l.newest-silentAfter }

// begin takes the first report of an output. What the agent counted until now, it may have counted of ours.
func (l *Loop) begin(r Report, e Effect) Effect {
	if l.outputs == nil {
		l.outputs = map[string]*output{}
	}
	l.outputs[r.Output] = begin(r)
	return e.plus(l.born, r, r.gone())
}

// plus adds n dropped metrics, of the time from from to r.
func (e Effect) plus(from int64, r Report, n int64) Effect {
	if n == 0 {
		return e
	}
	if from > r.At { // of a clock that was set back since
		from = 0
	}
	if e.Dropped == 0 || from < e.DroppedFrom {
		e.DroppedFrom = from
	}
	e.DroppedTo = r.At + rounding
	e.Dropped += n
	return e
}

// restart forgets an agent whose counters began anew at some time before r: what its buffers held is lost with it, and
// of what was written since its last report nobody knows which agent got it.
func (l *Loop) restart(r Report) Effect {
	from, born, held := r.At, r.At, int64(1) // what came after the last report is not known
	for _, o := range l.outputs {
		from = min(from, o.affected(r))
		born = min(born, o.last.At-slack)
		held = max(held, o.last.Size)
	}
	clear(l.outputs)
	l.born = max(born, 0)
	return Effect{DroppedFrom: from, DroppedTo: r.At + rounding, Dropped: held}
}

// pause begins when a buffer is more than half full, and ends when all are less than a quarter full.
func (l *Loop) pause() {
	full, calm := false, true
	for _, o := range l.outputs {
		if o.last.Limit > 0 && !l.silent(o) {
			full = full || 2*o.last.Size > o.last.Limit
			calm = calm && 4*o.last.Size < o.last.Limit
		}
	}
	l.paused = full || l.paused && !calm
}

// outlook fills in what all outputs together say.
func (l *Loop) outlook(e Effect) Effect {
	e.Pause = l.paused
	first := true
	for _, o := range l.outputs {
		if l.silent(o) {
			continue
		}
		if at := o.when(o.floor); first || at < e.Before {
			e.Before = at
		}
		first = false
	}
	if l.crowded != 0 && l.crowded >= l.newest-silentAfter {
		e.Before = 0 // of an output that is not remembered nothing is known
	}
	return e
}
