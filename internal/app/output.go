package app

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// maxStdout bounds the Tweets of one write to stdout.
	maxStdout = 1000
	// maxTracked bounds the Tweets of one tracked group.
	maxTracked = 500
	// maxPushBytes bounds the lines of one batch that is acknowledged as a whole.
	maxPushBytes = 8 << 20
)

// Defaults of a push to Telegraf. The timeout is above the write_timeout of its cloud_pubsub_push.
const (
	PushBatch       = 500
	PushConcurrency = 8
	PushTimeout     = 65 * time.Second
)

// Output is how Tweets leave a stream: Stdout, Acknowledged, Tracked or Recovered.
type Output interface {
	// Fill sets what the output needs of a delivery whose Memory is set.
	Fill(c *delivery.Config)
}

// Stdout writes lines to a reader that says nothing. What it was given last may never have been read.
type Stdout struct {
	Writer    *encode.Writer
	PerSecond int // Tweets in the long run, 0: as many as come
}

// Fill implements Output.
func (o Stdout) Fill(c *delivery.Config) {
	c.Courier = delivery.Stdout(o.Writer)
	if o.PerSecond > 0 {
		c.Courier = delivery.Paced(c.Courier, o.PerSecond)
	}
	c.Slots, c.Most, c.MostBytes, c.SettleAfter = 1, min(maxStdout, c.Memory), encode.FlushBytes, timeline.Settle
}

// Acknowledged gives batches to a courier whose Accepted means that every output has the batch.
type Acknowledged struct {
	Courier delivery.Courier
	Slots   int // batches under way at once
	Batch   int // Tweets of one at most
}

// Fill implements Output.
func (o Acknowledged) Fill(c *delivery.Config) {
	c.Courier, c.Acknowledged = o.Courier, true
	c.Slots, c.Most, c.MostBytes = o.Slots, min(o.Batch, c.Memory), maxPushBytes
}

// LateCourier makes a form of its own of each Tweet, and may hear what became of a batch after its Deliver has ended.
type LateCourier interface {
	delivery.Courier
	Attach(b *delivery.Batch, t *tweet.Tweet)
	// TellLate has delivered called with each batch that the outputs accepted after its Deliver had ended. It is called
	// before the first Deliver.
	TellLate(delivered func(*delivery.Batch))
	// Ended is closed when delivered is not called any more.
	Ended() <-chan struct{}
}

// Tracked gives groups of Tweets to the program that we are part of, which tells the fate of each.
type Tracked struct {
	Courier func(slots int) LateCourier // makes one for so many groups at once
	Written bool                        // what it accepts was only written out, as by Stdout
}

// Fill implements Output.
func (o Tracked) Fill(c *delivery.Config) {
	c.Most = min(maxTracked, c.Memory)
	c.Slots, c.MostBytes = max(1, c.Memory/c.Most), maxPushBytes
	courier := o.Courier(c.Slots)
	c.Courier, c.Attach = courier, courier.Attach
	c.Acknowledged, c.SettleAfter = !o.Written, timeline.Settle
}

// Recovered writes the Tweets that an operator asks for, and has no connection to the stream opened. What was written is
// safe: there is neither a spool nor a delivery.
type Recovered struct{ Writer *encode.Writer }

// Fill implements Output.
func (Recovered) Fill(*delivery.Config) { panic("BUG: delivery of what is recovered by hand") }
