package pubsub

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/inputs/cloud_pubsub_push"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

var _ delivery.Courier = (*Courier)(nil)

func TestAcceptedComesBackWhole(t *testing.T) {
	t.Parallel()
	texts := []string{"plain", "two\nlines", "x\"\nfake,a=b c=1 1\n", `ends with \`, "a\r\n\tb", "nul\x00", strings.Repeat("é\n", 50_000)}
	var mu sync.Mutex
	var got []string
	l := listen(t, func(m telegraf.Metric) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := m.GetField("text")
		got = append(got, m.Name()+": "+text.(string))
		m.Accept()
	}, nil)
	accepted(t, courier(t, l.url()), batch(t, texts...))
	mu.Lock()
	defer mu.Unlock()
	for i := range texts {
		texts[i] = "decahose_tweet: " + texts[i]
	}
	require.Equal(t, texts, got)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) { p.MaxUndeliveredMessages = 8 })
	c := courier(t, l.url())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				v, err := c.Deliver(context.Background(), many(t, 500))
				if v != delivery.Accepted || err != nil {
					t.Errorf("verdict %d: %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestRejectedByAnOutput(t *testing.T) {
	t.Parallel()
	n := 0
	l := listen(t, func(m telegraf.Metric) {
		if n++; n == 2 {
			m.Reject()
			return
		}
		m.Accept()
	}, nil)
	c := courier(t, l.url())
	later(t, c, batch(t, "a", "b", "c"), "(500)", "dropped or rejected", "metric_buffer_limit")
	accepted(t, c, batch(t, "a", "b", "c"))
}

// Outputs that hang take slots with each new try; then there is none. The two are told apart, and the second is said
// once, until slots are free again.
func TestOutputsHangUntilSlotsRunOut(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var kept []telegraf.Metric
	l := listen(t, func(m telegraf.Metric) {
		mu.Lock()
		defer mu.Unlock()
		if kept = append(kept, m); len(kept) > 2 {
			m.Accept()
		}
	}, func(p *cloud_pubsub_push.PubSubPush) {
		p.WriteTimeout, p.MaxUndeliveredMessages = config.Duration(time.Second), 2
	})
	c, said := courier(t, l.url()), []string{}
	c.say = func(level byte, text string) { said = append(said, string(level)+" "+text) }
	for range 2 {
		later(t, c, batch(t, "a"), "(503)", "write_timeout", "outputs are slow or fail")
	}
	require.Empty(t, said)
	for range 2 {
		later(t, c, many(t, 500), "(503)", "no slot free", "max_undelivered_messages", "restart Telegraf")
	}
	require.Len(t, said, 1)
	require.Contains(t, said[0], "E http://"+l.address+"/decahose has no slot free")

	mu.Lock()
	for _, m := range kept {
		m.Accept()
	}
	mu.Unlock()
	accepted(t, c, batch(t, "a"))
	require.Len(t, said, 2)
	require.Equal(t, "I http://"+l.address+"/decahose takes batches again", said[1])
}

// This is why lines are validated before they are sent.
func TestEvery4xxTakesASlotForEver(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) {
		p.WriteTimeout, p.MaxUndeliveredMessages = config.Duration(time.Second), 2
	})
	require.Equal(t, http.StatusBadRequest, raw(t, l, `{"message":{"data":"bm8gbGluZQ=="}}`))
	c := courier(t, l.url())
	accepted(t, c, batch(t, "a"))
	require.Equal(t, http.StatusBadRequest, raw(t, l, `{"mess`))
	later(t, c, batch(t, "a"), "no slot free", "4xx")
	plainly(t, c.Check(context.Background()), "no slot free", "4xx")
}

func TestWhatTelegrafCouldNotReadIsNotSent(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) { p.MaxUndeliveredMessages = 1 })
	c := courier(t, l.url())
	for name, spoil := range map[string]func(*delivery.Batch){
		"no Tweet":             func(b *delivery.Batch) { *b = delivery.Batch{} },
		"lines without Tweets": func(b *delivery.Batch) { b.Tweets = nil },
		"cut":                  func(b *delivery.Batch) { b.Lines = b.Lines[:len(b.Lines)-1] },
		"more lines":           func(b *delivery.Batch) { b.Lines = append(b.Lines, "more v=1 1\n"...) },
		"ends not in order":    func(b *delivery.Batch) { b.Tweets[0].End = b.Tweets[1].End },
		"end before begin":     func(b *delivery.Batch) { b.Tweets[0].End = -1 },
		"no newline":           func(b *delivery.Batch) { b.Lines[len(b.Lines)-1] = ' ' },
		"other line":           func(b *delivery.Batch) { copy(b.Lines, "dekahose") },
		"zeros":                func(b *delivery.Batch) { copy(b.Lines[100:], make([]byte, 50)) },
	} {
		b := batch(t, "a", "b")
		spoil(b)
		v, err := c.Deliver(context.Background(), b)
		require.Equal(t, delivery.Refused, v, name)
		plainly(t, err)
	}
	accepted(t, c, batch(t, "a"))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var got telegraf.Metric
	l := listen(t, func(m telegraf.Metric) {
		got = m
		m.Accept()
	}, nil)
	require.NoError(t, courier(t, l.url()).Check(context.Background()))
	require.Equal(t, "decahose_check", got.Name())
	require.Equal(t, map[string]any{"ok": true, "text": "two\nlines"}, got.Fields())
	require.WithinDuration(t, time.Now(), got.Time(), patience)
	require.Empty(t, got.Tags())
}

func TestCheckOfRejectingOutputs(t *testing.T) {
	t.Parallel()
	l := listen(t, func(m telegraf.Metric) { m.Reject() }, nil)
	plainly(t, courier(t, l.url()).Check(context.Background()), "(500)", "Telegraf's log")
}

func TestCheckOfHangingOutputs(t *testing.T) {
	t.Parallel()
	l := listen(t, hang, func(p *cloud_pubsub_push.PubSubPush) { p.WriteTimeout = config.Duration(time.Second) })
	plainly(t, courier(t, l.url()).Check(context.Background()), "(503)", "outputs are slow")
}

// jsonOnly reads as data_format = "json" does.
type jsonOnly struct{ telegraf.Parser }

func (jsonOnly) Parse(b []byte) ([]telegraf.Metric, error) {
	if len(b) == 0 {
		return nil, nil
	}
	return nil, errors.New("invalid character 'd'")
}

// A wrong data_format must not put every Tweet in quarantine.
func TestAnotherDataFormatIsNobodysFault(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, nil)
	c, proper := courier(t, l.url()), l.plugin.Parser
	l.plugin.SetParser(jsonOnly{})
	later(t, c, batch(t, "a"), "(400)", `data_format = "influx"`)
	plainly(t, c.Check(context.Background()), "(400)", `data_format = "influx"`)

	l.plugin.SetParser(onlyChecks{proper})
	for range 2 {
		v, err := c.Deliver(context.Background(), batch(t, "a"))
		require.Equal(t, delivery.Refused, v)
		plainly(t, err, "(400)", "some line")
	}
}

// onlyChecks takes the check's point, and no Tweet.
type onlyChecks struct{ telegraf.Parser }

func (p onlyChecks) Parse(b []byte) ([]telegraf.Metric, error) {
	if strings.HasPrefix(string(b), "decahose_tweet") {
		return nil, errors.New("metric parse error")
	}
	return p.Parser.Parse(b)
}

func TestAProofHoldsForAMinute(t *testing.T) {
	t.Parallel()
	checks := make(chan telegraf.Metric, 10)
	l := listen(t, func(m telegraf.Metric) {
		checks <- m
		m.Accept()
	}, nil)
	l.plugin.SetParser(onlyChecks{l.plugin.Parser})
	c, now := courier(t, l.url()), time.Now()
	c.now = func() time.Time { return now }
	for _, after := range []time.Duration{0, 59 * time.Second, 2 * time.Second} {
		now = now.Add(after)
		v, _ := c.Deliver(context.Background(), batch(t, "a"))
		require.Equal(t, delivery.Refused, v)
	}
	require.Len(t, checks, 2)
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) { p.MaxBodySize = 1000 })
	c := courier(t, l.url())
	v, err := c.Deliver(context.Background(), many(t, 500))
	require.Equal(t, delivery.Refused, v)
	plainly(t, err, "(413)", "max_body_size")
	accepted(t, c, batch(t, "a"))
}

// A request that waits for a slot longer than read_timeout gets 413 or 503 when it has one, and takes the slot for
// ever. No Tweet is at fault.
func TestReadTimeoutIsNobodysFault(t *testing.T) {
	t.Parallel()
	release := make(chan telegraf.Metric, 1)
	l := listen(t, func(m telegraf.Metric) { release <- m }, func(p *cloud_pubsub_push.PubSubPush) {
		p.ReadTimeout, p.MaxUndeliveredMessages = config.Duration(time.Second), 1
	})
	c := courier(t, l.url())
	var wg sync.WaitGroup
	wg.Go(func() {
		v, err := c.Deliver(context.Background(), batch(t, "a"))
		if v != delivery.Accepted { // its body was read in time
			t.Errorf("verdict %d: %v", v, err)
		}
	})
	first := <-release
	timer := time.AfterFunc(2*time.Second, first.Accept)
	defer timer.Stop()
	later(t, c, many(t, 500), "read_timeout", "write_timeout")
	wg.Wait()
}

// While there is no slot, nothing is sent that would take one for ever when we stop waiting for it.
func TestWaitingForASlotTakesNone(t *testing.T) {
	t.Parallel()
	held := make(chan telegraf.Metric, 100)
	var busy atomic.Bool
	busy.Store(true)
	l := listen(t, func(m telegraf.Metric) {
		if busy.Load() {
			held <- m
			return
		}
		m.Accept()
	}, func(p *cloud_pubsub_push.PubSubPush) {
		p.WriteTimeout, p.MaxUndeliveredMessages = config.Duration(time.Second), 1
	})
	c := courier(t, l.url())
	later(t, c, batch(t, "a"), "outputs are slow")
	later(t, c, many(t, 500), "no slot free")
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		v, err := c.Deliver(ctx, many(t, 500))
		cancel()
		require.Equal(t, delivery.Later, v)
		plainly(t, err, "was given up")
	}
	busy.Store(false)
	(<-held).Accept()
	accepted(t, c, many(t, 500))
}
