package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

var (
	errDisk = errors.New("disk says no")
	errDead = errors.New("process was killed")
)

// fakeSpool is a spool in memory. What it holds outlives a Delivery.
type fakeSpool struct {
	sync.Mutex
	t          testing.TB
	entries    map[int64]*spool.Entry
	refused    map[snowflake.ID]string
	last       int64
	maxEntries int                        // entries; 0: no limit
	fail       func() error               // of every use; nil: none
	slow       func() time.Duration       // of every use; nil: none
	settled    func(id snowflake.ID) bool // may this Tweet be removed? nil: all may
	appended   []int64                    // numbers given by Append, in order
}

func newFakeSpool(t testing.TB) *fakeSpool {
	return &fakeSpool{t: t, entries: map[int64]*spool.Entry{}, refused: map[snowflake.ID]string{}}
}

// begin waits, and locks unless the disk fails.
func (s *fakeSpool) begin() error {
	s.Lock()
	slow, fail := s.slow, s.fail
	s.Unlock()
	if slow != nil {
		time.Sleep(slow())
	}
	s.Lock()
	if fail != nil {
		if err := fail(); err != nil {
			s.Unlock()
			return err
		}
	}
	return nil
}

func (s *fakeSpool) set(change func()) {
	s.Lock()
	defer s.Unlock()
	change()
}

func (s *fakeSpool) put(e *spool.Entry) int64 {
	s.last++
	own := *e
	own.ID, own.Lines, own.Tweets = s.last, bytes.Clone(e.Lines), slices.Clone(e.Tweets)
	requireWhole(s.t, own.Lines, own.Tweets)
	s.entries[s.last] = &own
	return s.last
}

func (s *fakeSpool) Append(e *spool.Entry) (int64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.Unlock()
	if s.maxEntries > 0 && len(s.entries) >= s.maxEntries {
		return 0, fmt.Errorf("append: %w", spool.ErrFull)
	}
	s.appended = append(s.appended, s.last+1)
	return s.put(e), nil
}

func (s *fakeSpool) Read(id int64) (*spool.Entry, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.Unlock()
	require.Contains(s.t, s.entries, id)
	own := *s.entries[id]
	own.Lines, own.Tweets = bytes.Clone(own.Lines), slices.Clone(own.Tweets)
	return &own, nil
}

func (s *fakeSpool) Remove(ids ...int64) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.Unlock()
	for _, id := range ids {
		require.Contains(s.t, s.entries, id, "removed twice")
		for _, w := range s.entries[id].Tweets {
			_, refused := s.refused[w.ID]
			require.True(s.t, refused || s.settled == nil || s.settled(w.ID), "Tweet %d was removed before its time", w.ID)
		}
		delete(s.entries, id)
	}
	return nil
}

func (s *fakeSpool) Refuse(t ledger.Sent, line []byte, why string) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.Unlock()
	requireWhole(s.t, line, []spool.Tweet{{Sent: t, End: len(line)}})
	s.refused[t.ID] = why
	return nil
}

func (s *fakeSpool) Replace(id int64, parts ...*spool.Entry) (ids []int64, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.Unlock()
	require.Contains(s.t, s.entries, id)
	var before, after []snowflake.ID
	for _, w := range s.entries[id].Tweets {
		before = append(before, w.ID)
	}
	for _, e := range parts {
		ids = append(ids, s.put(e))
		for _, w := range e.Tweets {
			after = append(after, w.ID)
		}
	}
	require.Equal(s.t, before, after)
	delete(s.entries, id)
	return ids, nil
}

func (s *fakeSpool) Bytes() (n int64) {
	s.Lock()
	defer s.Unlock()
	for _, e := range s.entries {
		n += int64(len(e.Lines))
	}
	return n
}

// past is what a new process finds.
func (s *fakeSpool) past() (all []spool.Entry) {
	s.Lock()
	defer s.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.entries)) {
		e := *s.entries[id]
		e.Lines = nil
		all = append(all, e)
	}
	return all
}

// ids is the Tweets in the spool, in the order of its entries.
func (s *fakeSpool) ids() (all []snowflake.ID) {
	for _, e := range s.past() {
		for _, w := range e.Tweets {
			all = append(all, w.ID)
		}
	}
	return all
}

// requireWhole wants lines to be those of the Tweets, each where it is said to end.
func requireWhole(t testing.TB, lines []byte, tweets []spool.Tweet) {
	t.Helper()
	at := 0
	for _, w := range tweets {
		require.Contains(t, string(lines[at:w.End]), fmt.Sprintf(" id=%di", w.ID))
		at = w.End
	}
	require.Len(t, lines, at)
	require.Equal(t, len(tweets), bytes.Count(lines, []byte("\n")))
}

// fakeCourier answers as it is told to.
type fakeCourier struct {
	sync.Mutex
	t           testing.TB
	answer      func(ctx context.Context, ids []snowflake.ID) (Verdict, error) // nil: Accepted
	posts       [][]snowflake.ID                                               // as they began
	times       []time.Time
	has         map[snowflake.ID]int // how often a Tweet was accepted
	inFlight    int                  // batches
	maxInFlight int                  // of them at once
}

func newFakeCourier(t testing.TB) *fakeCourier {
	return &fakeCourier{t: t, has: map[snowflake.ID]int{}}
}

func idsOf(tweets []spool.Tweet) []snowflake.ID {
	ids := make([]snowflake.ID, len(tweets))
	for i := range tweets {
		ids[i] = tweets[i].ID
	}
	return ids
}

func (c *fakeCourier) Deliver(ctx context.Context, b *Batch) (v Verdict, err error) {
	requireWhole(c.t, b.Lines, b.Tweets)
	ids := idsOf(b.Tweets)
	c.Lock()
	c.posts, c.times = append(c.posts, ids), append(c.times, time.Now())
	c.inFlight++
	c.maxInFlight = max(c.maxInFlight, c.inFlight)
	answer := c.answer
	c.Unlock()
	if answer != nil {
		v, err = answer(ctx, ids)
	}
	c.Lock()
	defer c.Unlock()
	c.inFlight--
	if v == Accepted {
		for _, id := range ids {
			c.has[id]++
		}
	}
	return v, err
}

// say changes the answer.
func (c *fakeCourier) say(answer func(ctx context.Context, ids []snowflake.ID) (Verdict, error)) {
	c.Lock()
	defer c.Unlock()
	c.answer = answer
}

func (c *fakeCourier) count() int {
	c.Lock()
	defer c.Unlock()
	return len(c.posts)
}

func (c *fakeCourier) accepted(id snowflake.ID) bool {
	c.Lock()
	defer c.Unlock()
	return c.has[id] > 0
}

func later(context.Context, []snowflake.ID) (Verdict, error) {
	return Later, errors.New("sink says no")
}

// hang answers when the delivery is cancelled.
func hang(ctx context.Context, _ []snowflake.ID) (Verdict, error) {
	<-ctx.Done()
	return Later, ctx.Err()
}

// after answers v when so much time has passed.
func after(wait time.Duration, v Verdict) func(context.Context, []snowflake.ID) (Verdict, error) {
	return func(ctx context.Context, _ []snowflake.ID) (Verdict, error) {
		select {
		case <-time.After(wait):
			return v, nil
		case <-ctx.Done():
			return Later, ctx.Err()
		}
	}
}

// bad refuses whatever holds one of these.
func bad(culprits ...snowflake.ID) func(context.Context, []snowflake.ID) (Verdict, error) {
	return func(_ context.Context, ids []snowflake.ID) (Verdict, error) {
		for _, id := range ids {
			if slices.Contains(culprits, id) {
				return Refused, errors.New("bad line")
			}
		}
		return Accepted, nil
	}
}

func testConfig(t testing.TB, c Courier) Config {
	s, err := encode.NewSchema("test", nil, []string{"id", "text"}, encode.Keep)
	require.NoError(t, err)
	return Config{Schema: s, Courier: c, Slots: 2, Most: 10, MostBytes: 1 << 20, Memory: 40, Acknowledged: true,
		SettleAfter: 10 * time.Second}
}

// life is one Delivery, in a bubble, with someone who reads its Outcomes.
type life struct {
	t testing.TB
	*Delivery
	kill context.CancelFunc
	quit chan struct{}

	sync.Mutex
	safe      int64
	delivered map[snowflake.ID]int
	refused   []snowflake.ID
	said      []string
	hear      func(Outcome) // nil: nobody
}

func start(t testing.TB, cfg Config, s spooler) *life {
	l := &life{t: t, quit: make(chan struct{}), delivered: map[snowflake.ID]int{}}
	if cfg.Say == nil {
		cfg.Say = func(level byte, text string) {
			l.Lock()
			defer l.Unlock()
			l.said = append(l.said, string(level)+" "+text)
		}
	}
	l.Delivery = newDelivery(cfg, s)
	ctx, cancel := context.WithCancel(context.Background())
	l.kill = cancel
	var wg sync.WaitGroup
	wg.Go(func() { l.Run(ctx) })
	wg.Go(l.read)
	t.Cleanup(cancel)
	return l
}

// begin is start for tests that end with the end of the bubble.
func begin(t testing.TB, cfg Config, s spooler) *life {
	l := start(t, cfg, s)
	t.Cleanup(l.end)
	return l
}

// end is the abrupt one.
func (l *life) end() {
	l.kill()
	<-l.ended
	select {
	case <-l.quit:
	default:
		close(l.quit)
	}
}

func (l *life) read() {
	for {
		select {
		case o := <-l.Outcomes():
			l.note(o)
		case <-l.quit:
			return
		}
	}
}

func (l *life) note(o Outcome) {
	l.Lock()
	defer l.Unlock()
	require.False(l.t, o.empty())
	l.safe += o.Safe
	for _, s := range o.Delivered {
		l.delivered[s.ID]++
	}
	for _, s := range o.Refused {
		l.refused = append(l.refused, s.ID)
	}
	if l.hear != nil {
		l.hear(o)
	}
}

// now returns what was heard up to now.
func (l *life) now() (safe int64, delivered int, refused []snowflake.ID) {
	l.Lock()
	defer l.Unlock()
	return l.safe, len(l.delivered), slices.Clone(l.refused)
}

func (l *life) logged() []string {
	l.Lock()
	defer l.Unlock()
	return slices.Clone(l.said)
}

// add puts Tweets into the open batch.
func (l *life) add(ids ...snowflake.ID) {
	for _, id := range ids {
		l.AddTweet(&tweet.Tweet{ID: id, Text: []byte("text")}, 1)
	}
}

// write gives Tweets as one batch.
func (l *life) write(ctx context.Context, ids ...snowflake.ID) error {
	l.add(ids...)
	return l.Write(ctx, l.Take())
}

// sleep lets time pass, and all that happens by then happen. For the test's own goroutine.
func sleep(wait time.Duration) {
	time.Sleep(wait)
	synctest.Wait()
}

func upTo(first, last snowflake.ID) (ids []snowflake.ID) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}
