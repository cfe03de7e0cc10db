package volumes

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
	learn(s, j, days*day)
	return j
}

func learn(s *Stream, j *volume.Judge, minutes int) {
	for range minutes {
		m := s.Past()
		for i := range m.Parts {
			j.Learn(m.Minute, i+1, m.Parts[i].Unique)
		}
	}
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

// Lose lets a loss begin at a random time of each day and last until it is noticed, six hours at most. After some
// days there is another stream: losses that are not noticed, day after day, would teach the judge to expect them.
func Lose(w Weather, loss Loss, days, each int, seed uint64) (d Delays) {
	var s *Stream
	var j *volume.Judge
	for i := range days {
		if i%each == 0 {
			s = NewStream(w, seed<<32+uint64(i))
			j = Learned(s, Warm)
		}
		d.day(s, j, loss)
	}
	return d
}

const (
	// before and after a loss a judge is listened to; the rest of the day it learns, which is cheaper.
	before, after = 60, 120
)

func (d *Delays) day(s *Stream, j *volume.Judge, loss Loss) {
	begin := before + s.dice.IntN(day-patience-after-before)
	learn(s, j, begin-before)
	listen(s, j, before, Loss{})
	d.Losses++
	delay, misled := listen(s, j, patience, loss)
	if delay > 0 {
		d.Minutes = append(d.Minutes, delay)
	} else {
		delay = patience
	}
	if misled {
		d.Misled++
	}
	listen(s, j, after, Loss{})
	learn(s, j, day-begin-delay-after)
}

// listen lets a judge judge minutes, until one gives the right alarm of a loss: it returns how many that took, 0 if none
// did, and whether another alarm came.
func listen(s *Stream, j *volume.Judge, minutes int, loss Loss) (delay int, misled bool) {
	for i := range minutes {
		for _, a := range j.Close(s.Next(loss)).Alarms {
			if loss.Place != "" && a.Active && a.Kind == loss.Place.Kind() && a.Partition < 2 {
				return i + 1, misled
			}
			misled = misled || a.Active
		}
	}
	return 0, misled
}
