package oracle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// Mood is how outputs behave for a while.
type Mood string

// Moods of Outputs.
const (
	Fine    Mood = "fine"    // what is given is accepted within a flush
	Failing Mood = "failing" // nothing is accepted
	Hanging Mood = "hanging" // nothing is answered; some of it was stored all the same
	Slow    Mood = "slow"    // one batch at a time, a second each
)

// Spell is a mood that holds from a time after the run's begin on.
type Spell struct {
	From, For time.Duration
	Mood      Mood
}

// Outputs are what is behind an acknowledged delivery: Telegraf and its stores. They live through all lives of the
// plugin's process.
type Outputs struct {
	Seed   uint64
	Spells []Spell
	Poison uint64 // one Tweet in so many is never accepted; 0: none
	Memory int    // Tweets that the delivery may hold; 0: 500
	Spool  int64  // bytes that its spool may take; 0: there is none

	begun   time.Time
	mu      sync.Mutex
	rng     *rand.Rand
	slow    chan struct{} // has the turn of one batch
	Refused map[snowflake.ID]bool
}

func (o *Outputs) begin() {
	o.begun, o.rng, o.slow = time.Now(), rand.New(rand.NewPCG(o.Seed, 7)), make(chan struct{}, 1)
	o.Refused = map[snowflake.ID]bool{}
}

func (o *Outputs) mood() Mood {
	for _, s := range o.Spells {
		if at := time.Since(o.begun); at >= s.From && at < s.From+s.For {
			return s.Mood
		}
	}
	return Fine
}

func (o *Outputs) chance(n int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rng.IntN(n) == 0
}

// courier brings the batches of one life.
type courier struct {
	o *Outputs
	p *process
}

const (
	flushTime   = 300 * time.Millisecond
	hangingTime = 10 * time.Second // until the courier gives up
)

var errOutputs = errors.New("outputs do not accept")

func (c courier) Deliver(ctx context.Context, b *delivery.Batch) (delivery.Verdict, error) {
	if c.poisoned(b) {
		return delivery.Refused, errors.New("poison")
	}
	switch c.o.mood() {
	case Failing:
		return c.later(ctx, b, flushTime, c.o.chance(10))
	case Hanging:
		return c.later(ctx, b, hangingTime, c.o.chance(2))
	case Slow:
		select {
		case c.o.slow <- struct{}{}:
			defer func() { <-c.o.slow }()
		case <-ctx.Done():
			return delivery.Later, ctx.Err()
		}
		return c.accept(ctx, b, time.Second)
	}
	return c.accept(ctx, b, flushTime)
}

// accept stores the batch. A process that was killed meanwhile does not hear of it.
func (c courier) accept(ctx context.Context, b *delivery.Batch, after time.Duration) (delivery.Verdict, error) {
	if !wait(ctx, after) {
		return c.later(ctx, b, 0, c.o.chance(2))
	}
	c.store(b)
	return delivery.Accepted, nil
}

// later is no answer, or one that says no; stored says that some outputs have the batch nevertheless.
func (c courier) later(ctx context.Context, b *delivery.Batch, after time.Duration, stored bool) (delivery.Verdict, error) {
	wait(ctx, after)
	if stored {
		c.store(b)
	}
	return delivery.Later, errOutputs
}

func (c courier) store(b *delivery.Batch) {
	if _, err := c.p.pipe.Write(b.Lines); err != nil {
		panic("BUG: " + err.Error())
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// poisoned reports whether some Tweet of the batch will never be accepted.
func (c courier) poisoned(b *delivery.Batch) (yes bool) {
	if c.o.Poison == 0 {
		return false
	}
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	for _, t := range b.Tweets {
		if c.o.poison(t.ID) {
			yes = true
			if len(b.Tweets) == 1 {
				c.o.Refused[t.ID] = true
			}
		}
	}
	return yes
}

func (o *Outputs) poison(id snowflake.ID) bool {
	return o.Poison != 0 && (uint64(id)>>12*2654435761)%o.Poison == 0
}

func (o *Outputs) String() string {
	return fmt.Sprintf("spells %v poison %d memory %d spool %d", o.Spells, o.Poison, o.Memory, o.Spool)
}
