package core

import (
	"errors"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// ordered carries out what operators want; the answers go with the next commit.
func (c *Core) ordered(orders []ledger.Order) {
	for i := range orders {
		o := &orders[i]
		text, err := c.order(o)
		a := ledger.Answer{Order: o.ID, Text: text}
		if err != nil {
			a.Text, a.Err = err.Error(), true
		}
		c.durable.answers = append(c.durable.answers, a)
		if o.Kind == ledger.OrderRepair || o.Kind == ledger.OrderAgain { // the plugin's own audit may have ordered it
			c.note(Info, "audit: %s", a.Text)
			continue
		}
		c.note(Info, "operator: %s %s to %s: %s", o.Kind, o.From, o.To, a.Text)
	}
}

func (c *Core) order(o *ledger.Order) (string, error) {
	if !c.clock.Set() {
		return "", errors.New("no Tweet has come yet: the stream's time is not known")
	}
	switch o.Kind {
	case ledger.OrderRecover:
		return c.orderRecover(o)
	case ledger.OrderForget:
		return c.orderForget(o)
	case ledger.OrderRepair:
		return c.orderRepair(o, false)
	case ledger.OrderAgain:
		return c.orderRepair(o, true)
	}
	return "", fmt.Errorf("unknown order %q", o.Kind)
}

// orderRecover has the minutes asked for again, whatever is known of them.
func (c *Core) orderRecover(o *ledger.Order) (string, error) {
	if c.cfg.Recovery.Method == refill.None && len(c.cfg.Archives) == 0 {
		return "", errors.New("option \"recovery\" is \"none\": there is nobody to ask")
	}
	now := c.clock.At(c.now)
	first, end := max(o.From, timeline.MinuteOf(c.horizon())), min(o.To, timeline.MinuteOf(now))
	if first >= end {
		return "", fmt.Errorf("no minute from %s to %s can be asked for: older than the horizon of %v, or not over", o.From, o.To, c.ways.Reach())
	}
	span := timeline.Span{From: first.Milli(), To: end.Milli()}
	wanted := c.notAsked(o.Partition, span)
	found := false
	for _, p := range c.partitions {
		if o.Partition != ledger.AnyPartition && o.Partition != p.id {
			continue
		}
		found = true
		for _, s := range wanted.Spans() {
			c.reopen(p, s, ledger.CauseOperator)
		}
	}
	if !found {
		return "", fmt.Errorf("partition %d is not consumed here", o.Partition)
	}
	c.requests.at = c.now
	for m := first; m < end; m++ {
		delete(c.requests.postponed, m)
	}
	c.archives.again(first, end)
	c.fills.Again(first, end)
	switch minutes := wanted.Covered(span) / timeline.MinuteMilli; {
	case minutes == 0:
		return fmt.Sprintf("%s from %s: asked for already", timeline.InWords(int64(end-first)), first), nil
	case minutes < int64(end-first):
		return fmt.Sprintf("%s from %s: %d will be asked for, the others are already", timeline.InWords(int64(end-first)), first, minutes), nil
	}
	return fmt.Sprintf("%s from %s will be asked for", timeline.InWords(int64(end-first)), first), nil
}

// notAsked is the part of the span that no request under way brings.
func (c *Core) notAsked(partition int, span timeline.Span) (rest timeline.Set) {
	rest.Add(span)
	for _, query := range c.underWay() {
		if concerns(query, partition) {
			rest.Remove(spanOf(query))
		}
	}
	for _, k := range c.requests.claims {
		if concerns(k.query, partition) {
			rest.Remove(k.span)
		}
	}
	return rest
}

// orderForget gives up gaps on purpose.
func (c *Core) orderForget(o *ledger.Order) (string, error) {
	span := timeline.Span{From: o.From.Milli(), To: o.To.Milli()}
	var given timeline.Set
	for _, p := range c.partitions {
		if o.Partition != ledger.AnyPartition && o.Partition != p.id {
			continue
		}
		lost := c.lose(p, span)
		given.AddSet(&lost)
	}
	return timeline.InWords(given.Covered(span)/timeline.MinuteMilli) + " given up", nil
}
