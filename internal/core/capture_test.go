package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Who brought a Tweet is noted in the set of ids and in the histories of its minute alike, also where the copy is damaged and
// where the Tweet was lost behind us.
func TestHistoriesFollowTheWitnesses(t *testing.T) {
	s := &script{t: t}
	s.config(Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 3, ConnectLimit: 10, ConnectPeriod: time.Minute,
		DedupWindow: time.Hour, Interval: 10 * time.Second, Recovery: refill.Rules{Horizon: time.Hour}})
	s.live()
	s.do("accept")
	s.do("+2s")
	s.do("accept")
	s.do("+2s")
	s.do("accept")
	require.Len(t, s.open, 3)
	id := snowflake.First(s.now.UnixMilli())
	sound := fmt.Appendf(nil, `{"id":%d,"text":"x","user":{"id":1}}`, id)
	bring := func(c int, data []byte) {
		s.deliver(c, []wire.Frame{{Kind: wire.Record, ID: id, Data: data}})
	}
	r := s.core.partitions[0].book.Row(timeline.MinuteOf(id.Milli()))
	bring(0, sound[:20])
	require.Equal(t, make([]int64, 8), r.Histories, "nothing whole came")
	bring(0, sound)
	require.EqualValues(t, 1, r.Histories[0b001])
	s.core.seen.Unsee(id) // Telegraf dropped it
	delete(s.ids, id)
	bring(1, sound[:20])
	require.EqualValues(t, 1, r.Histories[0b011], "a damaged copy of what came whole")
	bring(2, sound)
	bring(2, sound)
	require.Equal(t, []int64{0, 0, 0, 0, 0, 0, 0, 1}, r.Histories)
	require.EqualValues(t, 2, s.core.partitions[0].conns[0].counters.First+s.core.partitions[0].conns[2].counters.First)
}
