package refill

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const minute = timeline.MinuteMilli

// replay are X's rules of Replay, with the options' defaults.
func replay() Rules {
	return Rules{Method: Replay, Window: time.Hour, Delay: 30 * time.Minute, Horizon: 120 * time.Hour, Jobs: 1}
}

// minutes makes a set of the ranges [from, to), given in pairs.
func minutes(bounds ...timeline.Minute) (s timeline.Set) {
	for i := 0; i < len(bounds); i += 2 {
		s.Add(span(bounds[i], bounds[i+1]))
	}
	return s
}

func TestNext(t *testing.T) {
	const day = 1440
	now := int64(10_000 * minute)
	one := func(bounds ...timeline.Minute) []Missing {
		return []Missing{{Partition: 1, Minutes: minutes(bounds...)}}
	}
	two := []Missing{{Partition: 2, Minutes: minutes(9_000, 9_010)}, {Partition: 1, Minutes: minutes(9_005, 9_020, 9_030, 9_040)}}
	job := Request{0, 1, 2}
	for name, c := range map[string]struct {
		change  func(*Rules)
		now     int64
		missing []Missing
		running []Request
		want    Request // zero: none
	}{
		"nothing missing":           {},
		"method none":               {change: func(r *Rules) { r.Method = None }, missing: one(9_000, 9_010)},
		"all jobs run":              {missing: one(9_000, 9_010), running: []Request{job}},
		"one job of two runs":       {change: func(r *Rules) { r.Jobs = 2 }, missing: one(9_000, 9_010), running: []Request{job}, want: Request{0, 9_000, 9_010}},
		"just old enough":           {missing: one(9_960, 9_970), want: Request{0, 9_960, 9_970}},
		"a millisecond too young":   {now: now - 1, missing: one(9_960, 9_970)},
		"only one is old enough":    {now: now - 9*minute, missing: one(9_960, 9_970)},
		"beyond the window":         {change: func(r *Rules) { r.Window = 10 * time.Minute }, missing: one(9_960, 10_000), want: Request{0, 9_960, 9_970}},
		"window of a minute":        {change: func(r *Rules) { r.Window = time.Minute }, missing: one(9_969, 10_000), want: Request{0, 9_969, 9_970}},
		"the younger one waits":     {missing: one(9_960, 9_965, 9_966, 9_980), want: Request{0, 9_960, 9_965}},
		"another's neighbour waits": {missing: []Missing{{Partition: 1, Minutes: minutes(9_960, 9_965)}, {Partition: 2, Minutes: minutes(9_965, 9_971)}}},
		"by partition, older waits": {change: byPartition, missing: []Missing{{Partition: 1, Minutes: minutes(9_960, 9_971)}, {Partition: 2, Minutes: minutes(9_965, 9_970)}}, want: Request{2, 9_965, 9_970}},
		"running, the rest waits":   {change: func(r *Rules) { r.Jobs = 2 }, missing: one(9_960, 9_971), running: []Request{{0, 9_960, 9_966}}},
		"not yet half of its time":  {change: shortLife, now: now - 1, missing: one(9_955, 9_980)},
		"half of its time":          {change: shortLife, missing: one(9_955, 9_980), want: Request{0, 9_955, 9_970}},
		"end of its time":           {change: shortLife, now: now + 14*minute, missing: one(9_955, 9_990), want: Request{0, 9_955, 9_984}},
		"the next one's time":       {change: shortLife, now: now + 14*minute + 1, missing: one(9_955, 9_990), want: Request{0, 9_956, 9_984}},
		"none is old enough":        {now: now - 10*minute + minute - 1, missing: one(9_961, 9_970)},
		"window":                    {missing: one(9_000, 9_500), want: Request{0, 9_000, 9_060}},
		"window is less than one":   {change: func(r *Rules) { r.Window = time.Second }, missing: one(9_000, 9_500), want: Request{0, 9_000, 9_001}},
		"window of minutes and 59s": {change: func(r *Rules) { r.Window = 179 * time.Second }, missing: one(9_000, 9_500), want: Request{0, 9_000, 9_002}},
		"just within the horizon":   {now: (9_000+5*day)*minute - margin, missing: one(9_000, 9_010), want: Request{0, 9_000, 9_010}},
		"just beyond the horizon":   {now: (9_000+5*day)*minute - margin + 1, missing: one(9_000, 9_010), want: Request{0, 9_001, 9_010}},
		"expired blocks nothing":    {missing: one(100, 200, 9_000, 9_010), want: Request{0, 9_000, 9_010}},
		"not whole at its ends":     {missing: []Missing{{Partition: 1, Minutes: set(9_000*minute+1, 9_010*minute-1)}}, want: Request{0, 9_000, 9_010}},
		"union of partitions":       {missing: two, want: Request{0, 9_000, 9_020}},
		"adjoining partitions":      {missing: []Missing{{Partition: 1, Minutes: minutes(5_000, 5_005)}, {Partition: 2, Minutes: minutes(5_005, 5_010)}}, want: Request{0, 5_000, 5_010}},
		"same partition twice":      {missing: []Missing{{Partition: 1, Minutes: minutes(5_000, 5_005)}, {Partition: 1, Minutes: minutes(5_003, 5_010)}}, want: Request{0, 5_000, 5_010}},
		"Replay by partition":       {change: func(r *Rules) { r.ByPartition = true }, missing: two, want: Request{0, 9_000, 9_020}},
		"by partition":              {change: byPartition, missing: two, want: Request{2, 9_000, 9_010}},
		"by partition, one running": {change: byPartition, missing: two, running: []Request{{2, 9_000, 9_010}}, want: Request{1, 9_005, 9_020}},
		"by partition, same start":  {change: byPartition, missing: []Missing{{Partition: 2, Minutes: minutes(5_000, 5_005)}, {Partition: 1, Minutes: minutes(5_000, 5_001)}}, want: Request{1, 5_000, 5_001}},
		"all run for one":           {change: byPartition, missing: two, running: []Request{{0, 9_000, 9_012}}, want: Request{1, 9_012, 9_020}},
		"one runs for all":          {change: func(r *Rules) { r.Jobs = 2 }, missing: two, running: []Request{{2, 9_000, 9_006}}, want: Request{0, 9_005, 9_020}},
		"all of it runs":            {change: byPartition, missing: one(9_000, 9_010), running: []Request{{1, 9_000, 9_010}}},
		"no delay":                  {change: func(r *Rules) { r.Delay = 0 }, missing: one(9_990, 10_000), want: Request{0, 9_990, 10_000}},
		"no delay, within a minute": {change: func(r *Rules) { r.Delay = 0 }, now: now + minute - 1, missing: one(9_990, 10_000), want: Request{0, 9_990, 10_000}},
		"tiny delay":                {change: func(r *Rules) { r.Delay = time.Millisecond }, missing: one(9_990, 9_999), want: Request{0, 9_990, 9_999}},
		"tiny delay is one":         {change: func(r *Rules) { r.Delay = time.Millisecond }, missing: one(9_990, 10_000)},
		"negative delay":            {change: func(r *Rules) { r.Delay = -time.Hour }, missing: one(9_990, 10_000), want: Request{0, 9_990, 10_000}},
		"negative delay, to come":   {change: func(r *Rules) { r.Delay = -time.Hour }, missing: one(9_990, 10_001)},
		"horizon within the delay":  {change: func(r *Rules) { r.Horizon = 30 * time.Minute }, missing: one(9_000, 10_010)},
	} {
		t.Run(name, func(t *testing.T) {
			r := replay()
			if c.change != nil {
				c.change(&r)
			}
			if c.now == 0 {
				c.now = now
			}
			q, ok := r.Next(c.now, c.missing, c.running)
			require.Equal(t, c.want, q)
			require.Equal(t, c.want != Request{}, ok)
		})
	}
}

// shortLife leaves 28 minutes in which a minute may be asked for.
func shortLife(r *Rules) { r.Horizon = r.Delay + 29*time.Minute + margin*time.Millisecond }

func byPartition(r *Rules) { r.Method, r.ByPartition, r.Jobs = Recovery, true, 2 }

func set(from, to int64) (s timeline.Set) {
	s.Add(timeline.Span{From: from, To: to})
	return s
}

// A request waits for neighbours of which it is not decided whether they must be asked for, a window of them at most,
// and for half of the time in which its first minute may be asked for.
func TestNextWaitsForTheUndecided(t *testing.T) {
	r := replay()
	r.Delay = 0
	now := int64(10_000 * minute)
	for name, c := range map[string]struct {
		missing Missing
		want    Request
		due     timeline.Minute
	}{
		"decided":            {Missing{Partition: 1, Minutes: minutes(9_990, 9_991)}, Request{0, 9_990, 9_991}, 10_000},
		"neighbours":         {Missing{Partition: 1, Minutes: minutes(9_994, 9_995), Undecided: minutes(9_995, 9_999)}, Request{}, 10_004},
		"not for ever":       {Missing{Partition: 1, Minutes: minutes(9_990, 9_991), Undecided: minutes(9_991, 9_995)}, Request{0, 9_990, 9_991}, 10_000},
		"others":             {Missing{Partition: 1, Minutes: minutes(9_990, 9_991), Undecided: minutes(9_992, 10_005)}, Request{0, 9_990, 9_991}, 10_000},
		"more than a window": {Missing{Partition: 1, Minutes: minutes(9_930, 9_991), Undecided: minutes(9_991, 10_005)}, Request{0, 9_930, 9_990}, 10_000},
		"half of the time":   {Missing{Partition: 1, Minutes: minutes(5_000, 5_001), Undecided: minutes(5_001, 5_002)}, Request{0, 5_000, 5_001}, 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			q, ok := r.Next(now, []Missing{c.missing}, nil)
			require.Equal(t, c.want, q)
			require.Equal(t, c.want != Request{}, ok)
			require.Equal(t, c.due, timeline.MinuteOf(r.Due(now, []Missing{c.missing}, nil)))
		})
	}
}

func TestDue(t *testing.T) {
	const now = int64(10_000 * minute)
	free := []Missing{{Partition: 1, Minutes: minutes(9_980, 9_990)}, {Partition: 2, Minutes: minutes(9_975, 9_977)}}
	for name, c := range map[string]struct {
		change  func(*Rules)
		now     int64 // 0: as above
		missing []Missing
		running []Request
		want    int64 // minutes, 0: none
	}{
		"nothing missing":           {},
		"method none":               {change: func(r *Rules) { r.Method = None }, missing: free},
		"all jobs run":              {missing: free, running: []Request{{0, 1, 2}}},
		"last of the oldest run":    {missing: free, want: 10_007},
		"a millisecond before":      {now: 10_007*minute - 1, missing: free, want: 10_007},
		"at once":                   {now: 10_007 * minute, missing: free, want: 10_007},
		"the oldest runs":           {change: func(r *Rules) { r.Jobs = 2 }, missing: free, running: []Request{{2, 9_975, 9_977}}, want: 10_020},
		"one of the oldest runs":    {change: func(r *Rules) { r.Jobs = 2 }, missing: free, running: []Request{{2, 9_976, 9_977}}, want: 10_006},
		"a window of it":            {change: func(r *Rules) { r.Window = time.Minute }, missing: free, want: 10_006},
		"by partition":              {change: byPartition, missing: free, want: 10_007},
		"by partition, younger one": {change: byPartition, missing: []Missing{{Partition: 1, Minutes: minutes(9_975, 9_990)}, {Partition: 2, Minutes: minutes(9_976, 9_980)}}, want: 10_010},
		"half of its time":          {change: shortLife, missing: []Missing{{Partition: 1, Minutes: minutes(9_970, 9_990)}}, want: 10_015},
		"too old before it is ripe": {change: func(r *Rules) { r.Horizon = r.Delay + time.Minute }, missing: free},
		"too old by a millisecond":  {change: func(r *Rules) { r.Horizon = r.Delay + time.Minute + (margin-1)*time.Millisecond }, missing: free},
		"ripe and expired at once":  {change: func(r *Rules) { r.Horizon = r.Delay + time.Minute + margin*time.Millisecond }, missing: free, want: 10_006},
	} {
		t.Run(name, func(t *testing.T) {
			r := replay()
			if c.change != nil {
				c.change(&r)
			}
			require.Equal(t, c.want*minute, r.Due(max(c.now, now), c.missing, c.running))
		})
	}
}

func TestExpires(t *testing.T) {
	r := replay()
	at := int64(1_000+7_200)*minute - margin
	require.Equal(t, at, r.Expires(1_000))
	require.False(t, r.Expired(at, 1_000))
	require.True(t, r.Expired(at+1, 1_000))
}

// scene is a random backlog in the minutes [0, 40), and the plain truth about it.
type scene struct {
	rules   Rules
	now     int64
	absent  [3][40]bool // by partition: missing, and in no running request
	missing []Missing
	running []Request
}

func newScene(seed uint64) *scene {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &scene{now: 1 + rng.Int64N(60*minute), rules: Rules{
		Method: Method(1 + rng.IntN(2)), Jobs: 1 + rng.IntN(3), ByPartition: rng.IntN(2) == 0,
		Window:  time.Duration(rng.IntN(30)) * 30 * time.Second,
		Delay:   time.Duration(rng.IntN(3)*rng.IntN(300_000)) * time.Millisecond,
		Horizon: time.Duration(rng.IntN(3_000_000)) * time.Millisecond,
	}}
	density := 1 + rng.IntN(9)
	for _, p := range rng.Perm(2) {
		m := Missing{Partition: p + 1}
		for i := range s.absent[p+1] {
			if s.absent[p+1][i] = rng.IntN(10) < density; s.absent[p+1][i] {
				m.Minutes.Add(timeline.Minute(i).Span())
			}
		}
		s.missing = append(s.missing, m)
	}
	for range rng.IntN(3) {
		from := timeline.Minute(rng.IntN(35))
		s.run(Request{rng.IntN(3), from, from + 1 + timeline.Minute(rng.IntN(5))})
	}
	return s
}

func (s *scene) run(q Request) {
	s.running = append(s.running, q)
	for p := range s.absent {
		for m := q.From; m < q.To && (q.Partition == 0 || q.Partition == p); m++ {
			s.absent[p][m] = false
		}
	}
}

// open says whether the minute is absent and may still be asked for at the time, or later.
func (s *scene) open(at int64, partition int, m timeline.Minute) bool {
	absent := s.absent[partition][m]
	if partition == 0 {
		absent = s.absent[1][m] || s.absent[2][m]
	}
	return absent && at+margin-m.Milli() <= s.rules.Horizon.Milliseconds()
}

func (s *scene) ripe(at int64, m timeline.Minute) bool {
	return at-(m+1).Milli() >= s.rules.Delay.Milliseconds()
}

// life is how long, in milliseconds, a minute may be asked for.
func (s *scene) life() int64 {
	return s.rules.Horizon.Milliseconds() - margin - s.rules.Delay.Milliseconds() - minute
}

// partitions are those that requests may name.
func (s *scene) partitions() []int {
	if s.rules.ByPartition && s.rules.Method == Recovery {
		return []int{1, 2}
	}
	return []int{0}
}

// next is the request of the oldest run that is to be asked for at the time.
func (s *scene) next(at int64) (Request, bool) {
	if len(s.running) >= s.rules.Jobs {
		return Request{}, false
	}
	for m := range timeline.Minute(40) {
		for _, p := range s.partitions() {
			if !s.open(at, p, m) || m > 0 && s.open(at, p, m-1) {
				continue
			}
			if q, ok := s.ask(at, p, m); ok {
				return q, true
			}
		}
	}
	return Request{}, false
}

// ask is a request for the run that starts with the minute, if it need not wait.
func (s *scene) ask(at int64, partition int, m timeline.Minute) (Request, bool) {
	q, end := Request{partition, m, m}, m
	for window := max(1, timeline.Minute(s.rules.Window/time.Minute)); end < 40 && end < m+window && s.open(at, partition, end); end++ {
		if s.ripe(at, end) {
			q.To++
		}
	}
	half := s.ripe(at-s.life()/2, m)
	return q, q.To == end || q.To > m && half
}

// due tries each moment at which something may change.
func (s *scene) due() int64 {
	moments := []int64{s.now}
	for m := range timeline.Minute(40) {
		ripe := (m + 1).Milli() + s.rules.Delay.Milliseconds()
		moments = append(moments, ripe, ripe+s.life()/2)
	}
	slices.Sort(moments)
	for _, at := range moments {
		if at < s.now {
			continue
		}
		if _, ok := s.next(at); ok {
			return at
		}
	}
	return 0
}

// FuzzNext compares the rules with a search through all minutes, from the start until nothing is left to ask for.
// With jobs enough, no minute expires by waiting.
func FuzzNext(f *testing.F) {
	for seed := range uint64(3_000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := newScene(seed)
		began := s.now
		for s.step(t) {
		}
		if s.life() < 0 || len(s.running) >= s.rules.Jobs {
			return
		}
		for p := range s.absent {
			for m := range timeline.Minute(40) {
				require.False(t, s.open(began, p, m), "minute %d of %d", m, p)
			}
		}
	})
}

// step takes what is offered, or waits until something is; false if nothing ever will be.
func (s *scene) step(t *testing.T) bool {
	want, ok := s.next(s.now)
	q, found := s.rules.Next(s.now, s.missing, s.running)
	require.Equal(t, want, q)
	require.Equal(t, ok, found)
	due := s.rules.Due(s.now, s.missing, s.running)
	require.Equal(t, s.due(), due)
	if !ok {
		require.True(t, due == 0 || due > s.now)
		s.now = due
		return due != 0
	}
	s.rules.Jobs++
	s.run(q)
	return true
}

// backlog asks for the minutes [0, size) as choose says, of a Replay that delivers speed minutes in one, and is
// how many it saves. Minute 0 is about to expire at the start.
func backlog(size timeline.Minute, speed float64, r Rules, choose func(Rules, int64, []Missing) (Request, bool)) (saved int64) {
	missing := []Missing{{Partition: 1, Minutes: minutes(0, size)}}
	now := r.Expires(0)
	for {
		q, ok := choose(r, now, missing)
		if !ok {
			if now = r.Due(now, missing, nil); now == 0 {
				return saved / minute
			}
			continue
		}
		for m := q.From; m < q.To; m++ {
			saved += missing[0].Minutes.Covered(m.Span())
		}
		missing[0].Minutes.Remove(span(q.From, q.To))
		now += int64(float64((q.To - q.From).Milli()) / speed)
	}
}

func oldestFirst(r Rules, now int64, missing []Missing) (Request, bool) {
	return r.Next(now, missing, nil)
}

func newestFirst(r Rules, now int64, missing []Missing) (Request, bool) {
	spans := missing[0].Minutes.Spans()
	for i := len(spans) - 1; i >= 0; i-- {
		_, to := spans[i].Minutes()
		to = min(to, timeline.MinuteOf(now-r.delay()))
		first := max(timeline.MinuteOf(spans[i].From), to-timeline.Minute(r.Window/time.Minute))
		for first < to && r.Expired(now, first) {
			first++
		}
		if first < to {
			return Request{0, first, to}, true
		}
	}
	return Request{}, false
}

// TestLongBacklog is a stream that was away for five days, and a Replay that is slower than real time: a tenth
// of it cannot be had.
func TestLongBacklog(t *testing.T) {
	const size = 7_200 - 30
	saved := backlog(size, 0.9, replay(), oldestFirst)
	require.Equal(t, int64(size-714), saved) // all that it delivers until the last minute expires, and a bit: 0.9 × size is 6453
	require.Less(t, backlog(size, 0.9, replay(), newestFirst), int64(4_000))
	require.Equal(t, int64(size), backlog(size, 1.1, replay(), oldestFirst))
}

// TestOldestFirstIsBest tries everything that could be asked for, on small backlogs.
func TestOldestFirstIsBest(t *testing.T) {
	const window = 3
	r := Rules{Method: Replay, Window: window * time.Minute, Horizon: time.Hour, Jobs: 1}
	for size := timeline.Minute(1); size <= 10; size++ {
		for _, cost := range []int64{2, 3} { // minutes that the delivery of one takes
			saved := backlog(size, 1/float64(cost), r, oldestFirst)
			best := most(1<<size-1, 0, window, cost)
			require.Less(t, best-saved, int64(window), "%d minutes at 1/%d", size, cost)
		}
	}
}

// most is how many of the minutes, given as bits, can be saved by any requests at all, when minute m can be asked
// for until time m.
func most(left uint, at, window, cost int64) (best int64) {
	for from := at; left>>from != 0; from++ {
		rest := left
		for n := int64(1); n <= window && rest>>(from+n-1)&1 == 1; n++ {
			rest &^= 1 << (from + n - 1)
			best = max(best, n+most(rest, at+n*cost, window, cost))
		}
	}
	return best
}
