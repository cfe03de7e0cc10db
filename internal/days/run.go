package days

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Warm is how many days of history a judge gets before it is judged itself.
const Warm = 42

// patience is how many minutes a loss lasts at most before it counts as not noticed.
const patience = 6 * 60

func newJudge() *volume.Judge {
	return volume.New(volume.Config{Partitions: []int{1, 2}, Connections: connections})
}

// Learned is a judge that knows the last days of a stream from its ledger.
func Learned(s *Stream, days int) *volume.Judge {
	j := newJudge()
	for range days * day {
		m := s.Next(Loss{})
		for i := range m.Parts {
			j.Learn(m.Minute, i+1, m.Parts[i].Unique)
		}
	}
	return j
}

// Quiet is what a judge says when nothing is wrong.
type Quiet struct {
	Days   int
	Alarms map[volume.Kind]int
	First  []string // messages of the first few
}

// All is how many alarms there were.
func (q *Quiet) All() (n int) {
	for _, k := range q.Alarms {
		n += k
	}
	return n
}

// PerDay is how many there were a day.
func (q *Quiet) PerDay() float64 { return float64(q.All()) / float64(q.Days) }

// Listen lets a judge that has learned some days judge others, in which nothing is lost.
func Listen(w Weather, learn, days int, seed uint64) Quiet {
	s := NewStream(w, seed)
	j := Learned(s, learn)
	q := Quiet{Days: days, Alarms: map[volume.Kind]int{}}
	for range days * day {
		for _, a := range j.Close(s.Next(Loss{})).Alarms {
			if a.Active {
				q.Alarms[a.Kind]++
				q.First = append(q.First, a.Message)
			}
		}
	}
	q.First = q.First[:min(5, len(q.First))]
	return q
}

// Add puts both together.
func (q *Quiet) Add(o Quiet) {
	if q.Alarms == nil {
		q.Alarms = map[volume.Kind]int{}
	}
	q.Days += o.Days
	for k, n := range o.Alarms {
		q.Alarms[k] += n
	}
	q.First = append(q.First, o.First...)
	q.First = q.First[:min(5, len(q.First))]
}

// Delays is how late a loss was noticed.
type Delays struct {
	Losses  int
	Minutes []int // from the start of a loss to the close of the minute that gave the alarm, of those noticed
	Misled  int   // losses of which an alarm named another layer before, or instead
}

// Noticed is the share of the losses that the right alarm named.
func (d *Delays) Noticed() float64 { return float64(len(d.Minutes)) / float64(max(1, d.Losses)) }

// Quantile is the delay in minutes that a share of the losses keeps; 0 if less than that were noticed.
func (d *Delays) Quantile(p float64) int {
	slices.Sort(d.Minutes)
	i := int(p * float64(d.Losses))
	if i >= len(d.Minutes) {
		return 0
	}
	return d.Minutes[i]
}

// Add puts both together.
func (d *Delays) Add(o Delays) {
	d.Losses += o.Losses
	d.Misled += o.Misled
	d.Minutes = append(d.Minutes, o.Minutes...)
}

// Lose lets a loss begin at a random time of each day and last until it is noticed, six hours at most.
func Lose(w Weather, loss Loss, days int, seed uint64) (d Delays) {
	s := NewStream(w, seed)
	j := Learned(s, Warm)
	for range days {
		d.day(s, j, loss)
	}
	return d
}

func (d *Delays) day(s *Stream, j *volume.Judge, loss Loss) {
	begin, left := 60+s.dice.IntN(15*60), patience
	misled := false
	d.Losses++
	for minute := range day {
		now := Loss{}
		if minute >= begin && left > 0 {
			now = loss
			left--
		}
		for _, a := range j.Close(s.Next(now)).Alarms {
			if now == (Loss{}) || !a.Active {
				continue
			}
			if a.Kind == loss.Place.Kind() && a.Partition < 2 {
				d.Minutes = append(d.Minutes, minute-begin+1)
				left = 0
			} else {
				misled = true
			}
		}
	}
	if misled {
		d.Misled++
	}
}
