package decahose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// repairMost bounds the Tweets of one order: an hour of a Decahose is two million.
const repairMost = 1 << 20

func minuteOf(t time.Time) timeline.Minute { return timeline.MinuteOf(t.UnixMilli()) }

// auditing is one audit at work. Its goroutine owns it.
type auditing struct {
	*Audit
	d      *Decahose
	stream *app.Stream
	alarm  sinkAlarm
	health audit.Health
	said   map[timeline.Minute]audit.Line // as it was emitted last
	watch  audit.Watch
	order  int64                    // the last one that was placed; 0: none
	stuck  map[timeline.Minute]bool // minutes of which the log said that they stay short
}

// startAudits starts a goroutine for each audit; they end with ctx.
func (d *Decahose) startAudits(ctx context.Context, s *app.Stream) {
	if d.offline() {
		return
	}
	for _, a := range d.Audits {
		w := &auditing{Audit: a, d: d, stream: s, said: map[timeline.Minute]audit.Line{}, stuck: map[timeline.Minute]bool{}}
		d.wg.Go(func() { w.run(ctx) })
	}
}

// run looks at each interval; a look that takes longer passes over the next.
func (w *auditing) run(ctx context.Context) {
	tick := time.NewTicker(time.Duration(w.Interval))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		points := w.look(ctx)
		if ctx.Err() != nil || w.stream.Engine.Emit(ctx, points) != nil {
			return
		}
	}
}

// look compares once, says what differs, and has it repaired.
func (w *auditing) look(ctx context.Context) []point.Point {
	began := time.Now()
	r, err := store.OpenReader(w.d.StateDir())
	if errors.Is(err, store.ErrNoState) {
		return nil // nothing was committed yet
	}
	if err != nil {
		return w.failed(err, nil, began)
	}
	defer r.Close() //nolint:errcheck // it was only read
	now, err := audit.StreamTime(r, began)
	if err != nil {
		return w.failed(err, nil, began)
	}
	ask := w.Ask(now)
	book, damage := audit.ReadBook(w.d.StateDir(), r, ask.From, ask.To, began)
	if book == nil {
		return w.failed(damage, nil, began)
	}
	lines, rounds, err := w.compare(ctx, book, ask)
	if err != nil {
		return w.failed(err, lines, began)
	}
	wanted := w.repair(r, book, lines, rounds, began)
	w.tell(lines, rounds, wanted)
	return w.points(lines, began, true)
}

func (w *auditing) compare(ctx context.Context, book *audit.Book, ask audit.Ask) ([]audit.Line, time.Duration, error) {
	s, err := w.Open(ctx, w.d.StreamLabel)
	if err != nil {
		return audit.Unanswered(book, ask), 0, err
	}
	defer s.Close() //nolint:errcheck // it was only read
	lines, err := audit.Compare(ctx, book, s, ask)
	return lines, s.Rounds(), err
}

// failed says that a look came to nothing. The next one comes with the next interval.
func (w *auditing) failed(err error, lines []audit.Line, began time.Time) []point.Point {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	w.health.Failures++
	w.watch.Failed()
	w.d.note(core.Note{Level: core.Warn, Text: fmt.Sprintf("%v; tried again in %v", w.fail(err), time.Duration(w.Interval))})
	return w.points(lines, began, false)
}

// points are the lines that changed, how the look went, and the alarm.
func (w *auditing) points(lines []audit.Line, began time.Time, ok bool) []point.Point {
	w.health.Runs++
	w.health.OK, w.health.Took = ok, time.Since(began)
	label := w.d.StreamLabel
	sum := audit.Total(lines)
	points := []point.Point{w.health.Point(label, w.Name, &sum, began)}
	for i := range lines {
		l := lines[i]
		l.Why, l.Lacking, l.Foreign = "", nil, nil
		if last, told := w.said[l.Minute]; !told || !sameLine(&last, &l) {
			w.said[l.Minute] = l
			points = append(points, l.Point(label, w.Name))
		}
	}
	for m := range w.said {
		if len(lines) > 0 && m < lines[0].Minute {
			delete(w.said, m)
			delete(w.stuck, m)
		}
	}
	if ok {
		w.alarm.judge(&sum, began)
	}
	return append(points, w.alarm.points(label, w.Name, began)...)
}

func sameLine(a, b *audit.Line) bool {
	return a.State == b.State && a.Emitted == b.Emitted && a.Undelivered == b.Undelivered && a.Stored == b.Stored &&
		a.Missing == b.Missing && a.Surplus == b.Surplus && a.Repairs == b.Repairs
}

// repair has the plugin bring again what is missing, and says what came of it, as words for the log: what was missing
// in two looks, the settle time apart, and never while an output is known to be behind.
func (w *auditing) repair(r *store.Reader, book *audit.Book, lines []audit.Line, rounds time.Duration, now time.Time) string {
	behind := w.watch.Look(lines, now)
	if !w.Repair {
		return behind
	}
	if w.order != 0 {
		if _, answered, err := r.Answer(w.order); err == nil && !answered {
			return "the order before is not carried out yet"
		}
	}
	if rounds > 0 {
		return "to emit them again would not help"
	}
	if road := w.stream.Delivery; road.Status().Spooled > 0 || road.Behind() {
		return "not repaired now: the outputs do not keep up"
	}
	if behind != "" {
		return "not repaired now: " + behind
	}
	ripe := w.watch.Ripe(lines, now, time.Duration(w.Settle))
	sent, minutes, err := audit.Wanted(book, ripe, time.Duration(w.d.RecoveryHorizon), repairMost)
	if len(sent) == 0 && err == nil && audit.Total(lines).Minutes[audit.Missing] > 0 {
		return fmt.Sprintf("repaired once it has been missing for %v", time.Duration(w.Settle))
	}
	if len(sent) == 0 {
		return words("not repaired", err)
	}
	w.watch.Ordered(sent)
	first, end := sent[0].ID, sent[len(sent)-1].ID
	w.order, err = store.PlaceOrder(w.d.StateDir(), ledger.Order{Kind: ledger.OrderRepair, Sent: sent,
		From: timeline.MinuteOf(first.Milli()), To: timeline.MinuteOf(end.Milli()) + 1})
	if err != nil {
		return words("not repaired", err)
	}
	return fmt.Sprintf("%d Tweets of %s are asked for again", len(sent), timeline.InWords(minutes))
}

func words(text string, err error) string {
	if err == nil {
		return ""
	}
	return text + ": " + err.Error()
}

// tell says what is wrong, in one line at most.
func (w *auditing) tell(lines []audit.Line, rounds time.Duration, wanted string) {
	s := audit.Total(lines)
	short := s.FirstShort
	if short == nil {
		return
	}
	text := fmt.Sprintf("audit %q: the store lacks %d Tweets of %s, first of %v: %d of %d", w.Name, s.Missing,
		timeline.InWords(s.Minutes[audit.Missing]+s.Minutes[audit.Unrepaired]), short.Minute, short.Missing, short.Emitted)
	if rounds > 0 {
		text += fmt.Sprintf("; its times are rounded to %v, so that Tweets overwrite each other", rounds)
	}
	if wanted != "" {
		text += "; " + wanted
	}
	level := core.Warn
	if fresh := w.freshlyStuck(lines); fresh > 0 {
		level = core.Error
		text += fmt.Sprintf("; %s short after %d repairs and not repaired again", timeline.InWords(fresh), ledger.RepairsMost)
	}
	w.d.note(core.Note{Level: level, Text: text})
}

// freshlyStuck is how many minutes stay short after repairs of which that was not said.
func (w *auditing) freshlyStuck(lines []audit.Line) (n int) {
	for i := range lines {
		if l := &lines[i]; l.State == audit.Unrepaired && !w.stuck[l.Minute] {
			w.stuck[l.Minute] = true
			n++
		}
	}
	return n
}

// sinkAlarm is decahose_alarm of kind sink: the store lacks what was emitted. A store that does not answer changes
// nothing: nobody knows.
type sinkAlarm struct {
	since             time.Time // when it became active; zero: it is not
	severity, message string
	ended             bool // since the last point
}

// judge takes what a look found.
func (a *sinkAlarm) judge(s *audit.Sum, now time.Time) {
	l := s.FirstShort
	if l == nil {
		a.ended = a.ended || !a.since.IsZero()
		a.since = time.Time{}
		return
	}
	if a.ended = false; a.since.IsZero() {
		a.since = now
	}
	a.severity = "warning"
	a.message = fmt.Sprintf("the store lacks %d Tweets of %s, first of %v", s.Missing, timeline.InWords(s.Minutes[audit.Missing]+s.Minutes[audit.Unrepaired]), l.Minute)
	if n := s.Minutes[audit.Unrepaired]; n > 0 {
		a.severity = "critical"
		a.message += fmt.Sprintf("; %s short after %d repairs", timeline.InWords(n), ledger.RepairsMost)
	}
}

// points is one while it is active, and one when it ended.
func (a *sinkAlarm) points(label, name string, now time.Time) []point.Point {
	if a.since.IsZero() && !a.ended {
		return nil
	}
	a.ended = false
	since := int64(0)
	if !a.since.IsZero() {
		since = a.since.UnixNano()
	}
	return []point.Point{{Name: "decahose_alarm", Time: now.UnixNano(),
		Tags: []point.Tag{{Key: "stream_label", Value: label}, {Key: "kind", Value: "sink"}, {Key: "partition", Value: "all"}, {Key: "audit", Value: name}},
		Fields: []point.Field{{Key: "active", Value: since != 0}, {Key: "severity", Value: a.severity},
			{Key: "message", Value: a.message}, {Key: "since", Value: since}}}}
}
