package operator

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// gapsDocument is what gaps -json prints.
type gapsDocument struct {
	Streams []streamGaps `json:"streams"`
}

type streamGaps struct {
	StreamLabel string    `json:"stream_label"`
	Running     bool      `json:"running"` // a process keeps this state now
	Now         time.Time `json:"now"`     // in the stream's time
	Gaps        []gapLine `json:"gaps"`
}

type gapLine struct {
	Partition int        `json:"partition"`
	From      time.Time  `json:"from"`
	To        time.Time  `json:"to"` // exclusive
	Minutes   int64      `json:"minutes"`
	State     string     `json:"state"`
	Cause     string     `json:"cause"`
	FilledBy  string     `json:"filled_by"`
	Tweets    int64      `json:"tweets"`
	Asked     int64      `json:"asked"`
	Dark      bool       `json:"dark"` // the partition is still without a sound connection
	Opened    *time.Time `json:"opened"`
	NextStep  string     `json:"next_step"`
	NextAt    *time.Time `json:"next_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

func (c *Console) gaps(ctx *cli.Context) error {
	streams, err := c.streams(ctx)
	if err != nil {
		return err
	}
	doc := gapsDocument{Streams: []streamGaps{}}
	err = c.opened(streams, func(s *stream) error {
		found, err := s.gapLines(ctx.Bool("all"))
		doc.Streams = append(doc.Streams, found)
		if err == nil && !found.Running {
			c.warn("stream %q: the plugin is not running; nothing is asked for until it is, and what it misses meanwhile becomes a gap then", s.label)
		}
		if err == nil && found.Running {
			err = c.warnStale(s)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case ctx.Bool("json"):
		return printJSON(c.stdout, doc)
	}
	return c.gapTable(doc, len(streams), ctx.Bool("wide"))
}

// staleAfter is after how long without a commit what is stored is of the past: a running plugin commits every 5 s.
const staleAfter = time.Minute

// warnStale says that the running plugin does not write its state.
func (c *Console) warnStale(s *stream) error {
	m, err := s.reader.Moment()
	if at := time.Unix(0, m.Wall); err == nil && m.Wall != 0 && c.now().Sub(at) > staleAfter {
		c.warn("stream %q: the state was last written at %s: what follows is of then; see the plugin's log", s.label, at.UTC().Format(time.RFC3339))
	}
	return s.read(err)
}

func (s *stream) gapLines(all bool) (found streamGaps, err error) {
	found = streamGaps{StreamLabel: s.label, Now: s.now, Gaps: []gapLine{}}
	gaps, err := s.gaps()
	if err != nil {
		return found, err
	}
	p, err := s.plan()
	if err != nil {
		return found, err
	}
	found.Running = p.live
	slices.SortFunc(gaps, func(a, b ledger.GapRecord) int {
		return cmp.Or(cmp.Compare(a.First(), b.First()), cmp.Compare(a.Partition, b.Partition))
	})
	for i := range gaps {
		if all || missing(&gaps[i]) {
			found.Gaps = append(found.Gaps, newGapLine(&gaps[i], p))
		}
	}
	return found, nil
}

func newGapLine(g *ledger.GapRecord, p *plan) gapLine {
	first, end := p.minutes(g)
	l := gapLine{
		Partition: g.Partition, From: minuteTime(first), To: minuteTime(end), Minutes: int64(end - first),
		State: g.State.String(), Cause: g.Cause, FilledBy: g.FilledBy, Tweets: g.Tweets, Asked: g.Asked,
		Dark: g.Dark, Opened: nanoTime(g.Opened),
	}
	l.NextStep, l.NextAt = p.next(g)
	l.ExpiresAt = p.expires(g)
	return l
}

func (c *Console) gapTable(doc gapsDocument, streams int, wide bool) error {
	g := c.newGrid(streams, wide, ">partition", "from", "~to", ">minutes", "state", "cause", "~filled by", "~>tweets", "*next step", "~>expires in")
	for _, s := range doc.Streams {
		for _, l := range s.Gaps {
			to := minuteText(l.To)
			if l.Dark {
				to = "still dark"
			}
			g.add(s.StreamLabel, l.Partition, minuteText(l.From), to, l.Minutes, l.State, l.Cause, l.FilledBy, l.Tweets,
				l.NextStep, expiryText(l.ExpiresAt, s.Now))
		}
	}
	return g.print(c.stdout, "no gaps")
}

func minuteText(t time.Time) string { return t.Format("2006-01-02T15:04Z") }

// expiryText leaves the seconds out, towards the safe side.
func expiryText(at *time.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	left := at.Sub(now)
	if left < 0 {
		return "expired"
	}
	return fmt.Sprintf("%dh%02dm", int(left.Hours()), int(left.Minutes())%60)
}
