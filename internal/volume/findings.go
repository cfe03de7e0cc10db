package volume

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// late minutes in a row must have closed before all was emitted, or with nothing of them delivered.
	lateEmitted, lateDelivered = 3, 5
	// most is the loss that makes an alarm critical.
	most = 0.5
)

func severity(lost float64) Severity {
	if lost >= most {
		return Critical
	}
	return Warning
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// judge moves the alarms by a minute that is newer than all before.
func (j *Judge) judge(m *Minute, whole bool, all *weighed, weights []weighed, grades []Grade) {
	for i, p := range j.parts {
		c := &m.Parts[i]
		j.network(m.Minute, p, c, grades[i].Missed)
		j.us(m.Minute, p, c)
		j.undelivered(m.Minute, p, c)
		p.remember(m.Minute, c)
	}
	if x := j.darkness(m); x || !whole {
		j.board.tick(m.Minute)
		return
	}
	if j.balance != nil {
		j.balance.add(m.Minute, m.Parts)
	}
	for i := range j.parts {
		j.partition(m.Minute, i, grades)
	}
	j.x(m, all, weights, grades)
	j.board.tick(m.Minute)
}

// network finds the connections of a partition that miss what others deliver. There is one alarm for a partition, of
// the worst of them. What is missed is redundancy, so it is never critical.
func (j *Judge) network(at timeline.Minute, p *part, c *Part, missed Estimate) {
	if c.Missed == nil || c.Unique == 0 || len(c.Missed) < 2 {
		return
	}
	worst, share, bad := 0, 0.0, 0
	for k, n := range c.Missed {
		s := float64(n) / float64(c.Unique)
		if !p.missed[k].add(s) {
			continue
		}
		if bad++; s > share {
			worst, share = k, s
		}
	}
	if bad == 0 {
		j.board.right(at, Network, p.number)
		return
	}
	text := fmt.Sprintf("partition %d, connection %d misses %s of what others deliver: its network, its route, or X's buffer for it",
		p.number, worst, percent(share))
	evidence := []Evidence{{"missed_share", share}, {"connections_bad", float64(bad)}}
	if missed.Known {
		evidence = append(evidence, Evidence{"missed_estimate", missed.Missed})
	}
	switch {
	case bad > 1 && missed.Known:
		text += fmt.Sprintf("; %d connections miss some, so about %.0f Tweets a minute reach none", bad, missed.Missed)
	case bad > 1: // there is nothing to divide by
		text += fmt.Sprintf("; %d connections miss some, and share too little to tell how many Tweets reach none", bad)
	}
	j.board.wrong(at, Alarm{Kind: Network, Partition: p.number, Connection: worst, Severity: Warning, Message: text, Evidence: evidence})
}

// us finds what was received and not emitted.
func (j *Judge) us(at timeline.Minute, p *part, c *Part) {
	late := c.Unique - c.Emitted
	if late == 0 {
		p.behind = 0
		j.board.right(at, Us, p.number)
		return
	}
	p.behind++
	evidence := []Evidence{{"unique", float64(c.Unique)}, {"emitted", float64(c.Emitted)}}
	a := Alarm{Kind: Us, Partition: p.number, Connection: -1, Severity: Warning, Evidence: evidence}
	switch {
	case late < 0:
		a.Severity = Critical
		a.Message = fmt.Sprintf("partition %d: BUG: %d Tweets emitted and %d received", p.number, c.Emitted, c.Unique)
	case p.behind < lateEmitted:
		return
	default:
		a.Severity = severity(float64(late) / float64(c.Unique))
		a.Message = fmt.Sprintf("partition %d: %d of %d Tweets received were not emitted when their minute closed: this plugin, or who reads its output, is slow",
			p.number, late, c.Unique)
	}
	j.board.condition(at, a)
}

// undelivered finds outputs that are more than a minute behind.
func (j *Judge) undelivered(at timeline.Minute, p *part, c *Part) {
	if !c.Tracked {
		return
	}
	if c.Delivered > 0 || c.Emitted == 0 {
		p.stuck = 0
		j.board.right(at, Sink, p.number)
		return
	}
	if p.stuck++; p.stuck < lateDelivered {
		return
	}
	j.board.condition(at, Alarm{
		Kind: Sink, Partition: p.number, Connection: -1, Severity: Warning,
		Message:  fmt.Sprintf("partition %d: the outputs have accepted nothing of %d minutes in a row when they closed: they fail, or are slow", p.number, p.stuck),
		Evidence: []Evidence{{"emitted", float64(c.Emitted)}, {"delivered", float64(c.Delivered)}},
	})
}

// darkness finds partitions that no connection delivers, and says whether that are all of them. What delivers again is
// not dark, whatever its last minute held.
func (j *Judge) darkness(m *Minute) bool {
	dark := 0
	for i, p := range j.parts {
		p.isDark = p.dark.add(1-float64(m.Parts[i].Covered)/timeline.MinuteMilli) && !m.Parts[i].Back
		if p.isDark {
			dark++
		}
	}
	all := dark == len(j.parts)
	if all {
		j.board.condition(m.Minute, Alarm{
			Kind: X, Connection: -1, Severity: Critical,
			Message:  "no connection delivers Tweets, of no partition: X, or the road to it that all connections share",
			Evidence: []Evidence{{"partitions_dark", float64(dark)}},
		})
	} else {
		j.board.over(m.Minute, X, 0)
	}
	for i, p := range j.parts {
		if all || !p.isDark {
			j.board.over(m.Minute, Partition, p.number)
			continue
		}
		j.board.condition(m.Minute, Alarm{
			Kind: Partition, Partition: p.number, Connection: -1, Severity: Critical,
			Message:  fmt.Sprintf("partition %d: no connection delivers Tweets, and others are delivered", p.number),
			Evidence: []Evidence{{"covered_ms", float64(m.Parts[i].Covered)}},
		})
	}
	return all
}

// partition finds loss on one side: seconds that are empty in this partition alone, and too small a part of the total.
func (j *Judge) partition(at timeline.Minute, i int, grades []Grade) {
	p := j.parts[i]
	if s, bad := j.short(i); bad {
		j.board.wrong(at, Alarm{
			Kind: Partition, Partition: p.number, Connection: -1, Severity: severity(s.share),
			Message: fmt.Sprintf("partition %d brings %s less than the others (%d min, %.1f standard deviations): loss on its side alone",
				p.number, percent(s.share), s.window, s.score),
			Evidence: []Evidence{{"lost_share", s.share}, {"score", -s.score}, {"window_minutes", float64(s.window)}},
		})
		return
	}
	if n := grades[i].EmptySeconds; n > 0 && !everywhere(grades) {
		j.board.wrong(at, Alarm{
			Kind: Partition, Partition: p.number, Connection: -1, Severity: severity(float64(n) / 60),
			Message:  fmt.Sprintf("partition %d: %d seconds of id time hold no Tweet, and others do: loss on its side alone", p.number, n),
			Evidence: []Evidence{{"empty_seconds", float64(n)}},
		})
		return
	}
	if j.board.right(at, Partition, p.number) && j.balance != nil {
		j.balance.forget()
	}
}

func (j *Judge) short(i int) (short, bool) {
	if j.balance == nil {
		return short{}, false
	}
	return j.balance.judge(i)
}

// everywhere says that each partition has empty seconds.
func everywhere(grades []Grade) bool {
	for i := range grades {
		if grades[i].EmptySeconds <= 0 {
			return false
		}
	}
	return true
}

// x finds what falls in all partitions together: at once, against the season, or in seconds without any Tweet.
func (j *Judge) x(m *Minute, all *weighed, weights []weighed, grades []Grade) {
	a := Alarm{Kind: X, Connection: -1}
	if fell, bad := j.stepped(m.Minute, all); bad {
		a.Severity = severity(fell)
		a.Message = fmt.Sprintf("all partitions fell by %s at once: X, or the road to it that all connections share", percent(fell))
		a.Evidence = []Evidence{{"lost_share", fell}, {"expected", all.expected}}
		j.board.wrong(m.Minute, a)
		return
	}
	if j.low(all) && together(all, weights) {
		a.Severity = severity(-all.deviation)
		a.Message = fmt.Sprintf("all partitions are %s below what this minute of the week held before: X, or the road to it that all connections share", percent(-all.deviation))
		a.Evidence = []Evidence{{"lost_share", -all.deviation}, {"expected", all.expected}, {"score", all.score}}
		j.board.wrong(m.Minute, a)
		return
	}
	if n := grades[0].EmptySeconds; everywhere(grades) {
		a.Severity = severity(float64(n) / 60)
		a.Message = fmt.Sprintf("all partitions: %d seconds of id time hold no Tweet: X, or the road to it that all connections share", n)
		a.Evidence = []Evidence{{"empty_seconds", float64(n)}}
		j.board.wrong(m.Minute, a)
		return
	}
	if j.board.right(m.Minute, X, 0) {
		j.steps.forget()
	}
}

// stepped says by which share all fell.
func (j *Judge) stepped(at timeline.Minute, all *weighed) (float64, bool) {
	if !all.known {
		return 0, false
	}
	j.steps.add(at, all.deviation)
	return j.steps.judge(at, all.expected, all.floor(youngStep), j.fellTogether)
}

// fellTogether says that over a window each partition fell by half of what all did, at least: else it is one side's loss.
func (j *Judge) fellTogether(length timeline.Minute, fell float64) bool {
	for _, p := range j.parts {
		now, n := p.recent.over(0, length)
		before, k := p.recent.over(length, length+reference)
		if n == 0 || k == 0 || now/float64(n) > (1-fell/2)*before/float64(k) {
			return false
		}
	}
	return true
}

// together says that each partition is below its season, by half of what all are at least.
func together(all *weighed, weights []weighed) bool {
	for i := range weights {
		if weights[i].deviation > all.deviation/2 {
			return false
		}
	}
	return true
}

// low says that all are below their season; while that is an alarm, halfway below is too.
func (j *Judge) low(all *weighed) bool {
	limit := j.all.limit
	if j.board.active(X, 0) {
		limit /= 2
	}
	return all.settled && all.score <= -limit
}
