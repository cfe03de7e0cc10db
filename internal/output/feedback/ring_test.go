package feedback

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/models"
	"github.com/stretchr/testify/require"
)

// item is a metric in one output's buffer.
type item struct {
	telegraf.Metric // none: buffers ask nothing of it
	ours            bool
	written         int64 // when it was written to stdout; for those of others, when it was added
	added           bool
	fate            byte // 0: held, or in the pipe
}

func (m *item) Accept() { m.fate = 'w' }
func (m *item) Reject() { m.fate = 'd' } // dropped, or refused
func (m *item) Drop()   { m.fate = 'f' }

// sink is one output: Telegraf's own buffer, and a world that takes what it likes.
type sink struct {
	name    string
	buffer  models.Buffer
	batch   int
	all     []*item // not known to have left before the last report
	sending *models.Transaction
	ends    int64 // when the batch on its way comes back
	mood    int   // of 0 works, 1 slow, 2 fails, 3 hangs, 4 refuses
	reports []seen
}

// seen is what was true when a report was made.
type seen struct {
	at     int64
	took   int64 // written and rejected
	oldest int64 // when the oldest metric that was held had been written
}

// ring is a world of one process that writes, and an agent with some outputs.
type ring struct {
	random *rand.Rand
	now    int64
	sinks  []*sink
	pipe   [][]*item // not added yet, for each sink
	loop   Loop
	drops  int // windows seen
}

func newRing(t *testing.T, seed uint64) *ring {
	r := &ring{random: rand.New(rand.NewPCG(seed, 1)), now: at(0)}
	for i := range 1 + r.random.IntN(2) {
		name := fmt.Sprintf("%s %d", t.Name(), i)
		b, err := models.NewBuffer("ring", fmt.Sprint(seed, name), "", 20+r.random.IntN(200), "memory", "", false)
		require.NoError(t, err)
		r.sinks = append(r.sinks, &sink{name: name, buffer: b, batch: 1 + r.random.IntN(30)})
	}
	r.pipe = make([][]*item, len(r.sinks))
	return r
}

// step is a tenth of a second.
func (r *ring) step() {
	r.now += second / 10
	for range r.random.IntN(4) {
		r.write(r.random.IntN(3) > 0)
	}
	for i, s := range r.sinks {
		for len(r.pipe[i]) > 0 && (r.random.IntN(3) > 0 || r.pipe[i][0].written < r.now-second) {
			r.pipe[i][0].added = true
			s.buffer.Add(r.pipe[i][0])
			r.pipe[i] = r.pipe[i][1:]
		}
		s.step(r)
	}
}

func (r *ring) write(ours bool) {
	for i, s := range r.sinks {
		m := &item{ours: ours, written: r.now}
		s.all = append(s.all, m)
		r.pipe[i] = append(r.pipe[i], m)
	}
}

func (s *sink) step(r *ring) {
	if r.random.IntN(100) == 0 {
		s.mood = r.random.IntN(5)
	}
	switch {
	case s.sending == nil && r.random.IntN(4) == 0:
		s.sending = s.buffer.BeginTransaction(s.batch)
		s.ends = r.now + []int64{0, 3, 0, 30, 0}[s.mood]*second
	case s.sending != nil && r.now >= s.ends:
		switch s.mood {
		case 0, 1:
			s.sending.AcceptAll()
		case 4:
			for i := range s.sending.Batch { // a refused batch is refused whole
				s.sending.Reject = append(s.sending.Reject, i)
			}
		}
		s.buffer.EndTransaction(s.sending)
		s.sending = nil
	}
}

// report is what internal_write says, as the agent rounds it.
func (s *sink) report(now int64) Report {
	b := s.buffer.Stats()
	return Report{
		Output: s.name, At: time.Unix(0, now).Round(time.Second).UnixNano(),
		Added: b.MetricsAdded.Get(), Written: b.MetricsWritten.Get(), Dropped: b.MetricsDropped.Get(),
		Rejected: b.MetricsRejected.Get(), Size: b.BufferSize.Get(), Limit: b.BufferLimit.Get(),
	}
}

func (r *ring) check(t *testing.T, s *sink) {
	report := s.report(r.now)
	e := r.loop.Fold(report)
	var dropped int64
	for _, m := range s.all {
		if m.fate != 'd' {
			continue
		}
		dropped++
		if m.ours {
			require.LessOrEqual(t, e.DroppedFrom, m.written)
			require.GreaterOrEqual(t, e.DroppedTo, m.written)
		}
	}
	require.Equal(t, dropped, e.Dropped)
	require.Equal(t, dropped > 0, e.DroppedTo != 0)
	s.forget()
	r.heldAfter(t, e.Before)
	if dropped > 0 && e.DroppedFrom != 0 {
		r.drops++
		require.GreaterOrEqual(t, e.DroppedFrom, s.narrow())
		require.Equal(t, report.At+rounding, e.DroppedTo)
	}
	now := seen{at: report.At, took: report.Written + report.Rejected, oldest: r.now}
	for _, m := range s.all {
		if m.added {
			now.oldest = min(now.oldest, m.written)
		}
	}
	s.reports = append(s.reports, now)
}

// narrow is the earliest time at which a window may begin: at the report before the output last took something, what
// was held then, a report's interval and the slack.
func (s *sink) narrow() int64 {
	i := len(s.reports) - 1
	for i > 1 && s.reports[i].took == s.reports[i-1].took {
		i--
	}
	for i = max(i-1, 0); i > 0 && s.reports[i].at > s.reports[i-1].oldest; i-- {
	}
	return s.reports[max(i-1, 0)].at - slack - 2*second
}

// forget drops what has left.
func (s *sink) forget() {
	held := s.all[:0]
	for _, m := range s.all {
		if m.fate == 0 {
			held = append(held, m)
		}
	}
	s.all = held
}

// heldAfter wants nothing of ours from before a time to be on its way.
func (r *ring) heldAfter(t *testing.T, before int64) {
	for _, s := range r.sinks {
		for _, m := range s.all {
			if m.ours && m.fate == 0 {
				require.GreaterOrEqual(t, m.written, before)
			}
		}
	}
}

// Whatever outputs do: what is said to have left has left, what was dropped lies in a window, and windows are narrow.
func TestFoldAgainstTelegrafsBuffer(t *testing.T) {
	drops, left := 0, 0
	for seed := range uint64(60) {
		r := newRing(t, seed)
		interval := 5 + r.random.IntN(100) // tenths of a second
		for i := range 3000 {
			r.step()
			if i%interval != 0 {
				continue
			}
			for _, s := range r.sinks {
				r.check(t, s)
			}
			if r.loop.outlook(Effect{}).Before > r.now-20*second {
				left++
			}
		}
		drops += r.drops
	}
	require.Greater(t, drops, 1000)
	require.Greater(t, left, 1000)
}
