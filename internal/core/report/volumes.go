package report

import (
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

const (
	// judgedMost is for how many minutes what was said of them is kept, for their revisions: a day's.
	judgedMost = 24 * 60
	// judgedOld is how old a minute may be when it closes and still be judged: odd ids open minutes of long ago too.
	judgedOld = 60
	// toldLate is how many minutes the stream's time may go back after a start though the guess was right: the first Tweets
	// come by backfill, which begins within a minute. What nobody heard then is a gap and no fall.
	toldLate = timeline.Minute(xapi.MaxBackfill/time.Minute) + 1
)

// Volumes are what is known of minutes that were whole, and who judges those that close.
type Volumes struct {
	History *ledger.History

	judge    *volume.Judge // nil: there are no live connections
	last     timeline.Minute
	closed   map[timeline.Minute][]volume.Part  // minutes that closed just now, by index of partition
	verdicts map[timeline.Minute]volume.Verdict // what was said as they closed
}

// NewVolumes remembers minutes, and judges those of live connections if there are any. No false alarms at all are wanted
// where so many a day are 0.
func NewVolumes(partitions []int, connections int, falseAlarms float64) *Volumes {
	v := &Volumes{History: ledger.NewHistory(), closed: make(map[timeline.Minute][]volume.Part), verdicts: make(map[timeline.Minute]volume.Verdict)}
	if falseAlarms == 0 { // there the default
		falseAlarms = -1
	}
	if connections > 0 {
		v.judge = volume.New(volume.Config{Partitions: partitions, Connections: connections, FalseAlarms: falseAlarms})
	}
	return v
}

// Judges reports whether there is somebody who judges.
func (v *Volumes) Judges() bool { return v.judge != nil }

// Begin takes over the hours that earlier processes remember. Minutes up to now are not judged: nobody listened.
func (v *Volumes) Begin(hours []ledger.HourRecord, now timeline.Minute) {
	v.last = now
	v.History.Restore(hours)
}

// Learn has the judge know the history.
func (v *Volumes) Learn() {
	if v.judge != nil {
		v.History.Each(v.judge.Learn)
	}
}

// Remember puts a partition's minute into the history, ledger.Unknown takes it out, and reports whether it came in.
func (v *Volumes) Remember(partition int, m timeline.Minute, n int64) bool {
	was := v.History.Unique(partition, m)
	v.History.Set(partition, m, n)
	return was == ledger.Unknown && n != ledger.Unknown
}

// Revise has the judge know a minute that has become whole since it was judged.
func (v *Volumes) Revise(partition int, m timeline.Minute, n int64) {
	if v.judge != nil {
		v.judge.Revise(m, partition, n)
	}
}

// Expected is how many Tweets earlier weeks let expect of a partition's minute; 0: not known.
func (v *Volumes) Expected(m timeline.Minute, partition int) int64 {
	if v.judge == nil {
		return 0
	}
	return int64(v.judge.Expected(m, partition))
}

// Wants reports whether a minute that closes now is to be judged.
func (v *Volumes) Wants(m, now timeline.Minute) bool {
	if now < v.last-toldLate { // a guess of the time was ahead
		v.last = now
	}
	return v.judge != nil && m > v.last && m >= now-judgedOld
}

// Closing takes what the minute of a partition, by index of so many, holds as it closes: what is decided then is gone after
// it.
func (v *Volumes) Closing(m timeline.Minute, index, partitions int, part volume.Part) {
	if v.closed[m] == nil {
		v.closed[m] = make([]volume.Part, partitions)
	}
	v.closed[m][index] = part
}

// Closed are the minutes that closed since they were judged last, in order.
func (v *Volumes) Closed() []timeline.Minute { return slices.Sorted(maps.Keys(v.closed)) }

// Judge judges a minute that closed, of whose partitions so many ms are covered.
func (v *Volumes) Judge(m timeline.Minute, covered []int64) []volume.Alarm {
	parts := v.closed[m]
	for i := range parts {
		parts[i].Covered = covered[i]
	}
	verdict := v.judge.Close(volume.Minute{Minute: m, Parts: parts})
	v.verdicts[m], v.last = verdict, m
	return verdict.Alarms
}

// Judged drops what closed.
func (v *Volumes) Judged() { clear(v.closed) }

// Outside takes an alarm that is not of volumes, at a minute, and returns those that changed by it.
func (v *Volumes) Outside(at timeline.Minute, a volume.Alarm) []volume.Alarm {
	return v.judge.Outside(at, a)
}

// Active are the alarms that last.
func (v *Volumes) Active() []volume.Alarm {
	if v.judge == nil {
		return nil
	}
	return v.judge.Active()
}

// Forget drops what was said of minutes long ago.
func (v *Volumes) Forget() {
	maps.DeleteFunc(v.verdicts, func(m timeline.Minute, _ volume.Verdict) bool { return m < v.last-judgedMost })
}

// Grade is what was said of a minute of the partition of that index as it closed, nil: nothing.
func (v *Volumes) Grade(index int, m timeline.Minute) *volume.Grade {
	verdict, ok := v.verdicts[m]
	if !ok {
		return nil
	}
	return &verdict.Parts[index]
}

// GradeOfAll is what was said of all partitions together.
func (v *Volumes) GradeOfAll(m timeline.Minute) *volume.Grade {
	verdict, ok := v.verdicts[m]
	if !ok {
		return nil
	}
	return &verdict.All
}
