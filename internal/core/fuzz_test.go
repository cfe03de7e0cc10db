package core

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// FuzzStep lets arbitrary events, that an engine could send, happen in any order: the book must balance
// and the budget hold after each.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40, 41, 42, 43, 90, 91, 92, 200, 201, 202})
	f.Add([]byte("10002812002200%2%00")) // a redundant connection that lagged was relied on
	f.Add([]byte("connect, deliver, end; connect, deliver, end; and again, and again, until it holds"))
	f.Fuzz(func(t *testing.T, program []byte) {
		m := newMonkey(t)
		for len(program) >= 2 {
			m.act(program[0], program[1])
			program = program[2:]
		}
		m.step(Event{Kind: Stop})
		m.step(Event{Kind: Final})
		require.Empty(t, m.ready.Connect, "connects after the stop")
	})
}

// monkey is an engine that does as it is told, by a world without sense.
type monkey struct {
	t     *testing.T
	core  *Core
	ready Ready
	now   time.Time
	state []int // per connection: 0 down, 1 dialing, 2 open
	seen  map[snowflake.ID]bool
}

func newMonkey(t *testing.T) *monkey {
	m := &monkey{t: t, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), seen: map[snowflake.ID]bool{}}
	m.core = New(Config{StreamLabel: "x", Partitions: []int{1, 2}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute,
		ConnectTimeout: 10 * time.Second, DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Recovery: refill.Rules{Horizon: 120 * time.Hour}, Interval: 10 * time.Second, Seed: 7})
	m.state = make([]int, len(m.core.Conns()))
	m.step(Event{Kind: Tick})
	return m
}

var monkeyEnds = []End{
	{Class: "eof"}, {Class: "reset"}, {Class: "heartbeat"}, {Class: "connect"}, {Class: "http_401", Status: 401},
	{Class: "http_403", Status: 403}, {Class: "http_429", Status: 429}, {Class: "http_503", Status: 503}, {Class: "silence"},
}

func (m *monkey) act(what, how byte) {
	c := int(how) % len(m.state)
	switch what % 8 {
	case 0:
		m.now = m.now.Add(time.Duration(how) * time.Second)
		m.step(Event{Kind: Tick})
	case 1:
		if m.state[c] == 1 {
			m.state[c] = 2
			m.step(Event{Kind: Opened, Conn: c})
		}
	case 2, 3, 4:
		if m.state[c] == 2 {
			m.step(Event{Kind: Received, Conn: c, Batch: m.batch(c, what, how)})
		}
	case 5:
		if m.state[c] == 2 {
			m.step(Event{Kind: Silent, Conn: c})
		}
	case 6:
		if m.state[c] > 0 {
			end := monkeyEnds[int(how)/len(m.state)%len(monkeyEnds)]
			if end.Opened = m.state[c] == 2; end.Opened {
				end.Status = 200
			}
			m.state[c] = 0
			m.step(Event{Kind: Ended, Conn: c, End: end})
		}
	default:
		m.step(Event{Kind: Poll, Full: how%3 == 0})
	}
}

// batch holds Tweets around now or far from it, copies, and what is no Tweet.
func (m *monkey) batch(c int, what, how byte) *wire.Batch {
	at := m.now
	switch how % 7 {
	case 5:
		at = at.Add(-time.Duration(how) * time.Minute)
	case 6:
		at = at.Add(time.Duration(how) * 10 * time.Minute)
	}
	b := &wire.Batch{Bytes: 100, Heartbeats: 1}
	for k := range int(what)/8 + 1 {
		id := snowflake.First(at.UnixMilli()) + snowflake.ID(k) + snowflake.ID(m.core.Conns()[c].Partition)<<12
		record := []byte(`{"id_str":"` + strconv.FormatInt(int64(id), 10) + `","text":"x"}`)
		if how%11 == 10 {
			record = record[:len(record)-3]
		}
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Record, ID: id, Data: record})
	}
	b.Frames = append(b.Frames, wire.Frame{Kind: wire.Malformed, Data: []byte("{")})
	if how%13 == 0 {
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Notice, Data: []byte(`{"error":{"message":"Forced Disconnect: Too many connections."}}`)})
	}
	return b
}

func (m *monkey) step(ev Event) {
	m.core.Step(m.now, ev, &m.ready)
	checkInvariants(m.t, m.core)
	for i := range m.ready.Tweets {
		id := m.ready.Tweets[i].ID
		if m.seen[id] && m.core.seen.Size().IDs > 0 {
			require.Greater(m.t, m.now.Sub(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)), time.Hour, "id %d emitted twice within the window", id)
		}
		m.seen[id] = true
	}
	for _, k := range m.ready.Close {
		require.Positive(m.t, m.state[k.Conn], "close of a connection that is down")
		if k.Leave {
			m.state[k.Conn] = 0
		}
	}
	for _, k := range m.ready.Connect {
		require.Zero(m.t, m.state[k.Conn], "connect of a connection that is up")
		require.LessOrEqual(m.t, k.Backfill, 5)
		m.state[k.Conn] = 1
	}
	require.False(m.t, m.ready.Wake.Before(m.now), "wake in the past")
	if n := len(m.ready.From); n > 0 {
		m.step(Event{Kind: Written, Tweets: int64(n)})
	}
}
