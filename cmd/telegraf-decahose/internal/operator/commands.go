package operator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

// Console runs the operator's commands. They are other processes than the plugin: they read its state,
// and ask it for something by leaving an order there.
type Console struct {
	stdout, stderr io.Writer
	now            func() time.Time
	poll           time.Duration              // between two looks at what a running plugin does
	patience       time.Duration              // how long an answer may take
	second         time.Duration              // after how long at most a store is looked at again before a repair
	ask            func(question string) bool // nil: there is nobody to ask
	terminal       bool                       // stderr is one
	barWidth       int                        // of that terminal
	width          int                        // of the terminal that stdout is; 0: it is none
	color          bool                       // states are coloured
	config         string                     // that was read
	asksX          bool                       // the command needs the credentials
}

// New has what the command line needs of the terminal, if the files are one.
func New(stdout, stderr io.Writer) *Console {
	c := &Console{stdout: stdout, stderr: stderr, now: time.Now, poll: time.Second / 2, patience: 30 * time.Second, second: 15 * time.Second}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		c.terminal, c.barWidth = true, terminalWidth(f)
		if term.IsTerminal(int(os.Stdin.Fd())) {
			c.ask = func(question string) bool { return askYes(os.Stdin, stderr, question) }
		}
	}
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		c.width, c.color = terminalWidth(f), os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return c
}

// usualWidth is that of a terminal that does not tell.
const usualWidth = 80

func terminalWidth(f *os.File) int {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return usualWidth
}

// askYes takes y and yes for yes, and everything else, the end of the input included, for no.
func askYes(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprintf(out, "%s [y/N] ", question)
	var word string
	if _, err := fmt.Fscanln(in, &word); err != nil {
		return false
	}
	return word == "y" || word == "Y" || word == "yes"
}

// usageError is one that the same command will have again.
type usageError struct{ error }

func badUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// flags that all commands have.
func flags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "configuration `FILE` of the plugin", DefaultText: settings.UsualPath},
		&cli.StringFlag{Name: "stream_label", Usage: "look at the input with this `LABEL` only"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document"},
	}, more...)
}

// rangeFlags are those of commands about a time.
func rangeFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "first minute, at `TIME`"},
		&cli.StringFlag{Name: "to", Usage: "end, at `TIME`: the first minute that is left out"},
	}, more...)
}

// wideFlag is of commands that print a table.
func wideFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wide", Usage: "show all columns, also where the terminal is too narrow for them"}
}

func partitionFlag() cli.Flag {
	return &cli.IntFlag{Name: "partition", Usage: "this partition only, by `NUMBER`", DefaultText: "all"}
}

const timesText = "A TIME is " + allowedTime + ". Minutes are UTC minutes of the Tweets' own time; -to is exclusive."

// Commands are those of the command line. Their error is a cli.ExitCoder: what went wrong has been said.
func (c *Console) Commands() []*cli.Command {
	return []*cli.Command{
		c.command("gaps", "show what is missing, and what happens next", "",
			"Shows the gaps that are open. A gap that is recovered or lost is shown with -all.", c.gaps,
			&cli.BoolFlag{Name: "all", Usage: "also show what was recovered or lost"}, wideFlag()),
		c.command("minutes", "show the counts of each minute", "[-from TIME -to TIME]",
			timesText+" Without them the last 60 minutes are shown, as far as the ledger goes back.", c.minutes, rangeFlags(wideFlag())...),
		c.command("recover", "ask for minutes again", "-from TIME -to TIME",
			timesText+" Asks the running plugin for the minutes, whatever is known of them, and follows what comes of it."+
				" Where none runs, it asks X itself, and prints the Tweets as line protocol.",
			c.recover, rangeFlags(partitionFlag(),
				&cli.BoolFlag{Name: "no-wait", Usage: "return when the plugin answered"},
				&cli.BoolFlag{Name: "emit-again", Usage: "emit the Tweets of these minutes again, though they were emitted: a store lost them"},
				&cli.StringFlag{Name: "output", Usage: "where no plugin runs: append the Tweets to this `FILE`, not to stdout"})...),
		c.command("verify", "check the ledger", "",
			"Reads the whole state, and compares checksums, digests and sums. It changes nothing.", c.verify),
		c.command("reconcile", "compare the final store with the ledger", "-from TIME -to TIME",
			timesText+" Asks the stores of [[inputs.decahose.audit]], whether the plugin runs or not. Exit code 1: they differ, or one did not answer.",
			c.reconcile, rangeFlags(
				wideFlag(),
				&cli.StringFlag{Name: "audit", Usage: "the audit of this `NAME` only"},
				&cli.BoolFlag{Name: "ids", Usage: "list the ids that differ, where the store can tell"},
				&cli.BoolFlag{Name: "repair", Usage: "have the plugin emit again what is missing"},
				&cli.BoolFlag{Name: "again", Usage: "with -repair: also what stays short though it was repaired"})...),
		c.command("forget", "give missing minutes up, for good", "-from TIME -to TIME",
			timesText+" Gaps in that time become lost: nothing asks for them any more.",
			c.forget, rangeFlags(partitionFlag(),
				&cli.BoolFlag{Name: "yes", Usage: "do not ask whether that is meant"})...),
		c.archiveCommand(),
		c.replayCommand(),
	}
}

// command is one of them, with the flags that all have.
func (c *Console) command(name, usage, args, text string, action cli.ActionFunc, more ...cli.Flag) *cli.Command {
	return &cli.Command{
		Name:            name,
		Usage:           usage,
		UsageText:       strings.TrimSpace("telegraf-decahose "+name+" -config FILE "+args) + " [options]",
		Description:     text,
		HideHelpCommand: true,
		Flags:           flags(more...),
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return err },
		Action: func(ctx *cli.Context) error {
			return cli.Exit("", c.exitCode(c.checked(ctx, action)))
		},
	}
}

// checked refuses what no command takes.
func (c *Console) checked(ctx *cli.Context, action cli.ActionFunc) error {
	if ctx.Args().Present() {
		return badUsage("unknown argument %q; all settings are flags (-help shows them)", ctx.Args().First())
	}
	if n := ctx.Int("partition"); ctx.IsSet("partition") && (n < 1 || n > decahose.MaxPartition) {
		return badUsage("option \"partition\" is %d, must be a number from 1 to %d", n, decahose.MaxPartition)
	}
	return action(ctx)
}

// exitCode says what went wrong, in one line, and returns the exit code.
func (c *Console) exitCode(err error) int {
	if err == nil {
		return process.ExitStopped
	}
	process.Say(c.stderr, 'E', err.Error())
	c.hint()
	if _, ok := errors.AsType[usageError](err); ok {
		return process.ExitUsage
	}
	return process.ExitFailure
}

// hint is for an operator's shell, which has not the environment of the service.
func (c *Console) hint() {
	if c.config != "" {
		settings.HintAtEnvironment(c.config, c.asksX, func(text string) { process.Say(c.stderr, 'I', text) })
	}
}

// tell prints one line, part of which may be words of others.
func (c *Console) tell(text string) error {
	_, err := fmt.Fprintln(c.stdout, guard.Line(text, guard.LineMost))
	return err
}

func (c *Console) warn(format string, args ...any) {
	process.Say(c.stderr, 'W', fmt.Sprintf(format, args...))
}

// configOf is the file of -config; where that is not given the usual one is meant, if it is there.
func configOf(ctx *cli.Context) string {
	if path := configGiven(ctx); path != "" || !settings.UsualThere() {
		return path
	}
	return settings.UsualPath
}

// configGiven finds -config before or behind the command's name.
func configGiven(ctx *cli.Context) string {
	for _, level := range ctx.Lineage() {
		if path := level.String("config"); path != "" {
			return path
		}
	}
	return ""
}
