package operator

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/recording/replay"
)

// replayCommand is about a file alone: it needs no configuration, and no state.
func (c *Console) replayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "say what was decided in a recording, and why",
		UsageText: "telegraf-decahose replay FILE [-script]",
		Description: "Decides the events of a recording again, and prints a line for each that led to something. A recording is a file of" +
			" debug.record_directory. It changes nothing, and asks nobody.",
		HideHelpCommand: true,
		Flags:           []cli.Flag{&cli.BoolFlag{Name: "script", Usage: "print a script for the tests of the core instead: internal/core/testdata/README.md"}},
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return err },
		Action: func(ctx *cli.Context) error {
			path, script, err := replayArguments(ctx)
			if err == nil {
				err = c.replay(path, script)
			}
			return cli.Exit("", c.exitCode(err))
		},
	}
}

// replayArguments takes the flag on both sides of the file.
func replayArguments(ctx *cli.Context) (path string, script bool, err error) {
	isFlag := func(arg string) bool { return arg == "-script" || arg == "--script" }
	args := ctx.Args().Slice()
	script = ctx.Bool("script") || slices.ContainsFunc(args, isFlag)
	if args = slices.DeleteFunc(args, isFlag); len(args) != 1 || args[0] == "" {
		return "", false, badUsage("replay takes one FILE, a recording of debug.record_directory")
	}
	return args[0], script, nil
}

func (c *Console) replay(path string, script bool) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	defer f.Close()
	file, err := recording.NewReader(f)
	if err != nil {
		return fmt.Errorf("recording %s: %w", path, err)
	}
	if script {
		out := bufio.NewWriter(c.stdout)
		if err := replay.Script(file, out); err != nil {
			return fmt.Errorf("recording %s: %w", path, err)
		}
		return out.Flush()
	}
	return c.explain(file, path)
}

// explain prints what is decided. What is printed before an error is right.
func (c *Console) explain(file *recording.Reader, path string) error {
	if err := c.tellOfRecording(file.Begin()); err != nil {
		return err
	}
	var failed error
	s, err := replay.Play(file, func(p *replay.Played) {
		if line := p.Line(); line != "" && failed == nil {
			failed = c.tell(line)
		}
	})
	if err != nil {
		return fmt.Errorf("recording %s, behind %d events: %w", path, s.Steps, err)
	}
	for _, line := range conclusions(file, &s) {
		if failed == nil {
			failed = c.tell(line)
		}
	}
	return failed
}

func (c *Console) tellOfRecording(b *recording.Begin) error {
	begins := time.Unix(0, b.Wall).UTC().Format("2006-01-02T15:04:05Z")
	if err := c.tell(fmt.Sprintf("# file %d of a process of version %s, from %s on", b.File, b.Program, begins)); err != nil || b.Exact {
		return err
	}
	return c.tell("# It begins in the middle: what the core knew besides gaps, requests and connections is not in it, so what is decided" +
		" of Tweets and minutes before it may differ from what was.")
}

// conclusions are what is to be known of the whole.
func conclusions(file *recording.Reader, s *replay.Summary) []string {
	var all []string
	switch b := file.Begin(); {
	case !b.Exact:
		all = append(all, fmt.Sprintf("# %d events; %d of them are of connections that this core has not. Nothing was compared with what was decided then.", s.Steps, s.Skipped))
	case s.Differ == 0:
		all = append(all, fmt.Sprintf("# %d events; each was decided as it was then.", s.Steps))
	default:
		all = append(all, fmt.Sprintf("# %d events; %d were decided otherwise than then, the first at %s: is this the version that recorded them?",
			s.Steps, s.Differ, s.First.UTC().Format("2006-01-02T15:04:05.000Z")))
	}
	if file.Cut() {
		all = append(all, "# The file ends within an event: its process was killed, or still writes, or the disk was full.")
	}
	return all
}
