package fill

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// usualOf is how many minutes on each side say what is usual, and usualWithin how far they are looked for.
	usualOf     = 5
	usualWithin = 24 * 60
	// usualNear is how far they may be to be like the minute itself.
	usualNear = 60
)

// Scale weighs what came of minutes. Partitions are named by their numbers.
type Scale struct {
	Rows    []*ledger.Book // of the partitions, in the order of Gaps
	Any     *ledger.Book   // of Tweets whose partition is not known
	Gaps    *gap.Book
	History *ledger.History
	Season  func(m timeline.Minute, partition int) int64 // what earlier weeks let expect; 0: nothing
	Live    func(index int) timeline.Set                 // what connections covered of a partition

	present int64
}

// At says what the stream's time is, Unix ms.
func (s *Scale) At(present int64) { s.present = present }

// part is what is missing of one partition's minute.
type part struct {
	index int
	rows  *ledger.Book
	lacks timeline.Set
}

// lacking is what the gaps of the partitions hold of the minute, without the first of so many ms of each.
func (s *Scale) lacking(partition int, m timeline.Minute, without int64) (parts []part) {
	for i, rows := range s.Rows {
		if partition != ledger.AnyPartition && partition != rows.Partition {
			continue
		}
		if k := (part{i, rows, s.Gaps.Lacks(i, m, without)}); len(k.lacks.Spans()) > 0 {
			parts = append(parts, k)
		}
	}
	return parts
}

// Weighed is the one judgement of a minute that a source filled.
type Weighed struct {
	refill.Fullness
	Held, Expected int64 // Tweets
}

// Weigh says whether what the gaps of the partition hold of a minute has come as it should. got is how many Tweets of the
// minute its source brought, copies included; they count where the ledger lost its account of the minute. What is left
// behind a cut may be too short to tell anything: then the seconds before it are judged with it.
func (s *Scale) Weigh(partition int, m timeline.Minute, got int64) Weighed {
	if w := s.weighCopies(partition, m, got); w.Fullness == refill.Thin {
		return w
	}
	w := s.weighParts(s.lacking(partition, m, timeline.Settle.Milliseconds()), m, got)
	if w.Fullness == refill.Unproven {
		return s.weighParts(s.lacking(partition, m, 0), m, got)
	}
	return w
}

// NotAsked is what came by a source that is asked for no whole minutes.
const NotAsked = -1

// Expect is how many Tweets there should be of what the gaps of the partition hold of a minute.
func (s *Scale) Expect(partition int, m timeline.Minute) refill.Yardstick {
	return s.yardstick(s.lacking(partition, m, 0), m)
}

// weighCopies weighs what a source brought of a whole minute against what is known of it, from whomever: who has the minute
// brings that again. So a source that brings next to nothing of a minute of which little is missing is not believed.
func (s *Scale) weighCopies(partition int, m timeline.Minute, got int64) Weighed {
	known := int64(0)
	for _, rows := range slices.Concat(s.Rows, []*ledger.Book{s.Any}) {
		if r := rows.Find(m); r != nil && (partition == ledger.AnyPartition || partition == rows.Partition) {
			known += r.Unique
		}
	}
	if got == NotAsked || known == 0 {
		return Weighed{Fullness: refill.Unproven}
	}
	return Weighed{refill.Yardstick{Expected: known, Share: refill.Near}.Judge(got), got, known}
}

func (s *Scale) weighParts(parts []part, m timeline.Minute, got int64) Weighed {
	if len(parts) == 0 {
		return Weighed{Fullness: refill.Full}
	}
	s.wholeMinutes(parts, m)
	held, yard := s.heldOf(parts, m, got), s.yardstick(parts, m)
	return Weighed{yard.Judge(held), held, yard.Expected}
}

// wholeMinutes has the minute judged as a whole where nobody knows of which seconds its Tweets are.
func (s *Scale) wholeMinutes(parts []part, m timeline.Minute) {
	past := func(rows *ledger.Book) bool { r := rows.Find(m); return r != nil && r.Past() }
	unknown := past(s.Any)
	for i := range parts {
		unknown = unknown || past(parts[i].rows)
	}
	for i := range parts {
		if unknown {
			parts[i].lacks.Add(m.Span())
		}
	}
}

// heldOf is how many Tweets there are of what was missing, whichever source brought them.
func (s *Scale) heldOf(parts []part, m timeline.Minute, got int64) (n int64) {
	var all timeline.Set
	whole := true
	for i := range parts {
		n += countIn(parts[i].rows, m, &parts[i].lacks)
		all.AddSet(&parts[i].lacks)
		whole = whole && parts[i].lacks.Covered(m.Span()) == timeline.MinuteMilli
	}
	n += countIn(s.Any, m, &all)
	if !whole {
		return n
	}
	for i, rows := range s.Rows {
		if r := rows.Find(m); r != nil && !contains(parts, i) {
			got -= r.Unique
		}
	}
	return max(n, got)
}

func countIn(rows *ledger.Book, m timeline.Minute, of *timeline.Set) (n int64) {
	r := rows.Find(m)
	switch {
	case r == nil:
		return 0
	case of.Covered(m.Span()) == timeline.MinuteMilli:
		return r.Unique
	}
	for _, s := range of.Spans() {
		n += r.Within(m, s)
	}
	return n
}

func contains(parts []part, index int) bool {
	for i := range parts {
		if parts[i].index == index {
			return true
		}
	}
	return false
}

// yardstick is how many Tweets there should be of what is missing. Evidence is, in this order: the same minute of the
// other partitions, minutes within an hour, the same minute of earlier weeks, minutes within a day.
func (s *Scale) yardstick(parts []part, m timeline.Minute) (sum refill.Yardstick) {
	beside := s.beside(parts, m)
	for i := range parts {
		k := &parts[i]
		y := refill.Yardstick{Expected: beside, Share: refill.Near}
		if beside == 0 {
			y = s.usualOf(k.index, m)
		}
		if y.Expected == 0 {
			return refill.Yardstick{}
		}
		y = y.Of(k.lacks.Covered(m.Span()), timeline.MinuteMilli)
		if i == 0 {
			sum = y
		} else {
			sum = sum.Plus(y)
		}
	}
	return sum
}

// beside is the mean of the partitions that are whole in the minute; 0: there are none. Partitions are equal parts of
// the stream (X: Decahose API).
func (s *Scale) beside(parts []part, m timeline.Minute) int64 {
	sum, n := int64(0), int64(0)
	for i, rows := range s.Rows {
		if u := s.History.Unique(rows.Partition, m); u != ledger.Unknown && !contains(parts, i) {
			sum += u
			n++
		}
	}
	return sum / max(1, n)
}

// usualOf is what a minute of the partition holds by the smaller mean of those before and behind it: nights differ from
// days. The pace of now stands for minutes that are not over.
func (s *Scale) usualOf(index int, m timeline.Minute) refill.Yardstick {
	partition := s.Rows[index].Partition
	before, lately := s.meanFrom(partition, m-1, -1)
	behind, soon := s.meanFrom(partition, m+1, 1)
	now := timeline.MinuteOf(s.present)
	if pace := s.pace(index); behind == 0 && pace > 0 {
		behind, soon = pace, now-m <= usualNear
	}
	switch {
	case lately && soon:
		return refill.Yardstick{Expected: min(before, behind), Share: refill.Near}
	case lately:
		return refill.Yardstick{Expected: before, Share: refill.Near}
	case soon:
		return refill.Yardstick{Expected: behind, Share: refill.Near}
	}
	if n := s.Season(m, partition); n > 0 {
		return refill.Yardstick{Expected: n, Share: refill.Season}
	}
	if before == 0 || behind == 0 {
		return refill.Yardstick{Expected: max(before, behind), Share: refill.Far}
	}
	return refill.Yardstick{Expected: min(before, behind), Share: refill.Far}
}

// Usual is how many Tweets the minute should hold, of all partitions; 0: not known.
func (s *Scale) Usual(m timeline.Minute) (sum int64) {
	for i := range s.Rows {
		n := s.usualOf(i, m).Expected
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

const (
	// paceOf is the time whose Tweets make the pace of now, and paceLeast how much of it must be covered.
	paceOf    = 5 * timeline.MinuteMilli
	paceLeast = 15_000
)

// pace is how many Tweets a minute came of the partition of late, as far as connections covered it; 0: not known. It is what
// a process knows that has not seen a whole minute yet.
func (s *Scale) pace(index int) int64 {
	live := s.Live(index)
	now := s.present
	n, covered := int64(0), int64(0)
	for _, span := range live.Within(timeline.Span{From: now - paceOf, To: now}) {
		covered += span.Len()
		for m, end := span.Minutes(); m < end; m++ {
			if r := s.Rows[index].Find(m); r != nil {
				n += r.Within(m, span)
			}
		}
	}
	if covered < paceLeast {
		return 0
	}
	return n * timeline.MinuteMilli / covered
}

// meanFrom is the mean of the first minutes from m on, in steps of 1 or -1, of which it is known what they hold; near
// says that the first of them is within an hour.
func (s *Scale) meanFrom(partition int, m, step timeline.Minute) (mean int64, near bool) {
	sum, n := int64(0), int64(0)
	for i := range usualWithin {
		if u := s.History.Unique(partition, m); u != ledger.Unknown {
			near = near || n == 0 && i < usualNear
			sum += u
			if n++; n == usualOf {
				break
			}
		}
		m += step
	}
	return sum / max(1, n), near
}
