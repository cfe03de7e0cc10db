package report

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// stuckLong is how long a Tweet may wait to be written out before the sink counts as standing still: then
// connections are not read either, which is not their fault.
const stuckLong = 30 * time.Second

// Backlog is what is known of Tweets that wait to be written out.
type Backlog struct {
	tweets *inflight.Queue // its owner's; read only
	mark   uint64          // the last Tweet of those looked at, until it is written out
	markAt time.Time       // since when
	held   bool            // what waits to be written out waits for the outputs, as the delivery last said
}

// NewBacklog watches the Tweets in flight.
func NewBacklog(tweets *inflight.Queue) Backlog { return Backlog{tweets: tweets} }

// Look notes since when Tweets wait.
func (b *Backlog) Look(now time.Time) {
	if b.tweets.Written() >= b.mark {
		b.mark, b.markAt = b.tweets.Pushed(), now
	}
}

// waiting is how many Tweets are not written out.
func (b *Backlog) waiting() int64 { return int64(b.tweets.Pushed() - b.tweets.Written()) }

// Stuck reports whether the sink stands still.
func (b *Backlog) Stuck(now time.Time) bool {
	return b.tweets.Written() < b.mark && now.Sub(b.markAt) >= stuckLong
}

// Held reports whether those behind the sink hold up what waits.
func (b *Backlog) Held() bool { return b.held }

// Delivers notes how the delivery stands. Where the outputs acknowledge, any Tweet they were given and did not take
// holds up those behind it; else all that waits must be with them.
func (b *Backlog) Delivers(road Road, acknowledged bool) {
	given := road.Undelivered - road.Spooled
	b.held = b.waiting() > 0 && (given >= b.waiting() || acknowledged && given > 0)
}

// Alarms say whether Tweets wait for long to be written out: because of this plugin or who reads its output, or
// because those behind the sink hold them up.
func (b *Backlog) Alarms(now time.Time, heldUp bool) (us, delivery volume.Alarm) {
	us = volume.Alarm{Kind: volume.Us, Connection: -1, Severity: volume.Critical, Message: "all Tweets are written out"}
	delivery = us
	delivery.Kind = kindDelivery
	if !b.Stuck(now) {
		return us, delivery
	}
	a, why := &us, "who reads the output stands still, or this plugin does"
	if heldUp {
		a, why = &delivery, "the outputs do not take them"
	}
	a.Active = true
	a.Message = fmt.Sprintf("%d Tweets are not written out, the first of them for %v: %s", b.waiting(), now.Sub(b.markAt).Round(time.Second), why)
	a.Evidence = []volume.Evidence{{Key: "unwritten", Value: float64(b.waiting())}}
	return us, delivery
}
