package volume

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// shares are the detectors' parts of Config.FalseAlarms.
const (
	balanceShare = 0.3
	stepShare    = 0.3
	seasonShare  = 0.3
	emptyShare   = 0.1
)

// Judge follows the volume of one stream, minute by minute. It has one owner and no lock. Its memory is bounded: a
// quarter of a megabyte for each partition, and once more for their sum.
type Judge struct {
	config  Config
	last    timeline.Minute // the newest that was judged
	started bool
	parts   []*part
	all     *season
	steps   *steps
	balance *balance // nil with one partition
	board   board
	fewest  float64 // Tweets a second, from which on an empty second is loss
}

// part is what is remembered of a partition.
type part struct {
	number int
	season *season
	recent sums // Tweets of the last whole minutes
	missed []leaks
	dark   leak
	isDark bool // as of the last minute that closed
	behind int  // minutes in a row that closed before all of it was emitted
	stuck  int  // minutes in a row of which nothing was delivered when they closed
}

// New is a judge without history.
func New(c Config) *Judge {
	if c.FalseAlarms == 0 {
		c.FalseAlarms = FalseAlarms
	}
	n := len(c.Partitions)
	perSeason := c.FalseAlarms * seasonShare / float64(n+1)
	j := &Judge{
		config: c, all: newSeason(perSeason), steps: newSteps(c.FalseAlarms * stepShare),
		fewest: fewestPerSecond(c.FalseAlarms*emptyShare, n),
	}
	for _, p := range c.Partitions {
		j.parts = append(j.parts, &part{number: p, season: newSeason(perSeason), missed: slices.Repeat([]leaks{newLeaks()}, c.Connections), dark: newDark()})
	}
	if n > 1 {
		j.balance = newBalance(n, c.FalseAlarms*balanceShare)
	}
	return j
}

// Learn takes a minute of an earlier process into the history, before the first Close: whole minutes only, oldest first in each
// partition. What is older than six weeks is of no use.
func (j *Judge) Learn(m timeline.Minute, partition int, unique int64) {
	if !j.remember(m, partition, unique) || j.started && m <= j.last {
		return
	}
	j.started, j.last = true, m
	if w := j.all.weigh(m, j.follow(m)); w.known {
		j.steps.add(m, w.deviation)
	}
	if j.balance != nil {
		j.balance.learn(m)
	}
}

// follow lets the windows take minute m, which is known in all partitions, and returns its sum.
func (j *Judge) follow(m timeline.Minute) (sum int64) {
	for i, p := range j.parts {
		c := int64(p.season.history.get(m))
		p.recent.add(m, float64(c))
		if j.balance != nil {
			j.balance.counts[i].add(m, float64(c))
		}
		sum += c
	}
	return sum
}

// Revise takes a minute that became whole after it closed, such as a recovered one, into the history.
func (j *Judge) Revise(m timeline.Minute, partition int, unique int64) {
	j.remember(m, partition, unique)
}

// remember puts a whole minute of a partition into the history, and says whether it is known in all now.
func (j *Judge) remember(m timeline.Minute, partition int, unique int64) bool {
	i := slices.Index(j.config.Partitions, partition)
	if i < 0 {
		return false
	}
	j.parts[i].season.learn(m, unique)
	sum, ok := j.sum(m)
	if ok {
		j.all.learn(m, sum)
	}
	return ok
}

// sum is what all partitions held together, if all are known.
func (j *Judge) sum(m timeline.Minute) (sum int64, ok bool) {
	for _, p := range j.parts {
		c := p.season.history.get(m)
		if c < 0 {
			return 0, false
		}
		sum += int64(c)
	}
	return sum, true
}

// Close judges a minute that closed. Minutes come in the order of closing; some may be absent. One that is older than one
// judged before gets grades, and moves no alarm.
func (j *Judge) Close(m Minute) Verdict {
	v := Verdict{Parts: make([]Grade, len(m.Parts))}
	whole, total := true, int64(0)
	weights := make([]weighed, len(m.Parts))
	for i := range m.Parts {
		p := &m.Parts[i]
		weights[i] = j.parts[i].season.weigh(m.Minute, p.Unique)
		v.Parts[i] = j.parts[i].grade(p, &weights[i], j.fewest)
		whole, total = whole && p.whole(), total+p.Unique
	}
	all := j.all.weigh(m.Minute, total)
	v.All = j.gradeAll(v.Parts, &all, whole)
	if !j.started || m.Minute > j.last {
		j.started, j.last = true, m.Minute
		j.judge(&m, whole, &all, weights, v.Parts)
	}
	for i := range m.Parts {
		if m.Parts[i].whole() {
			j.remember(m.Minute, j.parts[i].number, m.Parts[i].Unique)
		}
	}
	v.Alarms = j.board.take()
	return v
}

func (p *part) grade(c *Part, w *weighed, fewest float64) Grade {
	g := Grade{Expected: w.expected, Missed: EstimateOf(c.Histories), EmptySeconds: -1, Level: Partial}
	if c.whole() {
		g.Level, g.Score = p.season.level(w), w.score
		g.EmptySeconds = p.emptySeconds(c, fewest)
	}
	return g
}

func (j *Judge) gradeAll(parts []Grade, w *weighed, whole bool) Grade {
	g := Grade{Expected: w.expected, Missed: Estimate{Known: true}, Level: Partial}
	for i, p := range parts {
		if i == 0 {
			g.Missed, g.EmptySeconds = p.Missed, p.EmptySeconds
			continue
		}
		g.Missed = g.Missed.plus(p.Missed)
		g.EmptySeconds = allEmpty(g.EmptySeconds, p.EmptySeconds)
	}
	if whole {
		g.Level, g.Score = j.all.level(w), w.score
	}
	return g
}

// allEmpty adds up empty seconds, unless one of them is not known.
func allEmpty(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// Expected is how many Tweets the minute of a partition should hold by the same minute of earlier weeks; 0: not known.
func (j *Judge) Expected(m timeline.Minute, partition int) float64 {
	for _, p := range j.parts {
		if p.number == partition {
			w := p.season.weigh(m, 0)
			return w.expected
		}
	}
	return 0
}

// Outside takes an alarm that was decided elsewhere, such as by an audit: a.Active says whether it is so now; Since is
// not read. It is to be told as often as it is looked at, also while nothing is wrong. It is active at once, and ends when a
// minute or more has passed and it is not so. What changed now is returned.
func (j *Judge) Outside(at timeline.Minute, a Alarm) []Alarm {
	if a.Active {
		j.board.condition(at, a)
	} else {
		j.board.right(at, a.Kind, a.Partition)
	}
	return j.board.take()
}

// Active are the alarms that are active, in a fixed order.
func (j *Judge) Active() []Alarm { return j.board.allActive() }
