package replay

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// story is what of a recording goes into a script: what happened when, and who delivered in which second. Times are in ms
// since zero.
type story struct {
	conns   []core.Conn
	zero    int64 // Unix ms, a whole minute
	start   int64 // when the recording begins
	opening int64 // when the first header came; 0: none did
	events  []happening
	seconds []map[int64]bool // by connection: the seconds in which it brought Tweets of then
	tweets  []int64          // by connection: how many
	last    int64            // the time of the last step
	lines   map[int]*line
	orders  int // that were left out
	skipped int // events of readings, which scripts of this kind have not
}

// happening is an event that a command stands for.
type happening struct {
	at    int64
	kind  core.Kind
	conn  int
	end   core.End
	text  string // of a message of X
	past  *past  // what came with it from before it
	query *asked // of a request that ended
}

// past is what a connection brought of the time before its header.
type past struct{ first, last, n int64 }

func (p *past) add(ms int64) {
	if p.n == 0 {
		p.first, p.last = ms, ms
	}
	p.first, p.last, p.n = min(p.first, ms), max(p.last, ms), p.n+1
}

// asked is what a request brought.
type asked struct {
	past
	result wire.NoticeMessage
	over   bool
}

// line is a connection or a request whose header came.
type line struct {
	opened int64
	past   past
	asked  asked
	at     int // of its opening in events
}

// firstSecond is how long, in ms, after the first header others are the first ones, too.
const firstSecond = 1000

// maxHappenings bounds a script.
const maxHappenings = 20_000

func newStory(b *recording.Begin) *story {
	s := &story{conns: core.New(b.Config).Conns(), lines: map[int]*line{}}
	s.zero = timeline.MinuteOf(b.Wall / 1e6).Milli()
	s.start = b.Wall/1e6 - s.zero
	s.seconds, s.tweets = make([]map[int64]bool, len(s.conns)), make([]int64, len(s.conns))
	for i := range s.seconds {
		s.seconds[i] = map[int64]bool{}
	}
	return s
}

// begun adds the connections of a beginning in the middle: the script opens them.
func (s *story) begun(b *recording.Begin) {
	at := b.Wall/1e6 - s.zero
	for _, l := range b.Lines {
		if l.Open {
			s.add(happening{at: at, kind: core.Opened, conn: l.Conn})
			s.lines[l.Conn] = &line{opened: at, at: len(s.events) - 1}
		}
	}
}

// add notes a happening. A script begins with a whole minute, and its core at once: what came before the first header comes as
// much earlier, and from then on time is that of the recording.
func (s *story) add(h happening) {
	if s.opening == 0 {
		if h.kind == core.Opened {
			s.opening = h.at
		}
		h.at -= s.start
	} else if h.kind == core.Opened && h.at-s.opening < firstSecond && h.conn < len(s.conns) {
		h.at = max(0, h.at-s.start)
	}
	if len(s.events) < maxHappenings {
		s.events = append(s.events, h)
	}
}

// step takes an event of the recording. jobs is how many of the indices behind the connections are of X's requests.
func (s *story) step(ev *core.Event, now time.Time, jobs int) {
	at := ev.Wall/1e6 - s.zero
	if ev.Wall == 0 {
		at = now.UnixMilli() - s.zero
	}
	s.last = max(s.last, at)
	spoke := ev.Kind == core.Opened || ev.Kind == core.Received || ev.Kind == core.Silent || ev.Kind == core.Ended || ev.Kind == core.Read
	if spoke && ev.Conn >= len(s.conns)+jobs {
		s.skipped++
		return
	}
	switch ev.Kind {
	case core.Opened:
		s.add(happening{at: at, kind: ev.Kind, conn: ev.Conn})
		s.lines[ev.Conn] = &line{opened: at, at: len(s.events) - 1}
	case core.Received:
		s.received(ev, at)
	case core.Silent:
		s.add(happening{at: at, kind: ev.Kind, conn: ev.Conn})
	case core.Ended:
		s.ended(ev, at)
	case core.Ordered:
		s.orders += len(ev.Orders)
	case core.Stop:
		s.add(happening{at: at, kind: ev.Kind})
	}
}

func (s *story) ended(ev *core.Event, at int64) {
	h := happening{at: at, kind: ev.Kind, conn: ev.Conn, end: ev.End}
	if l := s.lines[ev.Conn]; l != nil && ev.Conn >= len(s.conns) {
		h.query = &l.asked
	}
	delete(s.lines, ev.Conn)
	s.add(h)
}

func (s *story) received(ev *core.Event, at int64) {
	l := s.lines[ev.Conn]
	if l == nil {
		return
	}
	for i := range ev.Batch.Frames {
		switch f := &ev.Batch.Frames[i]; {
		case f.Kind == wire.Notice:
			s.message(l, ev.Conn, at, f.Data)
		case f.Kind != wire.Record:
		case ev.Conn >= len(s.conns):
			l.asked.add(f.ID.Milli() - s.zero)
		case f.ID.Milli()-s.zero < l.opened-1500:
			l.past.add(f.ID.Milli() - s.zero)
			if l.at < len(s.events) {
				s.events[l.at].past = &l.past
			}
		default:
			s.seconds[ev.Conn][at/1000] = true
			s.tweets[ev.Conn]++
		}
	}
}

// message takes X's words: of a request those that end it, of a connection all.
func (s *story) message(l *line, conn int, at int64, data []byte) {
	m, ok := wire.ParseNotice(data)
	switch {
	case !ok || m.Message == "":
	case conn >= len(s.conns):
		l.asked.result, l.asked.over = m, true
	default:
		s.add(happening{at: at, kind: core.Received, conn: conn, text: m.Message})
	}
}

// smooth is how long, in seconds, a connection may bring nothing and still count as one that delivers.
const smooth = 2

// delivers reports whether the connection brought Tweets around that second.
func (s *story) delivers(conn int, second int64) bool {
	second = max(second, s.opening/1000+smooth+1) // before, there is nothing in the recording
	for k := second - smooth; k <= second+smooth; k++ {
		if s.seconds[conn][k] {
			return true
		}
	}
	return false
}

// feeding are those of the connections that deliver in that second.
func (s *story) feeding(open map[int]bool, second int64) (conns []int) {
	for conn := range s.conns {
		if open[conn] && s.delivers(conn, second) {
			conns = append(conns, conn)
		}
	}
	return conns
}

// rate is how many Tweets a second a script has for one that the connection had.
func (s *story) rate(conn int) float64 {
	if s.tweets[conn] == 0 {
		return 1
	}
	return scriptRate * float64(len(s.seconds[conn])) / float64(s.tweets[conn])
}

// meanRate is the same of all partitions together, for requests.
func (s *story) meanRate() float64 {
	var all []float64
	for conn := range s.conns {
		all = append(all, s.rate(conn))
	}
	return slices.Min(all)
}
