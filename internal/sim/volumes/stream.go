package volumes

import (
	"math"

	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

const partitions, connections = 2, 2

// Place is where Tweets are lost.
type Place string

// The places, each with the kind of alarm that should say so.
const (
	Connection Place = "one connection"  // of partition 1, number 0
	Each       Place = "each connection" // of partition 1, each by itself
	Partition  Place = "one partition"   // 1
	Everything Place = "everything"
)

// Kind is the alarm that names the place.
func (p Place) Kind() volume.Kind {
	return map[Place]volume.Kind{Connection: volume.Network, Each: volume.Network, Partition: volume.Partition, Everything: volume.X}[p]
}

// Loss is what is lost now. The zero Loss is none.
type Loss struct {
	Place Place
	Share float64
}

func (l Loss) at(p Place) float64 {
	if l.Place == p {
		return l.Share
	}
	return 0
}

// Stream brings closed minutes.
type Stream struct {
	weather Weather
	dice    *dice
	sky     sky
	minute  int // since the start of a week
	seconds [partitions][60]uint16
	parts   [partitions]volume.Part
	missed  [partitions]int64
}

// epoch is a Monday, so that minute%week starts there.
const epoch = timeline.Minute(2950 * week)

// NewStream is a stream at the start of a week.
func NewStream(w Weather, seed uint64) *Stream {
	s := &Stream{weather: w, dice: newDice(seed)}
	for i := range s.parts {
		s.parts[i] = volume.Part{
			Seconds: &s.seconds[i], Histories: make([]int64, 1<<connections),
			Missed: make([]int64, connections), Covered: timeline.MinuteMilli,
		}
	}
	return s
}

// Next is the next minute, of which loss is lost. It is valid until the next one.
func (s *Stream) Next(loss Loss) volume.Minute { return s.next(loss, s.offer) }

// Past is the next minute, of which nothing is lost, and of which the seconds are not to be looked at.
func (s *Stream) Past() volume.Minute {
	return s.next(Loss{}, func(_ int, rate float64) int64 { return s.dice.poisson(60 * rate) })
}

func (s *Stream) next(loss Loss, offer func(i int, rate float64) int64) volume.Minute {
	factor := season(s.minute) * s.sky.pass(&s.weather, s.dice)
	rate := s.weather.Rate * factor * (1 - loss.at(Everything))
	lean := math.Sqrt((s.weather.Split-1)/(2*60*rate+1)) * s.dice.normal()
	for i := range s.parts {
		share := 1 + lean*float64(1-2*i)
		if i == 0 {
			share *= 1 - loss.at(Partition)
		}
		s.deliver(i, offer(i, rate*share), loss)
	}
	m := volume.Minute{Minute: epoch + timeline.Minute(s.minute), Parts: s.parts[:]}
	s.minute++
	return m
}

// Missed is how many Tweets of a partition no connection delivered in the last minute, though X sent them.
func (s *Stream) Missed(partition int) int64 { return s.missed[partition-1] }

// offer draws how many Tweets X sends in a minute, by second.
func (s *Stream) offer(i int, rate float64) (sum int64) {
	for k := range s.seconds[i] {
		n := s.dice.poisson(rate)
		s.seconds[i][k] = uint16(min(n, math.MaxUint16))
		sum += n
	}
	return sum
}

// deliver draws which connections delivered them.
func (s *Stream) deliver(i int, offered int64, loss Loss) {
	var lost [connections]float64
	for k := range lost {
		lost[k] = s.weather.Seep
		if s.dice.Float64() < s.weather.Cuts/day {
			lost[k] += (2 + 13*s.dice.Float64()) / 60
		}
	}
	if i == 0 {
		lost[0] = max(lost[0], loss.at(Connection), loss.at(Each))
		lost[1] = max(lost[1], loss.at(Each))
	}
	p := &s.parts[i]
	s.missed[i] = capture(s.dice, offered, lost[:], p.Histories)
	p.Unique = 0
	for set := range p.Histories {
		p.Unique += p.Histories[set]
	}
	p.Missed[0], p.Missed[1] = p.Histories[2], p.Histories[1]
	p.Emitted = p.Unique
}

// capture draws how many of the offered Tweets each set of connections delivers, each of which loses its share independently. It
// returns how many none did.
func capture(d *dice, offered int64, lost []float64, histories []int64) (missed int64) {
	clear(histories)
	histories[0] = offered
	for k := range lost { // split each set by whether connection k delivers it too
		for set := range 1 << k {
			without := d.binomial(histories[set], lost[k])
			histories[set|1<<k] = histories[set] - without
			histories[set] = without
		}
	}
	missed = histories[0]
	histories[0] = 0
	return missed
}
