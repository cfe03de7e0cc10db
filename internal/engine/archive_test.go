package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// held is an archive: Tweets by minute, and what goes wrong.
type held struct {
	minutes []archive.Summary
	list    error
	read    func(ctx context.Context, m timeline.Minute, tweet func(snowflake.ID, []byte) error) error
	asked   []timeline.Minute // from and to of the list, then each minute that was read
}

func (h *held) Minutes(_ context.Context, label string, from, to timeline.Minute) ([]archive.Summary, error) {
	if label != "prod" {
		return nil, errors.New("another label")
	}
	h.asked = append(h.asked, from, to)
	return h.minutes, h.list
}

func (h *held) Read(ctx context.Context, _ string, m timeline.Minute, tweet func(snowflake.ID, []byte) error) error {
	h.asked = append(h.asked, m)
	return h.read(ctx, m, tweet)
}

func schemaOf(t testing.TB, label string) *encode.Schema {
	t.Helper()
	s, err := encode.NewSchema(label, []string{"kind"}, []string{"id", "text"}, encode.Space)
	require.NoError(t, err)
	return s
}

// lineOf is a Tweet as that site's archive has it.
func lineOf(t testing.TB, label string, id snowflake.ID, size int) []byte {
	t.Helper()
	return encode.AppendTweet(nil, &tweet.Tweet{ID: id, Text: []byte(strings.Repeat("x", size))}, schemaOf(t, label))
}

var first = timeline.MinuteOf(noon.Add(-time.Hour).UnixMilli())

func idIn(m timeline.Minute, n int) snowflake.ID { return idAt(time.UnixMilli(m.Milli()+int64(n)), n) }

// readOf reads minutes [first, first+n) of an archive, and returns what came of it.
func readOf(t *testing.T, h *held, n timeline.Minute, timeout time.Duration) (end core.End, events []core.Event) {
	t.Helper()
	to := make(chan message, 1000)
	re := readingOf(t, h, to, timeout)
	end = re.ending(re.minutes(refill.Request{From: first, To: first + n}))
	close(to)
	for m := range to {
		events = append(events, m.Event)
	}
	return end, events
}

func readingOf(t *testing.T, h *held, to chan message, timeout time.Duration) *reading {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	t.Cleanup(func() { cancel(nil) })
	s := &session{r: &run{gone: make(chan struct{})}, to: to, budget: &budget{max: 64 << 20}, conn: 5, cancel: cancel}
	return &reading{session: s, from: Archive{Source: h, Schema: schemaOf(t, "prod"), Timeout: timeout}, label: "prod", ctx: ctx}
}

// words are events in short.
func words(events []core.Event) (w []string) {
	for _, e := range events {
		switch e.Kind {
		case core.Opened:
			w = append(w, "opened")
		case core.Received:
			w = append(w, fmt.Sprint(len(e.Batch.Frames), " Tweets"))
		case core.Read:
			w = append(w, strings.TrimSuffix(fmt.Sprint("read ", int(e.Minute-first), " ", e.Err), " "))
		}
	}
	return w
}

func TestAReading(t *testing.T) {
	good := func(m timeline.Minute, n int) snowflake.ID { return idIn(m, n) }
	for _, c := range []struct {
		name   string
		list   error
		held   map[timeline.Minute]int64 // what the index promises, by minutes after the first
		read   func(m timeline.Minute, give func(id snowflake.ID, line []byte) error) error
		class  string
		detail string
		words  []string
	}{
		{"whole", nil, map[timeline.Minute]int64{0: 2, 1: 2, 2: 2}, func(m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			return errors.Join(give(good(m, 1), lineOf(t, "prod", good(m, 1), 9)), give(good(m, 2), lineOf(t, "prod", good(m, 2), 9)))
		}, core.ReadThrough, "", []string{"opened", "2 Tweets", "read 0", "2 Tweets", "read 1", "2 Tweets", "read 2"}},
		{"nothing is held", nil, nil, func(timeline.Minute, func(snowflake.ID, []byte) error) error { return nil },
			core.ReadThrough, "", []string{"opened", "read 0", "read 1", "read 2"}},
		{"fewer than promised", nil, map[timeline.Minute]int64{0: 2, 1: 1}, func(m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			return give(good(m, 1), lineOf(t, "prod", good(m, 1), 9))
		}, core.ReadThrough, "", []string{"opened", "1 Tweets", "read 0 1 of 2 Tweets came: damaged", "1 Tweets", "read 1", "1 Tweets", "read 2"}},
		{"lines of another minute, and broken ones", nil, nil, func(m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			return errors.Join(give(good(m+1, 1), lineOf(t, "prod", good(m+1, 1), 9)), give(good(m-1, 1), lineOf(t, "prod", good(m-1, 1), 9)),
				give(good(m, 2), []byte("decahose_tweet,")), give(good(m, 3), lineOf(t, "prod", good(m, 3), 9)))
		}, core.ReadThrough, "", []string{"opened", "1 Tweets", "read 0 3 lines: id ID is not of this minute: damaged", "1 Tweets",
			"read 1 3 lines: id ID is not of this minute: damaged", "1 Tweets", "read 2 3 lines: id ID is not of this minute: damaged"}},
		{"its list is damaged", fmt.Errorf("segment 7: %w", archive.ErrDamaged), nil, func(timeline.Minute, func(snowflake.ID, []byte) error) error { return nil },
			core.ReadThrough, "", []string{"opened", "read 0", "read 1", "read 2"}},
		{"it cannot be listed", errors.New("no\nsuch bucket"), nil, nil, "unreachable", "no such bucket", nil},
		{"it may not be listed", fs.ErrPermission, nil, nil, core.Denied, "permission denied", nil},
		{"each minute fails", nil, nil, func(timeline.Minute, func(snowflake.ID, []byte) error) error { return errors.New("refused") },
			"unreachable", "refused", []string{"opened", "read 0 refused", "read 1 refused"}},
		{"each is damaged", nil, nil, func(timeline.Minute, func(snowflake.ID, []byte) error) error { return archive.ErrDamaged },
			core.ReadThrough, "", []string{"opened", "read 0 damaged", "read 1 damaged", "read 2 damaged"}},
		{"some fail", nil, nil, func(m timeline.Minute, _ func(snowflake.ID, []byte) error) error {
			return []error{errors.New("refused"), nil, errors.New("refused")}[m-first]
		}, core.ReadThrough, "", []string{"opened", "read 0 refused", "read 1", "read 2 refused"}},
		{"it may not be read", nil, nil, func(timeline.Minute, func(snowflake.ID, []byte) error) error {
			return fmt.Errorf("open: %w", fs.ErrPermission)
		},
			core.Denied, "open: permission denied", []string{"opened"}},
		{"another schema", nil, nil, func(m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			return give(good(m, 1), lineOf(t, "test", good(m, 1), 9))
		}, core.OtherSchema, "stream_label \"test\": it is another schema's", []string{"opened"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := &held{list: c.list, read: func(_ context.Context, m timeline.Minute, tweet func(snowflake.ID, []byte) error) error {
					return c.read(m, tweet)
				}}
				for m := range timeline.Minute(3) {
					if n := c.held[m]; n > 0 {
						h.minutes = append(h.minutes, archive.Summary{Minute: first + m, Tweets: n})
					}
				}
				end, events := readOf(t, h, 2, time.Minute)
				require.Equal(t, core.End{Class: c.class, Opened: c.words != nil, Detail: c.detail}, end)
				require.Equal(t, []timeline.Minute{first, first + 3}, h.asked[:2], "the minute behind them is read too")
				got := words(events)
				require.Len(t, got, len(c.words), "%v", got)
				for i, want := range c.words {
					want = strings.ReplaceAll(want, "ID", fmt.Sprint(good(events[i].Minute+1, 1)))
					require.Equal(t, want, strings.ReplaceAll(got[i], archive.ErrDamaged.Error(), "damaged"))
				}
				for _, e := range events {
					require.Equal(t, 5, e.Conn)
				}
			})
		})
	}
}

// Failures of an archive are those in a row: what is damaged is of that minute, and shows that the archive is there.
func TestFailuresInARow(t *testing.T) {
	for fails, read := range map[string]int{"ff.ff.ff": 8, "fffff": 3, ".fff.": 4, "ffdffd": 6, "ffd.fff.": 7, "dddddd": 6} {
		bubble(t, func(t *testing.T) {
			h := &held{read: func(_ context.Context, m timeline.Minute, _ func(snowflake.ID, []byte) error) error {
				return map[byte]error{'f': errors.New("refused"), 'd': archive.ErrDamaged}[fails[m-first]]
			}}
			end, _ := readOf(t, h, timeline.Minute(len(fails)-1), time.Minute)
			require.Len(t, h.asked[2:], read, fails)
			require.Equal(t, read == len(fails), end.Class == core.ReadThrough, fails)
		})
	}
}

// Tweets come in batches of bounded size, in order, and none is left.
func TestAReadingInBatches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n, size = 500, 1000
		h := &held{minutes: []archive.Summary{{Minute: first, Tweets: n}}}
		h.read = func(_ context.Context, m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			for i := range n {
				if m == first {
					require.NoError(t, give(idIn(m, i), lineOf(t, "prod", idIn(m, i), size)))
				}
			}
			return nil
		}
		end, events := readOf(t, h, 1, time.Minute)
		require.Equal(t, core.ReadThrough, end.Class)
		var ids []snowflake.ID
		batches := 0
		for _, e := range events {
			if e.Kind != core.Received {
				continue
			}
			batches++
			require.LessOrEqual(t, e.Batch.Bytes, 64<<10+2*size)
			for _, f := range e.Batch.Frames {
				ids = append(ids, f.ID)
				require.Equal(t, string(lineOf(t, "prod", f.ID, size)), string(f.Data))
			}
		}
		require.Greater(t, batches, 5)
		require.Len(t, ids, n)
		for i, id := range ids {
			require.Equal(t, idIn(first, i), id)
		}
	})
}

// An archive that brings nothing for its timeout is slow. While the engine takes nothing it is not; nor where it brings a little now
// and then.
func TestASlowArchive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ timeline.Minute, _ func(snowflake.ID, []byte) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		end, events := readOf(t, &held{read: hang}, 2, 30*time.Second)
		require.Equal(t, core.End{Class: "timeout", Opened: true, Detail: errSlow.Error()}, end)
		require.Equal(t, []string{"opened"}, words(events))
		require.Equal(t, 30*time.Second, time.Since(began))

		steady := func(_ context.Context, m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			for i := range 200 {
				time.Sleep(time.Second)
				if err := give(idIn(m, i), lineOf(t, "prod", idIn(m, i), 10_000)); err != nil {
					return err
				}
			}
			return nil
		}
		end, _ = readOf(t, &held{read: steady}, 1, 30*time.Second)
		require.Equal(t, core.ReadThrough, end.Class, "each batch is a sign of life")

		to := make(chan message) // nobody takes for a while
		re := readingOf(t, &held{read: func(context.Context, timeline.Minute, func(snowflake.ID, []byte) error) error { return nil }}, to, 30*time.Second)
		re.opened = true
		done := make(chan error, 1)
		var wg sync.WaitGroup
		wg.Go(func() { done <- re.minutes(refill.Request{From: first, To: first + 1}) })
		<-to // opened
		for range 2 {
			time.Sleep(time.Hour)
			require.Equal(t, core.Read, (<-to).Kind)
		}
		require.NoError(t, <-done)
		require.NoError(t, context.Cause(re.ctx))
	})
}

// Who is told to stop stops at the next Tweet, also in a source that heeds no context.
func TestAReadingIsStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &held{}
		given := 0
		var re *reading
		h.read = func(_ context.Context, m timeline.Minute, give func(snowflake.ID, []byte) error) error {
			for i := 0; ; i++ {
				if i == 3 {
					re.cancel(stream.Closed("stop"))
				}
				if err := give(idIn(m, i), lineOf(t, "prod", idIn(m, i), 9)); err != nil {
					return err
				}
				given++
			}
		}
		re = readingOf(t, h, make(chan message, 10), time.Minute)
		end := re.ending(re.minutes(refill.Request{From: first, To: first + 1}))
		require.Equal(t, "stop", end.Class)
		require.Equal(t, 3, given)
	})
}

// An archive is read by one at a time, also where the one was left behind.
func TestAnArchiveThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(mute)
		free := make(chan struct{})
		var reads atomic.Int32
		src := &held{read: func(context.Context, timeline.Minute, func(snowflake.ID, []byte) error) error {
			reads.Add(1)
			<-free
			return nil
		}}
		h.Core.Archives = []refill.Copy{{Name: "other", Horizon: time.Hour}}
		h.Archives = []Archive{{Source: src, Schema: schemaOf(t, "prod"), Timeout: time.Minute}}
		r := h.begun(t)
		ask := core.Ask{Conn: len(r.names), Archive: 0, Query: refill.Request{From: first, To: first + 1}}
		ends := func() core.End {
			for {
				if m := <-r.requests; m.Kind == core.Ended {
					return m.End
				}
			}
		}
		r.request(ask)
		require.Equal(t, core.End{Class: "timeout", Opened: true, Detail: "it did not end when it was told to, and is left behind"}, ends())
		r.request(ask)
		require.Equal(t, core.End{Class: "unreachable", Detail: errHangs.Error()}, ends())
		require.EqualValues(t, 1, reads.Load())
		close(free)
		time.Sleep(time.Second)
		r.request(ask)
		require.Equal(t, core.ReadThrough, ends().Class)
		require.EqualValues(t, 4, reads.Load(), "two of the first, whose second found its time over, and two of the last")
		require.Equal(t, 3, r.up)
	})
}

func TestOneLine(t *testing.T) {
	require.Empty(t, oneLine(nil))
	require.Equal(t, "a b c", oneLine(errors.New(" a\n\tb  c\r\n")))
}
