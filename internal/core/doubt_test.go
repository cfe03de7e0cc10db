package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// A Tweet with bytes that are not UTF-8 waits for a better copy, is taken when X sends it broken on
// every connection, and at once when no other connection could bring it.
func TestDoubtfulTweet(t *testing.T) {
	m := newMonkey(t)
	open := func(c int) { m.state[c] = 2; m.step(Event{Kind: Opened, Conn: c}) }
	id := func(k int) snowflake.ID { return snowflake.First(m.now.UnixMilli()) + snowflake.ID(k) }
	deliver := func(c, k int, text string) []string {
		var texts []string
		m.ready.reset()
		b := &wire.Batch{Frames: []wire.Frame{{Kind: wire.Record, ID: id(k), Data: fmt.Appendf(nil, `{"id":%d,"text":"%s"}`, id(k), text)}}}
		m.core.Step(m.now, Event{Kind: Received, Conn: c, Batch: b}, &m.ready)
		checkInvariants(t, m.core)
		for i := range m.ready.Tweets {
			texts = append(texts, string(m.ready.Tweets[i].Text))
		}
		return texts
	}
	open(0)
	require.Equal(t, []string{"a\ufffd"}, deliver(0, 0, "a\xff"), "the only connection: taken, repaired")
	m.step(Event{Kind: Tick})
	m.now = m.now.Add(2 * time.Second)
	m.step(Event{Kind: Tick})
	open(2) // the other connection to the same partition
	require.Equal(t, []string{"x"}, deliver(2, 1, "x"))
	require.Empty(t, deliver(0, 2, "b\xff"), "a better copy may come")
	require.Equal(t, []string{"b!"}, deliver(2, 2, "b!"))
	require.Empty(t, deliver(0, 3, "c\xff"))
	require.Empty(t, deliver(0, 3, "c\xff"), "the same connection again proves nothing")
	require.Equal(t, []string{"c\ufffd"}, deliver(2, 3, "c\xff"), "X sends it so")
}
