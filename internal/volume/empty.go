package volume

import (
	"math"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// bursty is how many times the Tweets are due that would do if they came one by one, as they come in bursts.
const bursty = 2

// fewestPerSecond is how many Tweets a second must be due for an empty second to be loss: with a mean of λ there is none with
// probability exp(-λ), and a day has 86 400 seconds in each partition.
func fewestPerSecond(perDay float64, partitions int) float64 {
	if perDay <= 0 {
		return math.Inf(1)
	}
	return bursty * math.Log(day*60*float64(partitions)/perDay)
}

// emptySeconds counts the seconds without a Tweet, -1 if that would mean nothing. What is due is at least half of the last
// hour's mean, or as many as there are.
func (p *part) emptySeconds(c *Part, fewest float64) int64 {
	if c.Seconds == nil {
		return -1
	}
	due := float64(c.Unique)
	if sum, n := p.recent.over(0, 60); n >= 10 {
		due = max(due, sum/float64(n)/2)
	}
	if due/60 < fewest {
		return -1
	}
	n := int64(0)
	for _, s := range c.Seconds {
		if s == 0 {
			n++
		}
	}
	return n
}

// remember adds a whole minute to the last ones.
func (p *part) remember(m timeline.Minute, c *Part) {
	if c.whole() {
		p.recent.add(m, float64(c.Unique))
	}
}
