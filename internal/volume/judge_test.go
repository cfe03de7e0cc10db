package volume_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

const hour, day = 60, 24 * 60

// rig is a judge of a simulated stream, and all alarms that changed.
type rig struct {
	stream *volumes.Stream
	judge  *volume.Judge
	alarms []volume.Alarm
	last   volume.Verdict
}

func newRig(t *testing.T, learn int) *rig {
	t.Helper()
	s := volumes.NewStream(volumes.Calm, 11)
	return &rig{stream: s, judge: volumes.Learned(s, learn)}
}

// pass lets minutes of which loss is lost pass; edit may change each before it is judged.
func (r *rig) pass(minutes int, loss volumes.Loss, edit func(*volume.Minute)) {
	for range minutes {
		m := r.stream.Next(loss)
		if edit != nil {
			edit(&m)
		}
		r.last = r.judge.Close(m)
		r.alarms = append(r.alarms, r.last.Alarms...)
	}
}

// story is what the alarms told, in order.
func (r *rig) story() (told []string) {
	for _, a := range r.alarms {
		word := "over "
		if a.Active {
			word = string(a.Severity) + " "
		}
		told = append(told, word+string(a.Kind)+string(rune('0'+a.Partition)))
	}
	return told
}

// restore undoes what an edit did, and lets the outputs accept all.
func restore(m *volume.Minute) {
	for i := range m.Parts {
		m.Parts[i].Covered, m.Parts[i].Delivered = timeline.MinuteMilli, m.Parts[i].Emitted
	}
}

func TestEachLayerIsNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		loss  volumes.Loss
		edit  func(*volume.Minute)
		story []string
	}{
		{"nothing", volumes.Loss{}, nil, nil},
		{"one connection loses a fifth", volumes.Loss{Place: volumes.Connection, Share: 0.2}, nil, []string{"warning network1", "over network1"}},
		{"one connection is dark", volumes.Loss{Place: volumes.Connection, Share: 1}, nil, []string{"warning network1", "over network1"}},
		{"each connection loses a tenth", volumes.Loss{Place: volumes.Each, Share: 0.1}, nil, []string{"warning network1", "over network1"}},
		{"a partition loses a tenth", volumes.Loss{Place: volumes.Partition, Share: 0.1}, nil, []string{"warning partition1", "over partition1"}},
		{"a partition brings nothing", volumes.Loss{Place: volumes.Partition, Share: 1}, nil, []string{"critical partition1", "over partition1"}},
		{"all lose a quarter", volumes.Loss{Place: volumes.Everything, Share: 0.25}, nil, []string{"warning x0", "over x0"}},
		{"all bring nothing", volumes.Loss{Place: volumes.Everything, Share: 1}, nil, []string{"critical x0", "over x0"}},
		{"a partition is dark", volumes.Loss{}, dark(1), []string{"critical partition2", "over partition2"}},
		{"all are dark", volumes.Loss{}, dark(0, 1), []string{"critical x0", "over x0"}},
		{"half is not emitted", volumes.Loss{}, func(m *volume.Minute) { m.Parts[0].Emitted /= 2 }, []string{"critical us1", "over us1"}},
		{"a little is not emitted", volumes.Loss{}, func(m *volume.Minute) { m.Parts[1].Emitted-- }, []string{"warning us2", "over us2"}},
		{"more is emitted than received", volumes.Loss{}, func(m *volume.Minute) { m.Parts[1].Emitted++ }, []string{"critical us2", "over us2"}},
		{"outputs accept nothing", volumes.Loss{}, func(m *volume.Minute) { m.Parts[0].Tracked, m.Parts[0].Delivered = true, 0 }, []string{"warning sink1", "over sink1"}},
		{"seconds are empty on one side", volumes.Loss{}, empty(0), []string{"warning partition1", "over partition1"}},
		{"seconds are empty on both", volumes.Loss{}, empty(0, 1), []string{"warning x0", "over x0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			learn := 2
			if c.loss.Place == volumes.Everything {
				learn = 22 // a young history forgives more than a quarter
			}
			r := newRig(t, learn)
			r.pass(9*hour, volumes.Loss{}, restore)
			require.Empty(t, r.story())
			r.pass(40, c.loss, c.edit)
			r.pass(3*hour, volumes.Loss{}, restore)
			require.Equal(t, c.story, r.story())
			for _, a := range r.alarms {
				require.NotContains(t, a.Message, "\n")
				require.NotEmpty(t, a.Evidence)
				for _, e := range a.Evidence {
					require.Equal(t, strings.ToLower(e.Key), e.Key)
					require.False(t, math.IsNaN(e.Value) || math.IsInf(e.Value, 0), e.Key)
				}
			}
		})
	}
}

// dark makes partitions, by index, uncovered and without a Tweet.
func dark(parts ...int) func(*volume.Minute) {
	return func(m *volume.Minute) {
		for _, i := range parts {
			p := &m.Parts[i]
			p.Covered, p.Unique, p.Emitted = 0, 0, 0
			clear(p.Histories)
			clear(p.Missed)
		}
	}
}

func empty(parts ...int) func(*volume.Minute) {
	return func(m *volume.Minute) {
		for _, i := range parts {
			m.Parts[i].Seconds[17], m.Parts[i].Seconds[18] = 0, 0
		}
	}
}

func TestTheMessageSaysWhereAndHowMuch(t *testing.T) {
	r := newRig(t, 5)
	r.pass(9*hour, volumes.Loss{}, nil)
	r.pass(10, volumes.Loss{Place: volumes.Connection, Share: 0.2}, nil)
	require.Len(t, r.alarms, 1)
	a := r.alarms[0]
	require.Equal(t, 0, a.Connection)
	require.Regexp(t, `^partition 1, connection 0 misses (19|20|21)(\.\d)? % of what others deliver: `, a.Message)
	now := r.judge.Active()
	require.Len(t, now, 1)
	require.Equal(t, a.Since, now[0].Since)
	require.Regexp(t, `^partition 1, connection 0 misses (19|20|21)(\.\d)? % of what others deliver: `, now[0].Message)
}

// An alarm never names a layer that another one contradicts: all dark, then one partition back, then both.
func TestWhatIsBackIsNotDark(t *testing.T) {
	r := newRig(t, 5)
	r.pass(hour, volumes.Loss{}, nil)
	r.pass(3, volumes.Loss{}, dark(0, 1))
	require.Equal(t, []string{"critical x0"}, r.story())
	r.pass(1, volumes.Loss{}, func(m *volume.Minute) { dark(0, 1)(m); m.Parts[0].Back = true })
	require.Equal(t, []string{"critical x0", "over x0", "critical partition2"}, r.story())
	r.pass(1, volumes.Loss{}, func(m *volume.Minute) { dark(1)(m); m.Parts[1].Back = true })
	require.Equal(t, []string{"critical x0", "over x0", "critical partition2", "over partition2"}, r.story())
	require.Empty(t, r.judge.Active())
}

func TestAReconnectIsNoAlarm(t *testing.T) {
	r := newRig(t, 5)
	for range 20 { // every three hours, a quarter of a minute on both partitions
		r.pass(1, volumes.Loss{Place: volumes.Connection, Share: 0.25}, func(m *volume.Minute) { m.Parts[1].Covered -= 15_000 })
		r.pass(3*hour, volumes.Loss{}, restore)
	}
	require.Empty(t, r.story())
}

func TestAPartlyCoveredPartitionIsAGapAndNoImbalance(t *testing.T) {
	r := newRig(t, 5)
	r.pass(9*hour, volumes.Loss{}, nil)
	r.pass(1, volumes.Loss{Place: volumes.Partition, Share: 0.5}, func(m *volume.Minute) { m.Parts[0].Covered = 30_000 })
	require.Equal(t, volume.Partial, r.last.Parts[0].Level)
	require.Equal(t, volume.Partial, r.last.All.Level)
	require.NotEqual(t, volume.Partial, r.last.Parts[1].Level)
	require.Positive(t, r.last.Parts[0].Expected, "what a whole minute would hold")
	r.pass(5*hour, volumes.Loss{}, restore)
	require.Empty(t, r.story())
}

func TestComingAndGoingIsOneAlarm(t *testing.T) {
	r := newRig(t, 5)
	r.pass(9*hour, volumes.Loss{}, nil)
	for range 60 {
		r.pass(6, volumes.Loss{Place: volumes.Partition, Share: 0.2}, nil)
		r.pass(9, volumes.Loss{}, nil)
	}
	require.LessOrEqual(t, len(r.alarms), 9, "%v", r.story())
	require.Len(t, r.judge.Active(), 1)
}

func TestAnEmptySecondMeansNothingInAThinStream(t *testing.T) {
	s := volumes.NewStream(volumes.Thin, 1)
	j := volumes.Learned(s, 1)
	for range 600 {
		v := j.Close(s.Next(volumes.Loss{}))
		require.Equal(t, int64(-1), v.All.EmptySeconds)
		require.Empty(t, v.Alarms)
	}
	r := newRig(t, 1)
	r.pass(1, volumes.Loss{}, nil)
	require.Zero(t, r.last.All.EmptySeconds)
	r.pass(1, volumes.Loss{}, func(m *volume.Minute) { m.Parts[0].Seconds = nil })
	require.Equal(t, int64(-1), r.last.Parts[0].EmptySeconds)
}

func TestLearningIsToldAndEnds(t *testing.T) {
	r := newRig(t, 0)
	r.pass(1, volumes.Loss{}, nil)
	require.Equal(t, volume.Learning, r.last.All.Level)
	require.Zero(t, r.last.All.Expected)
	r.pass(day, volumes.Loss{}, nil)
	require.Equal(t, volume.Learning, r.last.All.Level)
	require.Positive(t, r.last.All.Expected, "yesterday is known")
	r.pass(day+hour, volumes.Loss{}, nil)
	require.Equal(t, volume.Normal, r.last.All.Level)
	require.Empty(t, r.story())
}

func TestWhatTheLedgerTellsIsAsGoodAsToHaveBeenThere(t *testing.T) {
	live, read := newRig(t, 0), newRig(t, 0)
	live.pass(10*day, volumes.Loss{}, nil)
	for range 10 * day {
		m := read.stream.Next(volumes.Loss{})
		for i := range m.Parts {
			read.judge.Learn(m.Minute, i+1, m.Parts[i].Unique)
		}
	}
	live.pass(1, volumes.Loss{}, nil)
	read.pass(1, volumes.Loss{}, nil)
	require.Equal(t, live.last, read.last)
	require.Equal(t, volume.Normal, read.last.All.Level)
}

func TestADipDoesNotPoisonTheSeason(t *testing.T) {
	if testing.Short() {
		t.Skip("two months of counts")
	}
	whole, dipped := newRig(t, 0), newRig(t, 0)
	for week := range 4 {
		loss := volumes.Loss{}
		if week == 2 {
			loss = volumes.Loss{Place: volumes.Everything, Share: 0.5}
		}
		whole.pass(7*day, volumes.Loss{}, nil)
		dipped.pass(7*day, loss, nil)
	}
	for range 20 {
		whole.pass(37, volumes.Loss{}, nil)
		dipped.pass(37, volumes.Loss{}, nil)
		require.InEpsilon(t, whole.last.All.Expected, dipped.last.All.Expected, 0.08)
	}
}

func TestRevisedMinutesEnterTheHistory(t *testing.T) {
	j := volume.New(volume.Config{Partitions: []int{1, 2}, Connections: 2})
	const now = timeline.Minute(30_000_000)
	close := func(covered int64) volume.Grade {
		p := volume.Part{Unique: 100, Emitted: 100, Covered: covered}
		return j.Close(volume.Minute{Minute: now, Parts: []volume.Part{p, p}}).All
	}
	require.Zero(t, close(0).Expected)
	for m := now - day - 10; m < now-day+10; m++ {
		j.Revise(m, 1, 500)
		j.Revise(m, 2, 300)
		j.Revise(m, 3, 7) // not one of ours
	}
	require.EqualValues(t, 800, close(0).Expected)
}

func TestAnOlderMinuteGetsGradesAndMovesNothing(t *testing.T) {
	r := newRig(t, 5)
	r.pass(hour, volumes.Loss{}, nil)
	m := r.stream.Next(volumes.Loss{})
	m.Minute -= 30
	dark(0, 1)(&m)
	v := r.judge.Close(m)
	require.Equal(t, volume.Partial, v.All.Level)
	require.Empty(t, v.Alarms)
	require.Empty(t, r.judge.Active())
}

func TestOnePartitionAlone(t *testing.T) {
	s := volumes.NewStream(volumes.Calm, 5)
	j := volume.New(volume.Config{Partitions: []int{2}, Connections: 2})
	next := func(loss volumes.Loss) volume.Verdict {
		m := s.Next(loss)
		m.Parts = m.Parts[1:]
		return j.Close(m)
	}
	for range 8 * day {
		require.Empty(t, next(volumes.Loss{}).Alarms)
	}
	v := next(volumes.Loss{Place: volumes.Everything, Share: 0.9})
	require.Len(t, v.Alarms, 1)
	require.Equal(t, volume.X, v.Alarms[0].Kind)
	require.Equal(t, v.Parts[0].Missed, v.All.Missed)
}

func TestMinutesMayBeAbsent(t *testing.T) {
	r := newRig(t, 5)
	for _, absent := range []int{1, 10, 300, 3 * day, 60 * day} {
		r.pass(7, volumes.Loss{}, nil)
		for range absent {
			r.stream.Next(volumes.Loss{})
		}
	}
	r.pass(7, volumes.Loss{}, nil)
	require.Empty(t, r.story())
}

// TestNothingBreaksIt judges minutes without sense, and looks at what comes out of it.
func TestNothingBreaksIt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := func() int64 { return []int64{0, 0, 1, r.Int64N(50), r.Int64N(30_000), 1 << 40}[r.IntN(6)] }
	for _, connections := range []int{1, 2, 4} {
		j := volume.New(volume.Config{Partitions: []int{1, 2, 7}, Connections: connections, FalseAlarms: 1})
		at := timeline.Minute(r.Int64N(100))
		for range 20_000 {
			at += []timeline.Minute{1, 1, 1, 1, 1, 1, -3, 90}[r.IntN(8)]
			m := volume.Minute{Minute: at, Parts: make([]volume.Part, 3)}
			for i := range m.Parts {
				p := volume.Part{Unique: count(), Covered: []int64{0, 30_000, 60_000, 60_000, 60_000}[r.IntN(5)], Tracked: r.IntN(2) == 0}
				p.Emitted, p.Delivered = count(), count()
				if r.IntN(2) == 0 {
					p.Seconds, p.Histories, p.Missed = new([60]uint16), make([]int64, 1<<connections), make([]int64, connections)
					for set := range p.Histories {
						p.Histories[set] = count()
					}
					p.Missed[0] = count()
				}
				m.Parts[i] = p
			}
			if r.IntN(10) == 0 {
				j.Revise(at-timeline.Minute(r.IntN(5000)), r.IntN(9), count())
			}
			v := j.Close(m)
			for _, g := range append(v.Parts, v.All) {
				for _, x := range []float64{g.Expected, g.Score, g.Missed.Missed, g.Missed.Error, g.Missed.Low, g.Missed.High} {
					require.False(t, math.IsNaN(x) || math.IsInf(x, 0), "%+v", g)
				}
				require.NotEmpty(t, g.Level)
			}
			for _, a := range v.Alarms {
				require.NotContains(t, a.Message, "NaN")
				require.NotContains(t, a.Message, "Inf")
				for _, e := range a.Evidence {
					require.False(t, math.IsNaN(e.Value) || math.IsInf(e.Value, 0), "%+v", a)
				}
			}
		}
	}
}

func TestWithoutStatisticsWhatIsCertainIsTold(t *testing.T) {
	s := volumes.NewStream(volumes.Calm, 5)
	j := volume.New(volume.Config{Partitions: []int{1, 2}, Connections: 2, FalseAlarms: -1})
	for range 3 * day {
		require.Empty(t, j.Close(s.Next(volumes.Loss{})).Alarms)
	}
	for range 30 {
		v := j.Close(s.Next(volumes.Loss{Place: volumes.Everything, Share: 1}))
		require.Empty(t, v.Alarms, "counts may be what they like")
		require.Equal(t, volume.Normal, v.All.Level)
		require.Equal(t, int64(-1), v.All.EmptySeconds)
	}
	var told []volume.Alarm
	for range 30 {
		told = append(told, j.Close(s.Next(volumes.Loss{Place: volumes.Connection, Share: 1})).Alarms...)
	}
	require.Len(t, told, 1)
	require.Equal(t, volume.Network, told[0].Kind)
}

// TestNothingToDivideBy: two connections that share no Tweet cannot tell how many reach neither, and no number is printed.
func TestNothingToDivideBy(t *testing.T) {
	r := newRig(t, 3)
	apart := func(m *volume.Minute) {
		p := &m.Parts[0]
		p.Histories = []int64{0, p.Unique / 2, p.Unique - p.Unique/2, 0}
		p.Missed = []int64{p.Unique - p.Unique/2, p.Unique / 2}
	}
	r.pass(10, volumes.Loss{}, nil)
	r.pass(10, volumes.Loss{}, apart)
	require.NotEmpty(t, r.alarms)
	for _, a := range r.alarms {
		require.NotContains(t, a.Message, "about 0 Tweets")
	}
	require.Contains(t, r.alarms[0].Message, "share too little to tell")
}
