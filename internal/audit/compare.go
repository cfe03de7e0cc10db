package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// State is what is known of a minute in a store.
type State string

const (
	Settling   State = "settling"   // too young: Tweets of it are still on their way
	Recovering State = "recovering" // the plugin misses part of it itself, and asks for it
	Repairing  State = "repairing"  // Tweets of it that a store lacks are being had again
	Equal      State = "equal"      // the store holds what was emitted
	Missing    State = "missing"    // the store lacks Tweets that were emitted
	Surplus    State = "surplus"    // the store holds Tweets that the ledger does not know
	Unrepaired State = "unrepaired" // it stays short after two repairs
	Gone       State = "gone"       // the store lacks what a whole Replay did not bring: X has it no longer
	Unknown    State = "unknown"    // the ledger or the store cannot say
)

// Line is the comparison of one minute.
type Line struct {
	Minute      timeline.Minute
	State       State
	Emitted     int64 // what the store should hold
	Undelivered int64 // emitted besides, and not accepted by an output yet
	Stored      int64 // -1: not known
	Missing     int64
	Surplus     int64
	Repairs     int64  // how often it was repaired
	Gone        int64  // Tweets besides that X has no longer, by a whole Replay; in no other number
	Why         string // of Unknown, and what else there is to say

	Lacking []ledger.Sent  // the Tweets that are missing; nil where the store cannot tell
	Foreign []snowflake.ID // those that are too many
}

// Differs reports whether something is wrong for good, as far as is known.
func (l *Line) Differs() bool {
	return l.State == Missing || l.State == Surplus || l.State == Unrepaired
}

// Short reports whether the store lacks Tweets and nobody is about to bring them.
func (l *Line) Short() bool { return l.State == Missing || l.State == Unrepaired }

const (
	// stretch is how much time one question is about, in minutes.
	stretch = 60
	// lackingMost bounds the ids that one comparison holds: about an hour of a Decahose.
	lackingMost = 2 << 20
)

// Ask is what to compare.
type Ask struct {
	From, To timeline.Minute
	Settle   time.Duration // how old a minute must be at its end
	Timeout  time.Duration // of one question to the store
}

// Compare asks the store, and has a line for each minute. Where the store fails the minutes that it was asked for are
// Unknown, and the error says why.
func Compare(ctx context.Context, b *Book, s Store, ask Ask) ([]Line, error) {
	lines := make([]Line, 0, ask.To-ask.From)
	var failed error
	held := 0
	for m := ask.From; m < ask.To; m += stretch {
		part := b.expect(m, min(m+stretch, ask.To), ask.Settle)
		if failed == nil {
			failed = compare(ctx, b, s, part, ask.Timeout, &held)
		}
		if failed != nil {
			giveUp(part)
		}
		lines = append(lines, part...)
	}
	return lines, failed
}

// Unanswered are the lines of a store that could not be asked.
func Unanswered(b *Book, ask Ask) []Line {
	lines := b.expect(ask.From, ask.To, ask.Settle)
	giveUp(lines)
	return lines
}

// giveUp says of minutes that were to be compared that they are not.
func giveUp(lines []Line) {
	for i := range lines {
		if l := &lines[i]; l.State == "" {
			l.State, l.Why = Unknown, "the store did not answer"
		}
	}
}

// expect says what the store should hold; lines that have a state already are not compared.
func (b *Book) expect(from, to timeline.Minute, settle time.Duration) []Line {
	lines := make([]Line, 0, to-from)
	for m := from; m < to; m++ {
		l := Line{Minute: m, Stored: -1}
		a := b.rows[m]
		if a != nil {
			l.Undelivered = min(max(a.underway+a.refused, int64(len(b.waiting[m]))), a.emitted)
			l.Emitted, l.Repairs, l.Gone = a.emitted-l.Undelivered+int64(len(a.pending)), a.repairs, int64(len(a.gone))
		}
		over := time.UnixMilli((m + 1).Milli()).Add(settle)
		switch {
		case !b.known:
			l.State, l.Why = Unknown, "the ledger has not begun"
		case m < b.begin:
			l.State, l.Why = Unknown, "the ledger begins later"
		case over.After(b.Now):
			l.State = Settling
		case a == nil:
			l.State, l.Why = Unknown, "the ledger has no account of it"
		case a.gap == ledger.CauseAudit:
			l.State = Repairing
		case a.gap != "":
			l.State, l.Why = Recovering, a.gap
		case a.open:
			l.State = Settling
		case a.underway > 0 && a.underway+a.refused > int64(len(b.waiting[m])): // in memory, nobody says which
			l.State, l.Why = Settling, "Tweets of it are on their way to the outputs"
		}
		lines = append(lines, l)
	}
	return lines
}

// compare asks for the lines that have no state yet, and judges them.
func compare(ctx context.Context, b *Book, s Store, lines []Line, timeout time.Duration, held *int) error {
	from, to := timeline.Minute(0), timeline.Minute(0)
	for i := range lines {
		if lines[i].State != "" {
			continue
		}
		if to == 0 {
			from = lines[i].Minute
		}
		to = lines[i].Minute + 1
	}
	if to == 0 {
		return nil
	}
	counts, err := within(ctx, timeout, func(ctx context.Context) (map[timeline.Minute]int64, error) { return s.Counts(ctx, from, to) })
	if err != nil {
		return err
	}
	for i := range lines {
		l := &lines[i]
		if l.State != "" {
			continue
		}
		l.Stored = counts[l.Minute]
		l.judge(b)
		if l.State == Equal || *held > lackingMost {
			continue
		}
		if err := l.name(ctx, b, s, timeout); err != nil {
			return err
		}
		*held += len(l.Lacking) + len(l.Foreign)
	}
	return nil
}

// within bounds a question.
func within[T any](ctx context.Context, timeout time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	got, err := f(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("the store did not answer within %v: %w", timeout, err)
	}
	return got, err
}

// judge compares counts. What is under way may be stored already.
func (l *Line) judge(b *Book) {
	l.Missing, l.Surplus = max(0, l.Emitted-l.Stored), max(0, l.Stored-l.Emitted-l.Undelivered)
	l.settle(b)
}

// settle draws the conclusion. Of its first minute the ledger has only a part.
func (l *Line) settle(b *Book) {
	if l.Missing > 0 && l.Repairs > 0 {
		l.Why = b.repairedWhy(l.Minute)
	}
	switch {
	case l.Missing > 0 && l.Repairs >= ledger.RepairsMost:
		l.State = Unrepaired
	case l.Missing > 0:
		l.State = Missing
	case l.Surplus > 0 && l.Minute == b.begin:
		l.State, l.Why = Unknown, "the ledger begins within it"
	case l.Surplus > 0:
		l.State = Surplus
	case l.Gone > 0:
		l.State, l.Why = Gone, fmt.Sprintf("X has %d Tweets of it no longer", l.Gone)
	default:
		l.State = Equal
	}
}

// repairedWhy says why a minute that was repaired stays short.
func (b *Book) repairedWhy(m timeline.Minute) string {
	a := b.rows[m]
	if n := len(a.pending); n > 0 {
		return fmt.Sprintf("%d Tweets were asked for again and have not come", n)
	}
	return fmt.Sprintf("emitted again (%d), and not stored: the store or an output swallows it, such as a key that knows deleted ids", a.repairs)
}

// rounded is how many of the Tweets that seem to be missing are there under an id that went through a float: it holds
// 53 bits, an id more.
func rounded(lacking []ledger.Sent, foreign []snowflake.ID) (n int) {
	has := make(map[snowflake.ID]bool, len(foreign))
	for _, id := range foreign {
		has[id] = true
	}
	for _, t := range lacking {
		if as := snowflake.ID(float64(t.ID)); as != t.ID && has[as] {
			n++
		}
	}
	return n
}

// cannotTell says that nothing follows from what the store holds.
func (l *Line) cannotTell(why string) {
	l.State, l.Why = Unknown, why
	l.Missing, l.Surplus, l.Lacking, l.Foreign = 0, 0, nil, nil
}

// name finds the ids that differ, as far as both sides can tell.
func (l *Line) name(ctx context.Context, b *Book, s Store, timeout time.Duration) error {
	stored, err := within(ctx, timeout, func(ctx context.Context) ([]snowflake.ID, error) { return s.IDs(ctx, l.Minute) })
	if errors.Is(err, ErrNoIDs) {
		l.Why = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	sent, err := b.sent(l.Minute)
	if err != nil {
		l.Why = err.Error()
		return nil //nolint:nilerr // the counts stand
	}
	has := make(map[snowflake.ID]bool, len(stored))
	for _, id := range stored {
		has[id] = true
	}
	l.Lacking = make([]ledger.Sent, 0)
	for _, t := range sent {
		if !has[t.ID] {
			l.Lacking = append(l.Lacking, t)
		}
		delete(has, t.ID)
	}
	for id := range has {
		if !b.waiting[l.Minute][id] {
			l.Foreign = append(l.Foreign, id)
		}
	}
	if n := rounded(l.Lacking, l.Foreign); n > 0 {
		l.cannotTell("the store rounds ids, as JSON with floats does: it cannot tell Tweets apart")
		return nil
	}
	l.Stored, l.Missing = int64(len(stored)), int64(len(l.Lacking))
	l.Surplus = max(0, int64(len(l.Foreign))-l.Undelivered)
	l.settle(b)
	return nil
}

// Wanted are the Tweets whose repair may help: those that are missing, or, where the store cannot tell them, all of
// their minutes. Minutes that were repaired twice, and what is older than the horizon, are left out; more than most are
// left for the next time.
func Wanted(b *Book, lines []Line, horizon time.Duration, most int) (sent []ledger.Sent, minutes int, err error) {
	for i := range lines {
		l := &lines[i]
		if l.State != Missing || time.UnixMilli(l.Minute.Milli()).Before(b.Now.Add(-horizon)) {
			continue
		}
		of := l.Lacking
		if of == nil {
			var read error
			if of, read = b.sent(l.Minute); read != nil {
				err = errors.Join(err, read)
				continue
			}
		}
		if len(of) == 0 || len(sent)+len(of) > most && minutes > 0 {
			continue
		}
		sent, minutes = append(sent, of...), minutes+1
	}
	return sent, minutes, err
}
