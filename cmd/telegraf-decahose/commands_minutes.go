package main

import (
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/ledger"
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
	Bytes       int64     `json:"bytes"`
	Connections int64     `json:"connections"`
	CoveredMS   int64     `json:"covered_ms"`
	State       string    `json:"state"`
	Stored      bool      `json:"stored"` // false: there is no row of this minute
}

func (c *console) minutes(ctx *cli.Context) error {
	from, to := ctx.String("from"), ctx.String("to")
	if from == "" {
		from = "-60m"
	}
	if to == "" {
		to = "now"
	}
	if _, _, err := minutesBetween(from, to, c.now()); err != nil {
		return usageError{err}
	}
	streams, err := c.streams(ctx)
	if err != nil {
		return err
	}
	doc := minutesDocument{Streams: []streamMinutes{}}
	err = c.opened(streams, func(s *stream) error {
		found, err := s.minuteLines(from, to)
		doc.Streams = append(doc.Streams, found)
		return err
	})
	switch {
	case err != nil:
		return err
	case ctx.Bool("json"):
		return printJSON(c.stdout, doc)
	}
	return c.minuteTable(doc, len(streams))
}

// account is one row's place: a minute of a partition.
type account struct {
	minute    timeline.Minute
	partition int
}

// minuteLines has a line for each minute and partition, whether it has a row or not.
func (s *stream) minuteLines(from, to string) (found streamMinutes, err error) {
	first, end, err := minutesBetween(from, to, s.now)
	if err != nil {
		return found, usageError{err}
	}
	found = streamMinutes{StreamLabel: s.label, From: minuteTime(first), To: minuteTime(end), Minutes: []minuteLine{}}
	records, err := s.reader.Minutes(first, end)
	if err = s.read(err); err != nil {
		return found, err
	}
	copies, err := s.copies(first, end)
	if err != nil {
		return found, err
	}
	tracked, err := s.reader.Deliveries(first, end)
	if err = s.read(err); err != nil {
		return found, err
	}
	gaps, err := s.gaps()
	if err != nil {
		return found, err
	}
	partitions := map[int]bool{}
	for _, p := range s.input.Partitions {
		partitions[p] = true
	}
	rows := map[account]*ledger.MinuteRecord{}
	for i, r := range records {
		rows[account{r.Minute, r.Partition}] = &records[i]
		partitions[r.Partition] = true
	}
	delivered := map[account]*int64{}
	for i, d := range tracked {
		delivered[account{d.Minute, d.Partition}] = &tracked[i].Delivered
	}
	order := slices.Sorted(maps.Keys(partitions))
	for m := first; m < end; m++ {
		for _, p := range order {
			if r := rows[account{m, p}]; r != nil {
				found.Minutes = append(found.Minutes, newMinuteLine(r, copies[account{m, p}], delivered[account{m, p}]))
			} else if p != ledger.AnyPartition {
				found.Minutes = append(found.Minutes, s.unstored(m, p, gaps))
			}
		}
	}
	return found, nil
}

// copies says why copies came, where not all are redundant.
func (s *stream) copies(first, end timeline.Minute) (map[account]ledger.CopyRecord, error) {
	records, err := s.reader.Copies(first, end)
	copies := make(map[account]ledger.CopyRecord, len(records))
	for _, r := range records {
		copies[account{r.Minute, r.Partition}] = r
	}
	return copies, s.read(err)
}

func newMinuteLine(r *ledger.MinuteRecord, k ledger.CopyRecord, delivered *int64) minuteLine {
	l := minuteLine{
		Minute: minuteTime(r.Minute), Partition: r.Partition, Received: r.Received, Unique: r.Unique, Duplicate: r.Duplicate,
		Redundant: max(0, r.Duplicate-k.Backfill-k.Replay), Backfill: k.Backfill, Replay: k.Replay,
		Late: r.Late, Emitted: r.Emitted, Delivered: delivered, Bytes: r.Bytes, Connections: r.Connections, State: r.State.String(), Stored: true,
	}
	for _, span := range r.Covered {
		l.CoveredMS += span.Len()
	}
	return l
}

// unstored says of a minute without a row what else is known.
func (s *stream) unstored(m timeline.Minute, partition int, gaps []ledger.GapRecord) minuteLine {
	l := minuteLine{Minute: minuteTime(m), Partition: partition, State: "unknown"}
	for i := range gaps {
		g := &gaps[i]
		first, end := gapMinutes(g)
		switch {
		case g.Partition != partition || m < first || m >= end:
		case missing(g):
			l.State = ledger.Missing.String()
		default:
			l.State = g.State.String()
		}
	}
	if l.State == "unknown" && !minuteTime(m+1).Before(s.now) {
		l.State = ledger.Open.String()
	}
	return l
}

func (c *console) minuteTable(doc minutesDocument, streams int) error {
	columns := []string{"minute", ">partition", ">received", ">unique", ">duplicate", ">late", ">emitted", ">bytes",
		">connections", ">covered ms", "state"}
	tracked := slices.ContainsFunc(doc.Streams, streamMinutes.tracked)
	if tracked {
		columns = slices.Insert(columns, emittedColumn+1, ">delivered")
	}
	g := newGrid(streams, columns...)
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

func (l *minuteLine) cells(tracked bool) []any {
	cells := []any{minuteText(l.Minute), partitionText(l.Partition), "-", "-", "-", "-", "-", "-", "-", "-", l.State}
	if l.Stored {
		copy(cells[2:], []any{l.Received, l.Unique, l.Duplicate, l.Late, l.Emitted, l.Bytes, l.Connections, l.CoveredMS})
	}
	switch {
	case tracked && l.Delivered != nil:
		cells = slices.Insert(cells, emittedColumn+1, any(*l.Delivered))
	case tracked:
		cells = slices.Insert(cells, emittedColumn+1, any("-"))
	}
	return cells
}
