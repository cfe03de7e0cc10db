package recovery

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/stretchr/testify/require"
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
	one := func(bounds ...timeline.Minute) []Missing { return []Missing{{1, minutes(bounds...)}} }
	two := []Missing{{2, minutes(9_000, 9_010)}, {1, minutes(9_005, 9_020, 9_030, 9_040)}}
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
		"a millisecond too young":   {now: now - 1, missing: one(9_960, 9_970), want: Request{0, 9_960, 9_969}},
		"only one is old enough":    {now: now - 9*minute, missing: one(9_960, 9_970), want: Request{0, 9_960, 9_961}},
		"none is old enough":        {now: now - 10*minute + minute - 1, missing: one(9_961, 9_970)},
		"window":                    {missing: one(9_000, 9_500), want: Request{0, 9_000, 9_060}},
		"window is less than one":   {change: func(r *Rules) { r.Window = time.Second }, missing: one(9_000, 9_500), want: Request{0, 9_000, 9_001}},
		"window of minutes and 59s": {change: func(r *Rules) { r.Window = 179 * time.Second }, missing: one(9_000, 9_500), want: Request{0, 9_000, 9_002}},
		"just within the horizon":   {now: (9_000+5*day)*minute - margin, missing: one(9_000, 9_010), want: Request{0, 9_000, 9_010}},
		"just beyond the horizon":   {now: (9_000+5*day)*minute - margin + 1, missing: one(9_000, 9_010), want: Request{0, 9_001, 9_010}},
		"expired blocks nothing":    {missing: one(100, 200, 9_000, 9_010), want: Request{0, 9_000, 9_010}},
		"not whole at its ends":     {missing: []Missing{{1, set(9_000*minute+1, 9_010*minute-1)}}, want: Request{0, 9_000, 9_010}},
		"union of partitions":       {missing: two, want: Request{0, 9_000, 9_020}},
		"adjoining partitions":      {missing: []Missing{{1, minutes(5_000, 5_005)}, {2, minutes(5_005, 5_010)}}, want: Request{0, 5_000, 5_010}},
		"same partition twice":      {missing: []Missing{{1, minutes(5_000, 5_005)}, {1, minutes(5_003, 5_010)}}, want: Request{0, 5_000, 5_010}},
		"Replay by partition":       {change: func(r *Rules) { r.ByPartition = true }, missing: two, want: Request{0, 9_000, 9_020}},
		"by partition":              {change: byPartition, missing: two, want: Request{2, 9_000, 9_010}},
		"by partition, one running": {change: byPartition, missing: two, running: []Request{{2, 9_000, 9_010}}, want: Request{1, 9_005, 9_020}},
		"by partition, same start":  {change: byPartition, missing: []Missing{{2, minutes(5_000, 5_005)}, {1, minutes(5_000, 5_001)}}, want: Request{1, 5_000, 5_001}},
		"all run for one":           {change: byPartition, missing: two, running: []Request{{0, 9_000, 9_012}}, want: Request{1, 9_012, 9_020}},
		"one runs for all":          {change: func(r *Rules) { r.Jobs = 2 }, missing: two, running: []Request{{2, 9_000, 9_006}}, want: Request{0, 9_005, 9_020}},
		"all of it runs":            {change: byPartition, missing: one(9_000, 9_010), running: []Request{{1, 9_000, 9_010}}},
		"no delay":                  {change: func(r *Rules) { r.Delay = 0 }, missing: one(9_990, 10_010), want: Request{0, 9_990, 10_000}},
		"no delay, within a minute": {change: func(r *Rules) { r.Delay = 0 }, now: now + minute - 1, missing: one(9_990, 10_010), want: Request{0, 9_990, 10_000}},
		"tiny delay":                {change: func(r *Rules) { r.Delay = time.Millisecond }, missing: one(9_990, 10_010), want: Request{0, 9_990, 9_999}},
		"negative delay":            {change: func(r *Rules) { r.Delay = -time.Hour }, missing: one(9_990, 10_010), want: Request{0, 9_990, 10_000}},
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

func byPartition(r *Rules) { r.Method, r.ByPartition, r.Jobs = Recovery, true, 2 }

func set(from, to int64) (s timeline.Set) {
	s.Add(timeline.Span{From: from, To: to})
	return s
}

func TestDue(t *testing.T) {
	r, now := replay(), int64(10_000*minute)
	missing := []Missing{{1, minutes(9_000, 9_010, 9_980, 9_990)}, {2, minutes(9_975, 9_976)}}
	require.Equal(t, int64(10_006*minute), r.Due(now, missing, nil))
	require.Equal(t, int64(10_006*minute), r.Due(10_006*minute-1, missing, nil))
	require.Equal(t, int64(10_011*minute), r.Due(10_006*minute, missing, nil))
	require.Zero(t, r.Due(10_020*minute, missing, nil), "all are old enough")
	require.Zero(t, r.Due(now, missing, []Request{{0, 1, 2}}), "no job is free")
	r.Jobs = 2
	require.Equal(t, int64(10_011*minute), r.Due(now, missing, []Request{{2, 9_975, 9_976}}))
	r.Horizon = r.Delay + time.Minute
	require.Zero(t, r.Due(now, missing, nil), "too old before it is old enough")
	r.Method = None
	require.Zero(t, r.Due(now, missing, nil))
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
	s := &scene{now: rng.Int64N(60 * minute), rules: Rules{
		Method: Method(1 + rng.IntN(2)), Jobs: 1 + rng.IntN(3), ByPartition: rng.IntN(2) == 0,
		Window:  time.Duration(rng.IntN(10)) * 30 * time.Second,
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

// had says whether a request of the partition for the minute alone is what the rules want at the time.
func (s *scene) had(at int64, partition int, m timeline.Minute) bool {
	absent := s.absent[partition][m]
	if partition == 0 {
		absent = s.absent[1][m] || s.absent[2][m]
	}
	delay, horizon := s.rules.Delay.Milliseconds(), s.rules.Horizon.Milliseconds()
	return absent && at-(m+1).Milli() >= delay && at+margin-m.Milli() <= horizon
}

// partitions are those that requests may name.
func (s *scene) partitions() []int {
	if s.rules.ByPartition && s.rules.Method == Recovery {
		return []int{1, 2}
	}
	return []int{0}
}

func (s *scene) next() (Request, bool) {
	if len(s.running) >= s.rules.Jobs {
		return Request{}, false
	}
	window := max(1, int(s.rules.Window/time.Minute))
	for m := range timeline.Minute(40) {
		for _, p := range s.partitions() {
			if !s.had(s.now, p, m) {
				continue
			}
			q := Request{p, m, m + 1}
			for q.To < 40 && int(q.To-q.From) < window && s.had(s.now, p, q.To) {
				q.To++
			}
			return q, true
		}
	}
	return Request{}, false
}

func (s *scene) due() int64 {
	if len(s.running) >= s.rules.Jobs {
		return 0
	}
	for m := range timeline.Minute(40) {
		at := (m + 1).Milli() + s.rules.Delay.Milliseconds()
		for _, p := range s.partitions() {
			if at > s.now && s.had(at, p, m) {
				return at
			}
		}
	}
	return 0
}

// FuzzNext compares the rules with a search through all minutes.
func FuzzNext(f *testing.F) {
	for seed := range uint64(3_000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := newScene(seed)
		for range 100 { // take what is offered, until nothing is
			want, ok := s.next()
			q, found := s.rules.Next(s.now, s.missing, s.running)
			require.Equal(t, want, q)
			require.Equal(t, ok, found)
			require.Equal(t, s.due(), s.rules.Due(s.now, s.missing, s.running))
			if !ok {
				return
			}
			s.rules.Jobs++
			s.run(q)
		}
		t.Fatal("it never ends")
	})
}

// backlog asks for the minutes [0, size) as choose says, of a Replay that delivers speed minutes in one, and is
// how many it saves. Minute 0 is about to expire at the start.
func backlog(size timeline.Minute, speed float64, r Rules, choose func(Rules, int64, []Missing) (Request, bool)) (saved int64) {
	missing := []Missing{{1, minutes(0, size)}}
	now := r.Expires(0)
	for {
		q, ok := choose(r, now, missing)
		if !ok {
			return saved / minute
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
		to = min(to, r.unripe(now))
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
