package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// noon is when these tests begin: ids of the year in which a bubble begins do not exist.
var noon = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		f(t)
	})
}

func idAt(at time.Time, n int) snowflake.ID {
	return snowflake.ID((at.UnixMilli()-1288834974657)<<22 | int64(n))
}

func record(id snowflake.ID) string {
	return fmt.Sprintf(`{"created_at":"x","id":%d,"id_str":"%[1]d","text":"x","user":{"id":1}}`+"\r\n", id)
}

// site is X behind pipes: it answers each connection, counted from 0, when the request was read.
type site struct {
	answer  func(n int, c net.Conn)
	dialled atomic.Int32
	wg      sync.WaitGroup
}

func (s *site) client() *stream.Client {
	return stream.NewClient(stream.Options{Credentials: func() (string, string, error) { return "someone", "secret", nil }, Dial: s.dial,
		ConnectTimeout: 10 * time.Second, HeartbeatTimeout: 31 * time.Second, RecordLimit: 1 << 20})
}

func (s *site) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	n := int(s.dialled.Add(1)) - 1
	s.wg.Go(func() {
		defer there.Close()
		if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
			s.answer(n, there)
		}
	})
	return here, nil
}

const accepted = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// feed answers and sends n Tweets, one every pause; then heartbeats, until the connection ends. It returns the ids of the Tweets that
// were taken from it.
func feed(c net.Conn, n int, pause time.Duration) (taken []snowflake.ID) {
	if _, err := io.WriteString(c, accepted); err != nil {
		return nil
	}
	for i := range n {
		id := idAt(time.Now(), i)
		if _, err := io.WriteString(c, record(id)); err != nil {
			return taken
		}
		taken = append(taken, id)
		time.Sleep(pause)
	}
	for {
		if _, err := io.WriteString(c, "\r\n"); err != nil {
			return taken
		}
		time.Sleep(10 * time.Second)
	}
}

// tweetSink takes batches of ids. Write does what write says first.
type tweetSink struct {
	open    []snowflake.ID
	write   func(ctx context.Context) error
	mu      sync.Mutex
	written []snowflake.ID
}

type idBatch []snowflake.ID

func (b idBatch) Size() int { return 100 * len(b) }

func (s *tweetSink) Pending() int { return 100 * len(s.open) }
func (s *tweetSink) Due(age time.Duration) bool {
	return len(s.open) >= 50 || len(s.open) > 0 && age >= encode.FlushAfter
}
func (s *tweetSink) Take() encode.Batch {
	b := idBatch(s.open)
	s.open = nil
	return b
}

func (s *tweetSink) AddTweet(t *tweet.Tweet, _ int) bool {
	s.open = append(s.open, t.ID)
	return false
}

func (s *tweetSink) Write(ctx context.Context, b encode.Batch) error {
	if s.write != nil {
		if err := s.write(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, b.(idBatch)...)
	return nil
}

// out are the Tweets that were written, in order.
func (s *tweetSink) out() []snowflake.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]snowflake.ID(nil), s.written...)
}

// pointSink takes the names of points.
type pointSink struct {
	open    []string
	write   func(ctx context.Context) error
	mu      sync.Mutex
	written []string
}

type nameBatch []string

func (b nameBatch) Size() int { return 100 * len(b) }

func (s *pointSink) Pending() int               { return len(s.open) }
func (s *pointSink) Due(age time.Duration) bool { return len(s.open) > 0 && age >= encode.FlushAfter }
func (s *pointSink) Take() encode.Batch {
	b := nameBatch(s.open)
	s.open = nil
	return b
}

func (s *pointSink) AddPoint(p *encode.Point) error {
	if p.Name == "" {
		return io.ErrUnexpectedEOF
	}
	s.open = append(s.open, p.Name)
	return nil
}

func (s *pointSink) Write(ctx context.Context, b encode.Batch) error {
	if s.write != nil {
		if err := s.write(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, b.(nameBatch)...)
	return nil
}

func (s *pointSink) out() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.written...)
}

// fakeStore is a store that does what its functions say; those that are nil do nothing.
type fakeStore struct {
	commit func(*ledger.Commit) error
	load   func(timeline.Minute) ([]snowflake.ID, error)
	orders func() ([]ledger.Order, error)
}

func (s *fakeStore) Commit(c *ledger.Commit) error {
	if s.commit == nil {
		return nil
	}
	return s.commit(c)
}

func (s *fakeStore) Orders() ([]ledger.Order, error) {
	if s.orders == nil {
		return nil, nil
	}
	return s.orders()
}

func (s *fakeStore) Bytes() int64 { return 4096 }

func (s *fakeStore) Load(m timeline.Minute, _ []snowflake.ID) ([]snowflake.ID, error) {
	if s.load == nil {
		return nil, nil
	}
	return s.load(m)
}

// outputs are a Delivery that says what the test wants.
type outputs struct {
	outcomes chan delivery.Outcome
	status   delivery.Status
	behind   bool
	taken    error
	stop     func(ctx context.Context) error
	effects  []feedback.Effect
	told     func(word string) // hears of each call; nil: nobody
}

func (o *outputs) tell(word string) {
	if o.told != nil {
		o.told(word)
	}
}

func (o *outputs) Outcomes() <-chan delivery.Outcome { return o.outcomes }
func (o *outputs) Status() delivery.Status           { return o.status }
func (o *outputs) Behind() bool                      { return o.behind }
func (o *outputs) Feedback(e feedback.Effect)        { o.tell("feedback"); o.effects = append(o.effects, e) }
func (o *outputs) Taken() error                      { o.tell("taken"); return o.taken }
func (o *outputs) Stop(ctx context.Context) error {
	o.tell("stop")
	if o.stop == nil {
		return nil
	}
	return o.stop(ctx)
}

// fixture is an engine under test, with what is around it.
type fixture struct {
	Config
	x      *site
	tweets *tweetSink
	points *pointSink
	notes  []string
	events map[core.Kind]int // events that the core was given
	took   []snowflake.ID    // Tweets that the core made of them
	asking context.Context   // of those who ask a run that the test turns
}

func newFixture(answer func(n int, c net.Conn)) *fixture {
	h := &fixture{x: &site{answer: answer}, tweets: &tweetSink{}, points: &pointSink{}, events: map[core.Kind]int{}}
	h.Config = Config{Clients: []*stream.Client{h.x.client()}, URL: func(int, int) string { return "http://127.0.0.1:1/" },
		Core: core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute,
			ConnectTimeout: 10 * time.Second, SilenceTimeout: time.Minute, DedupWindow: time.Hour, Interval: 10 * time.Second},
		Tweets: h.tweets, Points: h.points}
	h.Listener = Listener{Note: func(n core.Note) { h.notes = append(h.notes, n.Text) }, Stepped: h.stepped}
	return h
}

func (h *fixture) stepped(_ time.Time, ev core.Event, out *core.Ready) {
	h.events[ev.Kind]++
	for i := range out.Tweets {
		h.took = append(h.took, out.Tweets[i].ID)
	}
}

// play runs the engine for so long, and returns how long the stop took, and its error.
func (h *fixture) play(d time.Duration) (stopping time.Duration, e *Engine, err error) {
	e = New(h.Config)
	ctx, stop := context.WithCancel(context.Background())
	var told time.Time
	time.AfterFunc(d, func() { told = time.Now(); stop() })
	err = e.Run(ctx)
	stop()
	stopping = time.Since(told)
	h.x.wg.Wait()
	return stopping, e, err
}
