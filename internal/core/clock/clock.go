package clock

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// plausible is how old a Tweet of a live connection may be and still be news of it: backfill is at most
	// 5 minutes old (X: Decahose, backfillMinutes).
	plausible = 10 * time.Minute
	// agreeing is in how many rounds the connections must agree on another time for the clock to follow. A round lasts
	// for a second of our own clock; a second in which no Tweet came is none.
	agreeing = 5
	round    = time.Second
	// ballot is how many Tweets of a connection have a vote in a round, its first ones.
	ballot = 15
	// apart is how far apart rounds may be that together say that the stream's time is earlier than we thought.
	apart = 5 * time.Minute
	// proven is how long the stream must keep step with our own clock after its time leapt, before what cannot be taken
	// back is done by it; witness is how exactly the wall clock must have leapt along to save that wait.
	proven  = time.Hour
	witness = time.Minute
)

// Clock is the Tweets' own time. It runs on this host's steady clock, so that a wall clock that is wrong or set
// misjudges nothing. What an id says of time is a claim: one alone moves nothing. A Tweet counts up to the stream's
// present at most, and not at all where it is ahead of that by more than the settle time, until in several rounds two
// thirds of the Tweets agree, on half of the connections at least, that the time is another.
//
// Its times are offsets: stream time less our own steady clock, both in ms; the latter counts from zero.
type Clock struct {
	zero    time.Time
	known   bool
	guessed bool  // nothing agreed with it yet: it is from what an earlier process stored, or from our wall clock
	offset  int64 // of the stream's present
	firm    int64 // of the time that is certain enough for what cannot be taken back
	host    int64 // of our wall clock, as the batch came
	told    int64 // the same, when firm was last told
	leap    leap

	now     int64 // our steady clock, as the batch came
	began   int64 // the same, as the round began
	votes   []votes
	lows    []int64 // of the connections in the round that is counted: what two thirds of their votes are not below
	highs   []int64 // the same: what two thirds are not above
	rounds  [agreeing]tally
	counted int
	behind  int64 // our steady clock, when the rounds began to say that the time is earlier; 0: they do not
}

// leap is when and to what the stream's time was last found to be later.
type leap struct{ at, offset int64 }

// votes are the offsets of the first Tweets that a connection brought in a round.
type votes struct {
	n  int
	of [ballot]int64
}

// tally is the outcome of a round.
type tally struct {
	low  int64 // the lower median of the connections' lows: it is as late as that
	mid  int64 // the upper one of the same: where nothing is certain, old Tweets of a backfill on some must not tell
	high int64 // the upper median of their highs: it is no later
}

// New returns the clock of a stream that so many connections bring, told by nobody yet.
func New(connections int) Clock { return Clock{votes: make([]votes, connections)} }

// Guess sets the stream's time until Tweets agree with it, or on another.
func (k *Clock) Guess(ms int64, now time.Time, wall int64) {
	k.start(now, wall)
	k.offset = ms - k.now
	k.known, k.guessed, k.firm, k.told = true, true, k.offset, k.host
}

// Set reports whether there is a time at all, a guess included.
func (k *Clock) Set() bool { return k.known }

// Guessed reports whether the time is a guess that no Tweet has agreed with yet.
func (k *Clock) Guessed() bool { return k.guessed }

// Doubtful reports whether nothing has agreed with the stream's time yet.
func (k *Clock) Doubtful() bool { return !k.known || k.guessed }

func (k *Clock) start(now time.Time, wall int64) {
	if k.zero.IsZero() {
		k.zero = now
	}
	k.now = now.Sub(k.zero).Milliseconds()
	k.host = wall/1e6 - k.now
}

// At is the stream's time, in Unix ms, when our clock said t.
func (k *Clock) At(t time.Time) int64 { return k.offset + t.Sub(k.zero).Milliseconds() }

// Sure is the latest that it certainly was: what is done by it cannot be taken back.
func (k *Clock) Sure(t time.Time) int64 { return k.At(t) + min(0, k.firm-k.offset) }

// Listen begins a batch that came now, our wall clock saying wall in Unix ns. It returns by how many ms the stream's
// time, which was certain, is another than we thought.
func (k *Clock) Listen(now time.Time, wall int64) (moved int64) {
	k.start(now, wall)
	if k.now-k.began < round.Milliseconds() {
		return 0
	}
	if k.now-k.began > apart.Milliseconds() {
		k.behind = 0
	}
	if t, ok := k.tally(); ok {
		k.rounds[k.counted%agreeing] = t
		k.counted++
		moved = k.follow(t)
	}
	k.began = k.now
	return moved
}

// Hear takes the time of a Tweet that a connection brought, and returns what of it counts: the stream's present at
// most; 0: nothing. Before the stream's time is certain only what agrees with our guess counts, or else with our wall
// clock.
func (k *Clock) Hear(connection int, ms int64) int64 {
	v := &k.votes[connection]
	offset := ms - k.now
	if v.n < ballot {
		v.of[v.n] = offset
		v.n++
	}
	present, oldest := k.offset, plausible
	if k.Doubtful() {
		oldest = timeline.Settle
	}
	if !k.known {
		present = k.host
	}
	switch ahead := offset - present; {
	case ahead > timeline.Settle.Milliseconds(), ahead < -oldest.Milliseconds():
		return 0
	case k.Doubtful():
		return ms
	}
	return min(ms, k.offset+k.now)
}

// Near reports whether a Tweet of that time may come by a backfill.
func (k *Clock) Near(ms int64) bool {
	return k.Doubtful() || ms >= k.offset+k.now-plausible.Milliseconds() && ms <= k.offset+k.now+timeline.Settle.Milliseconds()
}

// Heard ends a batch, of which newest is the latest time that counts, 0 for none: two witnesses agree. The first Tweets
// may be old ones, of a backfill, that a guess is ahead of.
func (k *Clock) Heard(newest int64) {
	if newest == 0 || !k.Doubtful() {
		return
	}
	if !k.guessed || newest-k.now > k.offset {
		k.offset = newest - k.now
	}
	k.known, k.guessed, k.firm, k.told = true, false, k.offset, k.host
}

// tally counts the votes of the round that ends; ok is false where there are none.
func (k *Clock) tally() (t tally, ok bool) {
	k.lows, k.highs = k.lows[:0], k.highs[:0]
	for i := range k.votes {
		if v := &k.votes[i]; v.n > 0 {
			slices.Sort(v.of[:v.n])
			k.lows, k.highs = append(k.lows, v.of[(v.n-1)/3]), append(k.highs, v.of[v.n-1-(v.n-1)/3])
			v.n = 0
		}
	}
	n := len(k.lows)
	if n == 0 {
		return t, false
	}
	slices.Sort(k.lows)
	slices.Sort(k.highs)
	return tally{k.lows[(n-1)/2], k.lows[n/2], k.highs[n/2]}, true
}

// follow moves the stream's time to what the last rounds agree on. It goes ahead at once, since Tweets ahead of it do not
// count until then, and back only when X does not merely lag behind.
func (k *Clock) follow(t tally) (moved int64) {
	if k.counted < agreeing {
		return 0
	}
	low, _, sameLow := k.agreed(func(t tally) int64 { return t.low })
	_, mid, sameMid := k.agreed(func(t tally) int64 { return t.mid })
	_, high, sameHigh := k.agreed(func(t tally) int64 { return t.high })
	switch {
	case k.Doubtful() && sameMid:
		k.ahead(mid)
		k.known, k.guessed = true, false
	case k.Doubtful():
	case sameLow && low > k.offset:
		moved = low - k.offset
		k.ahead(low)
	case t.high >= k.offset-timeline.Settle.Milliseconds():
		k.behind = 0
		k.prove()
	case k.behind == 0:
		k.behind = k.now
	case k.now-k.behind >= plausible.Milliseconds() && sameHigh:
		moved = high - k.offset
		k.offset, k.firm, k.behind = high, min(k.firm, high), 0
	}
	return moved
}

// agreed are the earliest and the latest time that the last rounds say, and whether these are the same but for the
// settle time.
func (k *Clock) agreed(of func(tally) int64) (earliest, latest int64, same bool) {
	earliest, latest = of(k.rounds[0]), of(k.rounds[0])
	for _, t := range k.rounds {
		earliest, latest = min(earliest, of(t)), max(latest, of(t))
	}
	return earliest, latest, latest-earliest <= timeline.Settle.Milliseconds()
}

// ahead sets the stream's time by agreement. It is certain where it is the first, or our wall clock, which counts the
// time in which this host slept, leapt as far; else it has to be proven.
func (k *Clock) ahead(offset int64) {
	first := !k.known
	k.offset, k.behind = offset, 0
	if offset > k.leap.offset+timeline.Settle.Milliseconds() {
		k.leap = leap{k.now, offset}
	}
	slept := k.host - k.told
	off := offset - k.firm - slept
	if first || slept > timeline.Settle.Milliseconds() && max(off, -off) <= witness.Milliseconds() {
		k.firm, k.told = offset, k.host
	}
}

// prove takes the stream's time as certain that has kept step with our own clock for long.
func (k *Clock) prove() {
	if k.now-k.leap.at >= proven.Milliseconds() {
		k.firm, k.told = k.offset, k.host
	}
}
