package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// archiveCommand looks into an archive. It writes nothing there.
func (c *Console) archiveCommand() *cli.Command {
	const which = " Without -from and -to it is about everything that is there."
	return &cli.Command{
		Name: "archive", Usage: "look into the archive of outputs.decahose_archive", HideHelpCommand: true,
		UsageText:    "telegraf-decahose archive ls|cat|verify|count -url URL [options]",
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return err },
		Action: func(ctx *cli.Context) error {
			return cli.Exit("", c.exitCode(badUsage("archive %q is not available, must be ls, cat, verify or count", ctx.Args().First())))
		},
		Subcommands: []*cli.Command{
			c.archiveSub("ls", "list the segments", timesText+which, c.archiveLs),
			c.archiveSub("cat", "print the Tweets, each once",
				timesText+which+" They are line protocol, as the input emits them; newlines in a text are in it as they are.", c.archiveCat),
			c.archiveSub("verify", "read all segments and compare checksums", timesText+which, c.archiveVerify),
			c.archiveSub("count", "count the Tweets, each once", timesText+which, c.archiveCount),
		},
	}
}

func (c *Console) archiveSub(name, usage, text string, action func(context.Context, *cli.Context, *look) error) *cli.Command {
	sub := c.command("archive "+name, usage, "", text+" Credentials for a bucket come from the environment, or from -config.",
		func(ctx *cli.Context) error {
			l, err := c.look(ctx)
			if err != nil {
				return err
			}
			stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return errors.Join(action(stopped, ctx, l), l.Close())
		}, rangeFlags(wideFlag(), &cli.StringFlag{Name: "url", Usage: "the archive's `URL`, or its directory"})...)
	sub.Name, sub.UsageText = name, "telegraf-decahose archive "+name+" -url URL|-config FILE [-from TIME -to TIME] [-stream_label LABEL] [options]"
	return sub
}

// look is one look into an archive.
type look struct {
	*archive.Archive
	label    string
	from, to timeline.Minute // both 0: all
}

func (c *Console) look(ctx *cli.Context) (*look, error) {
	l := &look{label: ctx.String("stream_label")}
	if ctx.IsSet("from") || ctx.IsSet("to") {
		var err error
		if l.from, l.to, err = minutesBetween(cmp.Or(ctx.String("from"), "-1d"), cmp.Or(ctx.String("to"), "now"), c.now()); err != nil {
			return nil, usageError{err}
		}
	}
	url, o, err := c.archiveOf(ctx)
	if err != nil {
		return nil, err
	}
	l.Archive, err = archive.Open(url, o)
	return l, err
}

// archiveOf is the URL of the command line, or that of the configuration with its credentials.
func (c *Console) archiveOf(ctx *cli.Context) (url string, o archive.Options, err error) {
	url, path := ctx.String("url"), configGiven(ctx)
	switch {
	case url == "" && path == "":
		return "", o, badUsage("option \"url\" or \"config\" must be set")
	case path == "":
		if err := archive.ParseURL(url); err != nil {
			return "", o, badUsage("option \"url\" %w", err)
		}
		return url, o, nil
	}
	s, err := settings.Load(path)
	if err == nil {
		err = s.Init(process.NewLog())
	}
	if err != nil {
		return "", o, usageError{err}
	}
	if s.Output == nil {
		return "", o, badUsage("%s: there is no [[outputs.decahose_archive]] in it", path)
	}
	out := s.Output.Output.(*decahose_archive.Archive)
	o, err = out.Credentials()
	return cmp.Or(url, out.URL), o, err
}

// segmentLine is one of archive ls -json.
type segmentLine struct {
	StreamLabel string    `json:"stream_label"`
	Minute      time.Time `json:"minute"`
	Tweets      int64     `json:"tweets"`
	Bytes       int64     `json:"bytes"`
	Writer      string    `json:"writer"`
	Sealed      time.Time `json:"sealed"`
	Path        string    `json:"path"`
}

type segmentsDocument struct {
	Streams  []streamSegments `json:"streams"`
	Segments []segmentLine    `json:"segments"` // of all streams
}

type streamSegments struct {
	StreamLabel string        `json:"stream_label"`
	Segments    []segmentLine `json:"segments"`
}

// add puts a segment to those of its stream; they come by stream.
func (d *segmentsDocument) add(l segmentLine) {
	d.Segments = append(d.Segments, l)
	if n := len(d.Streams); n == 0 || d.Streams[n-1].StreamLabel != l.StreamLabel {
		d.Streams = append(d.Streams, streamSegments{StreamLabel: l.StreamLabel})
	}
	last := &d.Streams[len(d.Streams)-1]
	last.Segments = append(last.Segments, l)
}

func (c *Console) archiveLs(ctx context.Context, flags *cli.Context, l *look) error {
	list, unread := l.Segments(ctx, l.label, l.from, l.to)
	if unread != nil && !errors.Is(unread, archive.ErrDamaged) {
		return unread
	}
	doc := segmentsDocument{Streams: []streamSegments{}, Segments: []segmentLine{}}
	g := c.newGrid(2, flags.Bool("wide"), "minute", ">Tweets", ">bytes", "~writer", "~sealed")
	for _, s := range list {
		doc.add(segmentLine{s.Label, minuteTime(s.Minute), s.Tweets, s.Size, s.Writer, milliTime(s.Sealed), s.Path})
		g.add(s.Label, minuteText(minuteTime(s.Minute)), s.Tweets, s.Size, s.Writer, milliTime(s.Sealed).Format(time.RFC3339))
	}
	if flags.Bool("json") {
		return errors.Join(printJSON(c.stdout, doc), oneLineError(unread))
	}
	return errors.Join(g.print(c.stdout, "no segments"), oneLineError(unread))
}

// labelSpan is the minutes of which there is something under a label.
type labelSpan struct {
	label    string
	from, to timeline.Minute
}

// labels are those of the look, each with the minutes that there are of it.
func (l *look) labels(ctx context.Context) (spans []labelSpan, err error) {
	list, err := l.Segments(ctx, l.label, l.from, l.to)
	for _, s := range list {
		if n := len(spans); n == 0 || spans[n-1].label != s.Label {
			spans = append(spans, labelSpan{s.Label, s.Minute, s.Minute + 1})
		} else {
			spans[n-1].to = s.Minute + 1
		}
	}
	return spans, err
}

// verifiedDocument is what archive verify -json prints.
type verifiedDocument struct {
	Streams []streamVerified `json:"streams"`
	verified
}

type streamVerified struct {
	StreamLabel string `json:"stream_label"`
	verified
}

// verified is what was read of a stream, or of all.
type verified struct {
	Segments int      `json:"segments"`
	Tweets   int64    `json:"tweets"` // those that are in several segments count in each
	Bytes    int64    `json:"bytes"`
	Problems []string `json:"problems"`
}

// add counts a segment of a stream; they come by stream. problem: it is damaged.
func (d *verifiedDocument) add(s archive.Segment, problem error) {
	if n := len(d.Streams); n == 0 || d.Streams[n-1].StreamLabel != s.Label {
		d.Streams = append(d.Streams, streamVerified{s.Label, verified{Problems: []string{}}})
	}
	for _, v := range []*verified{&d.verified, &d.Streams[len(d.Streams)-1].verified} {
		v.Segments++
		v.Tweets += s.Tweets
		v.Bytes += s.Size
		if problem != nil {
			v.Problems = append(v.Problems, oneLine(problem))
		}
	}
}

func (c *Console) archiveVerify(ctx context.Context, flags *cli.Context, l *look) error {
	list, unread := l.Segments(ctx, l.label, l.from, l.to)
	if unread != nil && !errors.Is(unread, archive.ErrDamaged) {
		return unread
	}
	doc := verifiedDocument{Streams: []streamVerified{}, verified: verified{Problems: []string{}}}
	if unread != nil {
		doc.Problems = append(doc.Problems, oneLine(unread))
	}
	b := c.newBar("verify archive")
	defer b.end()
	for i, s := range list {
		err := l.Verify(ctx, s)
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		doc.add(s, err)
		b.set(i+1, len(list))
	}
	if err := c.printVerified(flags, doc); err != nil {
		return err
	}
	if n := len(doc.Problems); n > 0 {
		return fmt.Errorf("%d of %d segments are damaged or cannot be read; what they held has to come from elsewhere", n, len(list))
	}
	return nil
}

func (c *Console) printVerified(flags *cli.Context, doc verifiedDocument) error {
	if flags.Bool("json") {
		return printJSON(c.stdout, doc)
	}
	for _, text := range doc.Problems {
		_ = c.tell(text)
	}
	_, err := fmt.Fprintf(c.stdout, "%d segments, %d Tweets, %d bytes: %d damaged\n", doc.Segments, doc.Tweets, doc.Bytes, len(doc.Problems))
	return err
}

// countDocument is what archive count -json prints.
type countDocument struct {
	Streams []countLine `json:"streams"`
}

type countLine struct {
	StreamLabel string      `json:"stream_label"`
	Tweets      int64       `json:"tweets"`
	Minutes     []countedAt `json:"minutes"`
}

type countedAt struct {
	Minute time.Time `json:"minute"`
	Tweets int64     `json:"tweets"`
	Digest string    `json:"digest"` // hexadecimal, as in the ledger
}

func (c *Console) archiveCount(ctx context.Context, flags *cli.Context, l *look) error {
	spans, wrong := l.labels(ctx)
	if wrong != nil && !errors.Is(wrong, archive.ErrDamaged) {
		return wrong
	}
	doc := countDocument{Streams: []countLine{}}
	for _, span := range spans {
		list, err := l.Minutes(ctx, span.label, span.from, span.to)
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		wrong = errors.Join(wrong, err)
		line := countLine{StreamLabel: span.label, Minutes: []countedAt{}}
		for _, s := range list {
			line.Tweets += s.Tweets
			line.Minutes = append(line.Minutes, countedAt{minuteTime(s.Minute), s.Tweets, fmt.Sprintf("%016x", s.Digest)})
		}
		doc.Streams = append(doc.Streams, line)
	}
	if err := c.printCounts(flags, doc); err != nil {
		return err
	}
	return oneLineError(wrong)
}

func (c *Console) printCounts(flags *cli.Context, doc countDocument) error {
	if flags.Bool("json") {
		return printJSON(c.stdout, doc)
	}
	g := c.newGrid(2, true, ">minutes", ">Tweets")
	for _, s := range doc.Streams {
		g.add(s.StreamLabel, len(s.Minutes), s.Tweets)
	}
	return g.print(c.stdout, "no Tweets")
}

// minutesOf are the minutes of the look that hold something under the label, without those that nothing is known of.
func minutesOf(list []archive.Segment) []timeline.Minute {
	var minutes []timeline.Minute
	for _, s := range list {
		minutes = append(minutes, s.Minute)
	}
	return slices.Compact(minutes)
}
