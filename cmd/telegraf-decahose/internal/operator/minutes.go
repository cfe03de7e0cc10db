package operator

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// minutesDocument is what minutes -json prints.
type minutesDocument struct {
	Streams []streamMinutes `json:"streams"`
}

type streamMinutes struct {
	StreamLabel string       `json:"stream_label"`
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"` // exclusive
	Minutes     []minuteLine `json:"minutes"`
}

// minuteLine has the names and units of decahose_volume.
type minuteLine struct {
	Minute      time.Time `json:"minute"`
	Partition   int       `json:"partition"` // 0: not known, as of Tweets from a Replay
	Received    int64     `json:"received"`
	Unique      int64     `json:"unique"`
	Duplicate   int64     `json:"duplicate"`
	Redundant   int64     `json:"duplicate_redundant"`
	Backfill    int64     `json:"duplicate_backfill"`
	Replay      int64     `json:"duplicate_replay"`
	Late        int64     `json:"late"`
	Emitted     int64     `json:"emitted"`
	Delivered   *int64    `json:"delivered,omitempty"` // absent where nobody says what became of emitted Tweets
	Waiting     *int64    `json:"waiting,omitempty"`   // emitted, and neither delivered nor refused; absent as Delivered
	Settled     bool      `json:"settled"`             // false: Tweets of it wait for an output, and are in none of the counts yet
	Bytes       int64     `json:"bytes"`
	Connections int64     `json:"connections"`
	CoveredMS   int64     `json:"covered_ms"`
	State       string    `json:"state"`
	Fill        string    `json:"fill,omitempty"`          // of a recovered one: thin, or unproven; absent where it is full
	Held        int64     `json:"fill_held,omitempty"`     // Tweets that filled it, where it is thin
	Expected    int64     `json:"fill_expected,omitempty"` // how many there should be
	Stored      bool      `json:"stored"`                  // false: there is no row of this minute
}

func (c *Console) minutes(ctx *cli.Context) error {
	from, to := cmp.Or(ctx.String("from"), "-60m"), cmp.Or(ctx.String("to"), "now")
	if _, _, err := minutesBetween(from, to, c.now()); err != nil {
		return usageError{err}
	}
	streams, err := c.streams(ctx)
	if err != nil {
		return err
	}
	doc := minutesDocument{Streams: []streamMinutes{}}
	err = c.opened(streams, func(s *stream) error {
		found, err := s.minuteLines(from, to, ctx.String("from") == "")
		doc.Streams = append(doc.Streams, found)
		return err
	})
	switch {
	case err != nil:
		return err
	case ctx.Bool("json"):
		return printJSON(c.stdout, doc)
	}
	return c.minuteTable(doc, len(streams), ctx.Bool("wide"))
}

// account is one row's place: a minute of a partition.
type account struct {
	minute    timeline.Minute
	partition int
}

// book is what the ledger says of the minutes of one stream.
type book struct {
	*stream
	rows      map[account]*ledger.MinuteRecord
	copies    map[account]ledger.CopyRecord
	tracked   map[account]*ledger.DeliveryRecord
	gaps      []ledger.GapRecord
	positions map[int]int64   // of each partition, see ledger.PartitionRecord
	begin     timeline.Minute // the ledger says nothing of what is before; 0: it does not know
}

// book reads the minutes first ≤ m < end. What is damaged is left out.
func (s *stream) book(first, end timeline.Minute) (b *book, err error) {
	b = &book{stream: s, rows: map[account]*ledger.MinuteRecord{}, tracked: map[account]*ledger.DeliveryRecord{}, positions: map[int]int64{}}
	records, err := s.reader.Minutes(first, end)
	if err = s.read(err); err != nil {
		return nil, err
	}
	for i, r := range records {
		b.rows[account{r.Minute, r.Partition}] = &records[i]
	}
	tracked, err := s.reader.Deliveries(first, end)
	if err = s.read(err); err != nil {
		return nil, err
	}
	for i, d := range tracked {
		b.tracked[account{d.Minute, d.Partition}] = &tracked[i]
	}
	partitions, err := s.reader.Partitions()
	if err = s.read(err); err != nil {
		return nil, err
	}
	for _, p := range partitions {
		b.positions[p.Partition] = p.Position
		if m := timeline.MinuteOf(p.Begin); b.begin == 0 || m < b.begin {
			b.begin = m
		}
	}
	if b.copies, err = s.copiesOf(first, end); err == nil {
		b.gaps, err = s.gaps()
	}
	return b, err
}

// minuteLines has a line for each minute and partition, whether it has a row or not; with fromBegin none of a time before
// the ledger's.
func (s *stream) minuteLines(from, to string, fromBegin bool) (found streamMinutes, err error) {
	first, end, err := minutesBetween(from, to, s.now)
	if err != nil {
		return found, usageError{err}
	}
	b, err := s.book(first, end)
	if err != nil {
		return found, err
	}
	if fromBegin {
		first = min(max(first, b.begin), end)
	}
	found = streamMinutes{StreamLabel: s.label, From: minuteTime(first), To: minuteTime(end), Minutes: []minuteLine{}}
	order := b.partitions()
	for m := first; m < end; m++ {
		for _, p := range order {
			if r := b.rows[account{m, p}]; r != nil {
				found.Minutes = append(found.Minutes, b.stored(r))
			} else if p != ledger.AnyPartition {
				found.Minutes = append(found.Minutes, b.unstored(m, p))
			}
		}
	}
	return found, s.fills(found.Minutes, first, end)
}

// fills says of which recovered minutes it is not proven that they are full.
func (s *stream) fills(lines []minuteLine, first, end timeline.Minute) error {
	records, err := s.reader.Fills(first, end)
	of := make(map[time.Time]*ledger.FillRecord, len(records))
	for i := range records {
		of[minuteTime(records[i].Minute)] = &records[i]
	}
	for i := range lines {
		l := &lines[i]
		k := of[l.Minute]
		if k == nil || l.State != ledger.Recovered.String() || k.State != ledger.FillThin && k.State != ledger.FillUnproven {
			continue
		}
		if l.Fill = k.State.String(); k.State == ledger.FillThin {
			l.Held, l.Expected = k.Held, k.Expected
		}
	}
	return s.read(err)
}

// partitions are those of the configuration, and those of which there are rows.
func (b *book) partitions() []int {
	all := map[int]bool{}
	for _, p := range b.input.Partitions {
		all[p] = true
	}
	for a := range b.rows {
		all[a.partition] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// copiesOf says why copies came, where not all are redundant.
func (s *stream) copiesOf(first, end timeline.Minute) (map[account]ledger.CopyRecord, error) {
	records, err := s.reader.Copies(first, end)
	copies := make(map[account]ledger.CopyRecord, len(records))
	for _, r := range records {
		copies[account{r.Minute, r.Partition}] = r
	}
	return copies, s.read(err)
}

// stored is the line of a row.
func (b *book) stored(r *ledger.MinuteRecord) minuteLine {
	a := account{r.Minute, r.Partition}
	k := b.copies[a]
	l := minuteLine{
		Minute: minuteTime(r.Minute), Partition: r.Partition, Received: r.Received, Unique: r.Unique, Duplicate: r.Duplicate,
		Redundant: max(0, r.Duplicate-k.Backfill-k.Replay), Backfill: k.Backfill, Replay: k.Replay,
		Late: r.Late, Emitted: r.Emitted, Bytes: r.Bytes, Connections: r.Connections, State: r.State.String(), Stored: true, Settled: true,
	}
	for _, span := range r.Covered {
		l.CoveredMS += span.Len()
	}
	if t := b.tracked[a]; t != nil && t.Untracked < max(r.Emitted, 1) {
		waiting := max(0, r.Emitted-t.Delivered-t.Refused-t.Untracked)
		l.Delivered, l.Waiting = &t.Delivered, &waiting
	}
	gap := b.gapState(r.Minute, r.Partition)
	if r.State == ledger.Open && gap != "" {
		l.State = gap // it is not closed while its partition is dark
	}
	l.Settled = gap != "" || !b.waits(r)
	return l
}

// unsettledFor is how long after its end a minute may have Tweets that were written and do not count yet.
const unsettledFor = time.Minute

// waits reports whether Tweets of the minute wait for an output in the memory of the running plugin: the ledger counts what
// is safe.
func (b *book) waits(r *ledger.MinuteRecord) bool {
	position, known := b.positions[r.Partition]
	return known && r.State == ledger.Open && b.reader.Running() && position < (r.Minute+1).Milli() && minuteTime(r.Minute+1).Add(unsettledFor).Before(b.now)
}

// gapState is what a gap says of a minute that is over: it is missing, or its name of the last word; empty: no gap holds it.
// A gap of a partition that is dark lasts until now.
func (b *book) gapState(m timeline.Minute, partition int) (state string) {
	for i := range b.gaps {
		g := &b.gaps[i]
		first, end := gapMinutes(g)
		if g.Dark && missing(g) {
			end = max(end, timeline.MinuteOf(b.now.UnixMilli()))
		}
		switch {
		case g.Partition != partition || m < first || m >= end:
		case missing(g):
			state = ledger.Missing.String()
		default:
			state = g.State.String()
		}
	}
	return state
}

// unstored says of a minute without a row what else is known.
func (b *book) unstored(m timeline.Minute, partition int) minuteLine {
	l := minuteLine{Minute: minuteTime(m), Partition: partition, State: b.gapState(m, partition), Settled: true}
	switch {
	case l.State != "":
	case minuteTime(m + 1).Before(b.now):
		l.State = "unknown"
	default:
		l.State = ledger.Open.String()
	}
	return l
}

func (c *Console) minuteTable(doc minutesDocument, streams int, wide bool) error {
	columns := []string{"minute", ">partition", "~>received", ">unique", "~>duplicate", "~>late", ">emitted", "~>bytes",
		"~>connections", "~>covered ms", "state"}
	tracked := slices.ContainsFunc(doc.Streams, streamMinutes.tracked)
	if tracked {
		columns = slices.Insert(columns, emittedColumn+1, ">delivered", ">waiting")
	}
	g := c.newGrid(streams, wide, columns...)
	for _, s := range doc.Streams {
		for _, l := range s.Minutes {
			g.add(s.StreamLabel, l.cells(tracked)...)
		}
	}
	return g.print(c.stdout, "no minutes")
}

// emittedColumn is the place of emitted in a line of the table.
const emittedColumn = 6

// tracked reports whether anybody says what became of emitted Tweets.
func (s streamMinutes) tracked() bool {
	return slices.ContainsFunc(s.Minutes, func(l minuteLine) bool { return l.Delivered != nil })
}

// cells leave out what is not known: of a minute without a row all counts, of one whose Tweets wait those that lack them.
func (l *minuteLine) cells(tracked bool) []any {
	cells := []any{minuteText(l.Minute), partitionText(l.Partition), "-", "-", "-", "-", "-", "-", "-", "-", l.State}
	if l.Stored {
		copy(cells[2:], []any{l.Received, l.Unique, l.Duplicate, l.Late, l.Emitted, l.Bytes, l.Connections, l.CoveredMS})
	}
	if l.Fill != "" {
		cells[len(cells)-1] = l.State + ", " + l.Fill
	}
	if !l.Settled {
		cells[2], cells[3], cells[5], cells[emittedColumn] = "-", "-", "-", "-"
	}
	if tracked {
		cells = slices.Insert(cells, emittedColumn+1, l.behind(l.Delivered), l.behind(l.Waiting))
	}
	return cells
}

// behind is a count of what is behind the sink.
func (l *minuteLine) behind(count *int64) any {
	if count == nil || !l.Settled {
		return "-"
	}
	return *count
}
