package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A Tweet that waits for half a minute says that something stands still, and the delivery says who does.
func TestBacklog(t *testing.T) {
	var q inflight.Queue
	b := NewBacklog(&q)
	b.Look(start)
	require.False(t, b.Stuck(start.Add(time.Hour)), "nothing waits")
	q.Push(inflight.Tweet{ID: snowflake.First(start.UnixMilli())})
	b.Look(start)
	b.Look(start.Add(20 * time.Second))
	require.False(t, b.Stuck(start.Add(stuckLong-1)))
	require.True(t, b.Stuck(start.Add(stuckLong)))

	us, delivery := b.Alarms(start.Add(stuckLong), false)
	require.True(t, us.Active)
	require.False(t, delivery.Active)
	us, delivery = b.Alarms(start.Add(stuckLong), true)
	require.False(t, us.Active)
	require.True(t, delivery.Active)

	q.Wrote(1, start, start.UnixNano())
	require.False(t, b.Stuck(start.Add(time.Hour)), "it was written")
}

func TestDeliveryHoldsUpWhatWaits(t *testing.T) {
	var q inflight.Queue
	b := NewBacklog(&q)
	for range 10 {
		q.Push(inflight.Tweet{ID: 1})
	}
	for _, k := range []struct {
		road                       Road
		acknowledged, held, either bool
	}{
		{Road{Undelivered: 10}, false, true, true},
		{Road{Undelivered: 9}, false, false, true},
		{Road{Undelivered: 19, Spooled: 10}, false, false, true},
		{Road{}, false, false, false},
	} {
		b.Delivers(k.road, false)
		require.Equal(t, k.held, b.Held(), k.road)
		b.Delivers(k.road, true)
		require.Equal(t, k.either, b.Held(), "where they acknowledge: %v", k.road)
	}
}

// A minute is judged once, not when it is old, and none of the time in which nobody listened.
func TestWhichMinutesAreJudged(t *testing.T) {
	now := timeline.MinuteOf(start.UnixMilli())
	v := NewVolumes([]int{1}, 2, 0)
	v.Begin(nil, now)
	require.False(t, v.Wants(now, now), "nobody listened")
	require.True(t, v.Wants(now+1, now+2))
	require.False(t, v.Wants(now+1, now+2+judgedOld))
	v.Closing(now+1, 0, 1, volume.Part{Unique: 5, Emitted: 5})
	require.Equal(t, []timeline.Minute{now + 1}, v.Closed())
	v.Judge(now+1, []int64{timeline.MinuteMilli})
	v.Judged()
	require.Empty(t, v.Closed())
	require.NotNil(t, v.Grade(0, now+1))
	require.NotNil(t, v.GradeOfAll(now+1))
	require.Nil(t, v.Grade(0, now+2))
	require.False(t, v.Wants(now+1, now+2), "it was judged")
	require.False(t, v.Wants(now-20, now-19), "a guess was ahead")
	require.True(t, v.Wants(now-18, now-17))
	require.False(t, NewVolumes([]int{1}, 0, 0).Wants(now, now), "nobody judges")
}

func TestRemember(t *testing.T) {
	v := NewVolumes([]int{1}, 0, 0)
	m := timeline.MinuteOf(start.UnixMilli())
	require.False(t, v.Remember(1, m, ledger.Unknown))
	require.True(t, v.Remember(1, m, 7))
	require.False(t, v.Remember(1, m, 8), "it was in")
	require.False(t, v.Remember(1, m, ledger.Unknown))
	require.EqualValues(t, ledger.Unknown, v.History.Unique(1, m))
}

// What changed is told once, what lasts at each poll.
func TestAlarmsAreToldOnce(t *testing.T) {
	var a Alarms
	a.Add(StateFails(true), 5)
	all := a.Points("l", nil, 9)
	require.Len(t, all, 1)
	require.EqualValues(t, 5, all[0].Time)
	require.Equal(t, []point.Tag{{Key: "stream_label", Value: "l"}, {Key: "kind", Value: "state"}, {Key: "partition", Value: "all"}}, all[0].Tags)
	all = a.Points("l", []volume.Alarm{StateFails(true)}, 9)
	require.Len(t, all, 1)
	require.EqualValues(t, 9, all[0].Time)
}

func TestDarkConnections(t *testing.T) {
	a := DarkConnections(3, 2, []Quiet{{0, darkLong - 1, "reset"}})
	require.False(t, a.Active)
	a = DarkConnections(3, 2, []Quiet{{0, darkLong, "reset"}, {1, time.Second, "dial"}})
	require.True(t, a.Active)
	require.Equal(t, volume.Warning, a.Severity)
	require.Equal(t, "partition 3: no Tweet for 10m0s or more over connection 0 (reset); it has 2 in all", a.Message)
	a = DarkConnections(3, 2, []Quiet{{0, darkLong, "reset"}, {1, darkLong + 1, "dial"}})
	require.Equal(t, volume.Critical, a.Severity)
	require.Equal(t, 1, a.Connection)
}

// A book that does not balance is a fault of ours, and is not told.
func TestMinuteThatDoesNotBalance(t *testing.T) {
	v := Volume{Minute: Minute{Row: ledger.Row{Received: 1}}}
	require.Panics(t, func() { v.Point("l") })
}
