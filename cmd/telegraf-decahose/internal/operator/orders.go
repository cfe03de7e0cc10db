package operator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// wish is what the operator wants of one stream: these minutes of a partition, or of all.
type wish struct {
	partition int // ledger.AnyPartition: all
	from, to  timeline.Minute
}

// wishDocument is what recover -json and forget -json print.
type wishDocument struct {
	StreamLabel string    `json:"stream_label"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`        // exclusive
	Partition   int       `json:"partition"` // 0: all
	Order       int64     `json:"order"`     // 0: no plugin runs, so none was asked
	Answer      string    `json:"answer"`
	Minutes     int       `json:"minutes"`   // that could be asked for, each once for each partition meant, as all counts here
	Recovered   int       `json:"recovered"` // no longer missing
	Lost        int       `json:"lost"`
	Missing     int       `json:"missing"`
	New         int64     `json:"new"`              // Tweets of it that were emitted
	Thin        int       `json:"minutes_thin"`     // recovered, and hold less than they should
	Unproven    int       `json:"minutes_unproven"` // recovered, and nobody knows how much they should hold
}

// wishDocuments is the document: the same once more as in those of commands about several streams.
type wishDocuments struct {
	Streams []wishDocument `json:"streams"`
	wishDocument
}

func (w wish) String() string {
	text := fmt.Sprintf("%v to %v", w.from, w.to)
	if w.partition != ledger.AnyPartition {
		text += fmt.Sprintf(" of partition %d", w.partition)
	}
	return text
}

// meets reports whether some minutes of the gap are meant.
func (w wish) meets(g *ledger.GapRecord) bool {
	first, end := gapMinutes(g)
	return (w.partition == ledger.AnyPartition || w.partition == g.Partition) && first < w.to && w.from < end
}

// askable is the wish without the minutes that nobody can be asked for: too old, or not over.
func (w wish) askable(horizon time.Duration, now time.Time) wish {
	w.from = max(w.from, timeline.CeilMinute(now.Add(-horizon).UnixMilli()))
	w.to = min(w.to, timeline.MinuteOf(now.UnixMilli()))
	return w
}

// wanted reads the flags of recover and forget: both bounds must be there, since what they do cannot be undone.
func (c *Console) wanted(ctx *cli.Context, now time.Time) (wish, error) {
	for _, name := range []string{"from", "to"} {
		if ctx.String(name) == "" {
			return wish{}, badUsage("-%s TIME is missing", name)
		}
	}
	from, to, err := minutesBetween(ctx.String("from"), ctx.String("to"), now)
	if err != nil {
		return wish{}, usageError{err}
	}
	return wish{ctx.Int("partition"), from, to}, nil
}

// errNotRunning says that no plugin keeps the state now.
var errNotRunning = errors.New("the plugin is not running")

// order leaves the wish with the running plugin and waits for its answer.
func (c *Console) order(s *stream, kind ledger.OrderKind, w wish, sent ...ledger.Sent) (doc wishDocument, err error) {
	doc = s.document(w)
	if !s.reader.Running() {
		return doc, errNotRunning
	}
	o := ledger.Order{Kind: kind, Partition: w.partition, From: w.from, To: w.to, Sent: sent}
	if doc.Order, err = store.PlaceOrder(s.input.StateDir(), o); err != nil {
		return doc, err
	}
	answer, err := c.answer(s, doc.Order)
	if err != nil {
		return doc, err
	}
	doc.Answer = answer.Text
	if answer.Err {
		return doc, errors.New(answer.Text)
	}
	return doc, nil
}

func (s *stream) document(w wish) wishDocument {
	return wishDocument{StreamLabel: s.label, From: minuteTime(w.from), To: minuteTime(w.to), Partition: w.partition}
}

// answer waits for it, as long as the console has patience.
func (c *Console) answer(s *stream, order int64) (ledger.Answer, error) {
	for end := c.now().Add(c.patience); ; time.Sleep(c.poll) {
		a, ok, err := s.reader.Answer(order)
		switch {
		case err != nil:
			return a, err
		case ok:
			return a, nil
		case !s.reader.Running():
			return a, errors.New("the plugin stopped before it answered; it finds the order at its next start")
		case c.now().After(end):
			return a, fmt.Errorf("no answer within %v; the plugin finds the order when it can", c.patience)
		}
	}
}

// amounts are counts of minutes.
type amounts struct{ all, missing, lost int }

func (a amounts) recovered() int { return a.all - a.missing - a.lost }

// tally counts what a wish means: minutes, as all texts do, and each of them once for each partition, as -json does. A minute
// is missing while it is in some partition, else lost if it is in one.
type tally struct{ minutes, parts amounts }

func (t tally) fill(doc *wishDocument) {
	doc.Minutes, doc.Recovered, doc.Lost, doc.Missing = t.parts.all, t.parts.recovered(), t.parts.lost, t.parts.missing
}

// count looks at the gaps: a minute that is in none was delivered.
func (w wish) count(gaps []ledger.GapRecord, partitions []int) (t tally) {
	t.minutes.all = int(max(0, w.to-w.from))
	t.parts.all = t.minutes.all * len(partitions)
	var absent, lost timeline.Set
	for i := range gaps {
		g := &gaps[i]
		if !w.meets(g) {
			continue
		}
		first, end := gapMinutes(g)
		span := timeline.Span{From: max(first, w.from).Milli(), To: min(end, w.to).Milli()}
		switch n := int(span.Len() / timeline.MinuteMilli); {
		case missing(g):
			t.parts.missing += n
			absent.Add(span)
		case g.State == ledger.GapLost:
			t.parts.lost += n
			lost.Add(span)
		}
	}
	for _, span := range absent.Spans() {
		lost.Remove(span)
	}
	t.minutes.missing, t.minutes.lost = minutesIn(&absent), minutesIn(&lost)
	return t
}

func minutesIn(set *timeline.Set) (n int) {
	for _, span := range set.Spans() {
		n += int(span.Len() / timeline.MinuteMilli)
	}
	return n
}

// partitions that a wish means; those of gaps may have been in the configuration once.
func (s *stream) partitions(w wish, gaps []ledger.GapRecord) []int {
	if w.partition != ledger.AnyPartition {
		return []int{w.partition}
	}
	all := slices.Clone(s.input.Partitions)
	for i := range gaps {
		if w.meets(&gaps[i]) {
			all = append(all, gaps[i].Partition)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
