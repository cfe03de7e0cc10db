package decasim

import (
	"cmp"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"math"
	"net/http"
	"slices"
	"time"
)

// job delivers one request for the past: whole minutes one after the other, oldest first, in slight
// disorder within each. It has a connection of its own, which is no live one.
type job struct {
	kind      *pastKind
	asked     *asked
	troubles  *troubles
	partition int   // 0: all
	from, to  int64 // Unix ms: [from, to)
	at        int64 // all before has been delivered, or is in found
	begun     time.Time
	found     []world.Tweet // about to be delivered
	slice     []world.Tweet
	stopAt    int64 // no Tweets from this Unix ms on
	count     int   // activity_count

	// What the faults have in store.
	failed   map[int64]int // minutes that fail: of how many of their records one is kept, 0: none
	breakAt  int64         // the minute in which it fails to complete, unless that goes by records
	cutAfter int           // records
	held     map[Kind]time.Time
	told     []int // partitions of which a job that lies has brought a Tweet
}

func (s *Server) openJob(w http.ResponseWriter, r *http.Request, k *pastKind, a *asked, now time.Time) {
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.mu.Lock()
		s.starting[k.name]--
		s.mu.Unlock()
		http.Error(w, "this server speaks HTTP/1.1 only", http.StatusHTTPVersionNotSupported)
		return
	}
	c := s.newConn(nc, r, now)
	c.partition = a.Partition
	c.job = &job{kind: k, asked: a, partition: a.Partition, from: a.From.UnixMilli(), to: a.To.UnixMilli(), at: a.From.UnixMilli(),
		begun: now, held: map[Kind]time.Time{}, troubles: s.cfg.Faults.troubles(now, a.Partition)}
	if !s.admit(c) {
		c.job.troubles.release()
		nc.Close()
		return
	}
	c.begin(rng.SaltJob, c.ordinal)
	c.job.plan(&c.rng)
	defer s.dismiss(c)
	c.run()
}

// admit makes c a running job.
func (s *Server) admit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting[c.job.kind.name]--
	select {
	case <-s.stop:
		return false
	default:
	}
	c.ordinal = s.made
	c.job.asked.c = c
	s.log(c.job.asked)
	s.jobs = append(s.jobs, c)
	s.wg.Add(1)
	return true
}

func (s *Server) dismiss(c *conn) {
	c.job.troubles.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, t := c.job.asked, c.count()
	a.Sent, a.End, a.c = t.Sent, t.End, nil
	a.Lied = c.job.troubles.struck[ReplayLie]
	if a.End == ended {
		s.completed++
	}
	s.jobs = slices.DeleteFunc(s.jobs, func(x *conn) bool { return x == c })
	s.wg.Done()
}

// stepJob delivers what is due now.
func (c *conn) stepJob(now time.Time) {
	c.filling = false
	c.patience(now)
	switch end, _ := c.take(); {
	case end != nil:
		c.finish(*end)
		return
	case c.holds(ReplayStall, now):
	case c.holds(ReplaySilence, now):
		c.heartbeat(now)
	default:
		c.deliverPast(now)
		c.heartbeat(now)
	}
	c.confirm(now)
}

// jobPatience is how long a job waits for a client that does not read.
const jobPatience = 2 * time.Minute

func (c *conn) patience(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.nc.SetWriteDeadline(now.Add(jobPatience))
	}
}

// pastPortion is how many Tweets of the past are written before the connection looks up.
const pastPortion = 200

func (c *conn) deliverPast(now time.Time) {
	j := c.job
	limit := c.reach(now)
	for n := 0; !c.over; n++ {
		if len(j.found) == 0 && !c.find(limit) {
			break
		}
		if n >= pastPortion || c.allowance(now) <= 0 {
			c.filling = n >= pastPortion
			break
		}
		if c.holds(ReplayStall, now) || c.holds(ReplaySilence, now) || c.breaks(now) || c.cuts(now) {
			return
		}
		t := j.found[0]
		j.found = j.found[1:]
		c.deliverOne(now, t)
	}
	if c.over || c.filling || c.breaks(now) {
		return
	}
	if j.at >= j.to && len(j.found) == 0 {
		c.complete(now)
		return
	}
	c.flushDue(now)
}

// reach is up to which Unix ms the job may have come by now.
func (c *conn) reach(now time.Time) int64 {
	j, speed := c.job, c.s.cfg.ReplaySpeed
	if j.kind.name == "recovery" || speed < 0 {
		return j.to
	}
	return min(j.to, j.from+int64(float64(now.Sub(j.begun).Milliseconds())*speed))
}

// allowance is how many Tweets more the job may deliver by now.
func (c *conn) allowance(now time.Time) int {
	j, rate := c.job, c.s.cfg.RecoveryRate
	if j.kind.name != "recovery" || rate < 0 {
		return 1
	}
	return int(now.Sub(j.begun).Seconds()*rate) - j.count
}

// find draws the next Tweets: not beyond limit, all of one minute, some hundred at most.
func (c *conn) find(limit int64) bool {
	j := c.job
	c.s.mu.Lock()
	j.stopAt = cmp.Or(c.s.stopAt, math.MaxInt64)
	c.s.mu.Unlock()
	j.found = j.found[:0]
	for j.at < limit && len(j.found) == 0 {
		minute := (j.at/60_000 + 1) * 60_000
		for j.at < min(limit, minute) && len(j.found) < pastPortion {
			j.slice, j.at = c.s.span(j.slice[:0], j.at, min(limit, minute))
			j.found = append(j.found, slices.DeleteFunc(j.slice, c.lacks)...)
		}
		c.shuffle(j.found)
	}
	return len(j.found) > 0
}

// lacks says that a Tweet is none of this job's.
func (c *conn) lacks(t world.Tweet) bool {
	j := c.job
	return j.partition != 0 && t.Partition != j.partition || t.ID.Milli() >= j.stopAt || c.s.Gone(t.ID)
}

// shuffle lets neighbours overtake each other.
func (c *conn) shuffle(found []world.Tweet) {
	for i := range found {
		k := i + c.rng.Zipf(min(len(found)-i, backfillWindow))
		found[i], found[k] = found[k], found[i]
	}
}

// deliverOne writes one Tweet, or what the faults make of it.
func (c *conn) deliverOne(now time.Time, t world.Tweet) {
	j := c.job
	if keep, fails := j.failed[t.ID.Milli()/60_000]; fails {
		j.troubles.strike(ReplayErrors, now)
		if keep == 0 || c.rng.N(keep) > 0 {
			return
		}
	}
	if c.lies(now, t) {
		return
	}
	j.count++
	switch f := j.troubles.of[ReplayDamage]; {
	case j.draws(ReplayCount, &c.rng, now):
		c.withhold()
	case j.draws(ReplayDamage, &c.rng, now):
		c.damage(c.record(item{id: t.ID}), t.ID, f)
	default:
		c.write(c.record(item{id: t.ID}), t.ID)
	}
	if f := j.troubles.of[ReplayStray]; f != nil && c.rng.Chance(f.Share) {
		c.stray(now)
	}
	if c.records >= c.target {
		c.flush(now)
	}
}

// complete writes the last message and ends the job.
func (c *conn) complete(now time.Time) {
	j := c.job
	words, more, end := j.kind.words+" Request Completed", j.activityCount(), ended
	if len(j.failed) > 0 {
		j.troubles.strike(ReplayErrors, now)
		words, more, end = words+" with Errors", more+`,"minutes_failed":[`+j.minutesFailed()+`]`, "completed with errors"
	}
	if j.troubles.of[ReplayMute] != nil {
		j.troubles.strike(ReplayMute, now)
		c.finish(ending{mode: ModeClose, reason: string(ReplayMute)})
		return
	}
	c.last(now, words, more, end)
}

// ended is the end of a request that was answered in full, as far as its last message tells.
const ended = "completed"

// last writes a job's last message and closes in order.
func (c *conn) last(now time.Time, words, more, end string) {
	c.out.write(closing(words, more, now))
	c.records++
	c.finish(ending{mode: ModeClose, reason: end})
}

// closing is the info object that ends a job (x-api.md §4).
func closing(words, more string, now time.Time) []byte {
	b := world.AppendQuoted([]byte(`{"info":{"message":`), words)
	b = now.UTC().AppendFormat(append(b, `,"sent":"`...), isoSecond)
	return append(append(append(b, `",`...), more...), "}}\r\n"...)
}
