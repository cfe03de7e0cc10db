package refill

import "github.com/decahose/telegraf-decahose/internal/timeline"

// Reading follows the reading of an archive, minute by minute, and says which minutes are whole in it. The archive knows
// what its site received, not what X sent; so a minute is judged by evidence. It has one owner and no lock.
type Reading struct {
	request       Request
	trust         bool
	tweets, fresh int64
	at            timeline.Minute // being read
	minutes       []reading
}

// reading is one minute of it.
type reading struct {
	n      int64
	second [60]int32 // Tweets of each second
	known  int64     // Tweets of it that had come on other roads before
	copies int64     // of those, what the archive has
	sound  bool      // read to its end, without an error
}

const (
	// heap is how many Tweets a stretch must lead one to expect, for a third of them to be more than chance: 4 times the
	// standard deviation. By it one sees that one partition of two is absent.
	heap = 150
	// behind, in seconds, is how far the beginning of the next minute is looked at: a site that was cut just then had
	// not all of what was created before, either.
	behind = 10
	// shortest stretch, in seconds: Tweets come in gusts.
	shortest = 5
)

// NewReading follows the reading of at least one minute, and of the one behind them. known is how many Tweets of a
// minute are there already. With trust, whatever the archive holds of a minute is all of it.
func NewReading(q Request, trust bool, known func(timeline.Minute) int64) *Reading {
	if q.From >= q.To {
		panic("BUG: reading of no minute")
	}
	r := &Reading{request: q, trust: trust, at: q.From, minutes: make([]reading, q.To-q.From+1)}
	for i := range r.minutes {
		r.minutes[i].known = known(q.From + timeline.Minute(i))
	}
	return r
}

// Tweet tells of a Tweet of id time ms, in Unix ms, that came once; fresh if it is not a copy of one that was there.
func (r *Reading) Tweet(ms int64, fresh bool) {
	r.tweets++
	if fresh {
		r.fresh++
	}
	i := int(timeline.MinuteOf(ms) - r.request.From)
	if i < 0 || i >= len(r.minutes) {
		return
	}
	c := &r.minutes[i]
	c.n++
	c.second[ms/1000%60]++
	if !fresh {
		c.copies++
	}
}

// Read tells that all came that the archive has of the minute; sound says that nothing of it was damaged.
func (r *Reading) Read(m timeline.Minute, sound bool) {
	r.at = m + 1
	r.minutes[m-r.request.From].sound = sound
}

// End says, once nothing more will come, which minutes are whole, and which of those that were read are not. usual is
// how many Tweets a minute should hold by what is known of its neighbours, 0: nothing is.
func (r *Reading) End(usual func(timeline.Minute) int64) (whole timeline.Set, lacking []timeline.Minute) {
	mean := r.mean()
	for m := r.request.From; m < min(r.at-1, r.request.To); m++ { // the one behind it was read, too
		if r.whole(int(m-r.request.From), mean, usual(m)) {
			whole.Add(m.Span())
		} else {
			lacking = append(lacking, m)
		}
	}
	return whole, lacking
}

// whole: nothing was damaged, no Tweet that is known to exist is absent, and there are two thirds as many as there should
// be, in all of it and in each stretch, up to the beginning of the next minute. What should be there must be known:
// an archive of one partition of two is even. Minutes without a single Tweet are rare: the site was down, more likely.
func (r *Reading) whole(i int, mean, usual int64) bool {
	c := &r.minutes[i]
	switch {
	case !c.sound || c.n == 0 || c.copies < c.known:
		return false
	case r.trust:
		return true
	case usual == 0:
		return false
	}
	expected := max(mean, usual)
	return Yardstick{expected, Near}.Judge(c.n) != Thin && r.dense(i, expected)
}

// dense reports whether each stretch that touches the minute holds two thirds of what it should.
func (r *Reading) dense(i int, perMinute int64) bool {
	length := int(max(shortest, (60*heap+perMinute-1)/max(1, perMinute)))
	if length > 60 {
		return true // too few Tweets to tell
	}
	sum := int64(0)
	from := max(0, 60*i-length+1)
	for s := from; s < 60*(i+1)+behind; s++ {
		sum += int64(r.minutes[s/60].second[s%60])
		if s >= from+length {
			sum -= int64(r.minutes[(s-length)/60].second[(s-length)%60])
		}
		if s >= from+length-1 && 3*60*sum < 2*perMinute*int64(length) {
			return false
		}
	}
	return true
}

// mean is that of the minutes that hold Tweets.
func (r *Reading) mean() int64 {
	sum, n := int64(0), int64(0)
	for i := range r.minutes[:len(r.minutes)-1] {
		if c := &r.minutes[i]; c.n > 0 {
			sum += c.n
			n++
		}
	}
	return sum / max(1, n)
}

// At is the minute being read.
func (r *Reading) At() timeline.Minute { return r.at }

// MinutesDone is how many minutes were read, whole or not.
func (r *Reading) MinutesDone() int64 { return int64(min(r.at, r.request.To) - r.request.From) }

// Tweets is how many Tweets came, copies included.
func (r *Reading) Tweets() int64 { return r.tweets }

// New is how many of the Tweets were not known.
func (r *Reading) New() int64 { return r.fresh }
