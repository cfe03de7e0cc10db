package decahose

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/telegraf/selfstat"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// trackedRig is a courier, the agent's side of it, and what its deliveries came to.
type trackedRig struct {
	t       *testing.T
	courier *tracked
	in      chan telegraf.Metric // the agent's
	schema  *encode.Schema
	wg      sync.WaitGroup
	results chan result
	next    snowflake.ID
}

type result struct {
	verdict delivery.Verdict
	err     error
}

func newTrackedRig(t *testing.T, slots, agentRoom int) *trackedRig {
	t.Helper()
	schema, err := encode.NewSchema("prod", nil, nil, encode.Keep)
	require.NoError(t, err)
	r := &trackedRig{t: t, in: make(chan telegraf.Metric, agentRoom), schema: schema, results: make(chan result, 100),
		next: snowflake.First(1767225600000)}
	ri := models.NewRunningInput(newDecahose(), &models.InputConfig{Name: "decahose", LogLevel: "error"})
	r.courier = newTracked(agent.NewAccumulator(ri, r.in), schema, slots)
	r.courier.rejected = selfstat.Register("decahose", "metrics_rejected", map[string]string{"test": t.Name()})
	return r
}

// batch of n Tweets, whose text has everything that line protocol escapes.
func (r *trackedRig) batch(n int, attach bool) *delivery.Batch {
	b := &delivery.Batch{}
	for range n {
		t := &tweet.Tweet{ID: r.next, Text: []byte("two\nlines, a \"quote\", a \\ and\r\nfake,a=b c=1i 5\n"), UserScreenName: []byte("a b=c,d"), UserVerified: true}
		r.next++
		b.Lines = encode.AppendTweet(b.Lines, t, r.schema)
		b.Tweets = append(b.Tweets, spool.Tweet{Sent: ledger.Sent{ID: t.ID, Partition: 1}, End: len(b.Lines)})
		if attach {
			r.courier.Attach(b, t)
		}
	}
	return b
}

func (r *trackedRig) deliver(ctx context.Context, b *delivery.Batch) {
	r.wg.Go(func() {
		v, err := r.courier.Deliver(ctx, b)
		r.results <- result{v, err}
	})
}

// take gives n metrics their fate, as an output would.
func (r *trackedRig) take(n int, fate func(telegraf.Metric)) {
	for range n {
		fate(<-r.in)
	}
}

func (r *trackedRig) end() {
	r.courier.stop()
	r.wg.Wait()
	<-r.courier.ended
}

func TestTrackedDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		fate func(telegraf.Metric)
		want delivery.Verdict
		err  error
		stat int64
	}{
		"written":              {telegraf.Metric.Accept, delivery.Accepted, nil, 0},
		"filtered":             {telegraf.Metric.Drop, delivery.Accepted, nil, 0},
		"refused, or no room:": {telegraf.Metric.Reject, delivery.Later, errRejected, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTrackedRig(t, 1, 10)
				r.deliver(t.Context(), r.batch(3, true))
				synctest.Wait()
				require.Empty(t, r.results)
				r.take(2, telegraf.Metric.Accept)
				synctest.Wait()
				require.Empty(t, r.results) // the group is not through
				r.take(1, test.fate)
				require.Equal(t, result{test.want, test.err}, <-r.results)
				require.Equal(t, test.stat, r.courier.rejected.Get())
				r.end()
			})
		})
	}
}

// What the outputs get is the same, whether it was attached or read from the spool.
func TestTrackedReadsLines(t *testing.T) {
	r := newTrackedRig(t, 2, 10)
	attached := r.batch(3, true)
	spooled := &delivery.Batch{Lines: slices.Clone(attached.Lines), Tweets: slices.Clone(attached.Tweets)}
	views := func(b *delivery.Batch) (all []string) {
		r.deliver(t.Context(), b)
		for range len(b.Tweets) {
			m := <-r.in
			all = append(all, fmt.Sprintf("%s %v %v %d", m.Name(), m.Tags(), m.Fields(), m.Time().UnixNano()))
			m.Accept()
		}
		require.Equal(t, result{delivery.Accepted, nil}, <-r.results)
		require.Nil(t, b.Attached)
		return all
	}
	want := views(attached)
	require.Contains(t, want[0], "fake,a=b c=1i 5")
	require.Equal(t, want, views(spooled))
	require.Equal(t, want, views(attached)) // sent again
	r.end()
}

func TestTrackedRefusesWhatIsNoLine(t *testing.T) {
	r := newTrackedRig(t, 1, 10)
	for _, lines := range []string{"secret text\n", "a b=1i 5\na b=1i 6\n", ""} {
		b := r.batch(1, false)
		b.Lines = []byte(lines)
		v, err := r.courier.Deliver(t.Context(), b)
		require.Equal(t, delivery.Refused, v)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "\n")
	}
	r.end()
}

// However slow the outputs are, there are no more groups on their way than slots, and Telegraf's channel of deliveries
// never overflows: it would panic.
func TestTrackedSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrackedRig(t, 2, 100)
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			r.deliver(ctx, r.batch(10, true))
		}
		synctest.Wait()
		require.Len(t, r.in, 20)
		r.take(20, telegraf.Metric.Accept)
		require.Equal(t, delivery.Accepted, (<-r.results).verdict)
		require.Equal(t, delivery.Accepted, (<-r.results).verdict)
		synctest.Wait()
		require.Len(t, r.in, 20)
		cancel() // gives up two that are on their way, and one that waits
		for range 3 {
			require.Equal(t, delivery.Later, (<-r.results).verdict)
		}
		short, stop := context.WithCancel(t.Context())
		r.deliver(short, r.batch(1, true))
		synctest.Wait()
		require.Len(t, r.in, 20) // their slots are theirs until their fate is known
		stop()
		require.Equal(t, result{delivery.Later, errStopped}, <-r.results)
		r.take(20, telegraf.Metric.Reject)
		r.end()
	})
}

// Outputs are flushed after inputs are stopped: what they deliver then is told late, before the state is asked for.
func TestTrackedTellsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrackedRig(t, 4, 100)
		var late []spool.Tweet
		r.courier.late = func(b *delivery.Batch) { late = append(late, b.Tweets...) }
		d := &Decahose{tracked: r.courier}
		ctx, cancel := context.WithCancel(t.Context())
		for _, n := range []int{2, 3, 1} {
			r.deliver(ctx, r.batch(n, true))
			synctest.Wait()
		}
		cancel()
		r.wg.Wait()
		r.courier.stop()
		r.courier.stop()
		require.Equal(t, result{delivery.Later, errUntold}, <-r.results)
		v, err := r.courier.Deliver(t.Context(), r.batch(1, true))
		require.Equal(t, result{delivery.Later, errStopped}, result{v, err}) // the agent's channel may be closed by now
		r.take(2, telegraf.Metric.Accept)
		require.NotNil(t, d.GetState())
		require.Len(t, late, 2)
		require.Equal(t, ledger.Sent{ID: snowflake.First(1767225600000), Partition: 1}, late[0].Sent)
		r.take(3, telegraf.Metric.Reject)
		d.GetState()
		require.Len(t, late, 2)
		require.EqualValues(t, 3, r.courier.rejected.Get())
		r.take(1, telegraf.Metric.Accept)
		<-r.courier.ended
		require.Len(t, late, 3)
		require.NotNil(t, d.GetState())
		require.NoError(t, d.SetState(nil))
	})
}

// Fates that come while the group is still being added find it, and many groups at once get their own.
func TestTrackedUnderLoad(t *testing.T) {
	r := newTrackedRig(t, 8, 0)
	var agent sync.WaitGroup
	agent.Go(func() {
		for m := range r.in {
			if id, _ := m.GetField("id"); id.(int64)%7 == 0 {
				m.Reject()
				continue
			}
			m.Accept()
		}
	})
	for range 8 {
		batches := make([]*delivery.Batch, 100)
		for i := range batches {
			batches[i] = r.batch(1+i%4, i%2 == 0)
		}
		r.wg.Go(func() {
			for _, b := range batches {
				want := delivery.Accepted
				for _, s := range b.Tweets {
					if s.ID%7 == 0 {
						want = delivery.Later
					}
				}
				if v, err := r.courier.Deliver(t.Context(), b); v != want {
					t.Errorf("%v, want %v: %v", v, want, err)
				}
			}
		})
	}
	r.wg.Wait()
	close(r.in)
	agent.Wait()
	require.Zero(t, r.courier.underWay())
	require.Empty(t, r.courier.groups)
	require.Empty(t, r.courier.early)
	r.end()
}

func TestID(t *testing.T) {
	d := valid()
	require.Equal(t, "decahose_an%20account_sample10_prod%2F1", d.ID())
	d.RecordLimit++
	require.Equal(t, valid().ID(), d.ID())
	d.Stream = "firehose"
	require.NotEqual(t, valid().ID(), d.ID())
	require.NotNil(t, d.GetState()) // right after Init
	require.Empty(t, strings.Trim(d.ID(), "abcdefghijklmnopqrstuvwxyz0123456789%_F"))
	var _ telegraf.StatefulPlugin = d
	var _ telegraf.PluginWithID = d
}
