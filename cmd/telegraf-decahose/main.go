package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/release"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// Exit codes, which supervisors act on.
const (
	exitStopped = 0 // stopped on request
	exitFailure = 1 // a restart may cure it
	exitUsage   = 2 // usage or configuration: a restart does not help
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// gcPercent trades a little time for memory: the hot path makes no garbage, and most of the heap is ids that stay.
const gcPercent = 50

// run is main, with everything but the process itself as an argument.
func run(args []string, stdout, stderr io.Writer) int {
	return newConsole(stdout, stderr).run(args)
}

func (c *console) run(args []string) int {
	app := commandLine(c.stdout, c.stderr)
	app.Commands = c.commands()
	app.Action = func(ctx *cli.Context) error {
		c.code = dispatch(ctx, c.stdout, c.stderr)
		return nil
	}
	if err := app.Run(args); err != nil {
		sayError(c.stderr, err.Error()+" (-help shows the usage)")
		return exitUsage
	}
	return c.code
}

func commandLine(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:            "telegraf-decahose",
		Usage:           "reads X's Decahose for Telegraf's inputs.execd, and archives it for outputs.execd",
		UsageText:       "telegraf-decahose -config FILE [-poll_interval DURATION]\ntelegraf-decahose COMMAND -config FILE [options]",
		HideHelpCommand: true,
		HideVersion:     true,
		Writer:          stdout,
		ErrWriter:       stderr,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "configuration `FILE`"},
			&cli.DurationFlag{Name: "poll_interval", Value: 10 * time.Second,
				Usage: "how often counters are emitted when the agent does not ask, 10ms to 24h; 0 disables"},
			&cli.BoolFlag{Name: "check", Usage: "check the configuration, say what that proves, and exit"},
			&cli.BoolFlag{Name: "connect", Usage: "with -check: spend one attempt at X, and say what it answers"},
			&cli.BoolFlag{Name: "version", Usage: "print the version and exit"},
			&cli.BoolFlag{Name: "sample-config", Usage: "print a configuration with all options and exit; outputs.decahose_archive behind it prints that one's"},
		},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return err },
		ExitErrHandler: func(*cli.Context, error) {}, // the exit code is run's affair
	}
}

func dispatch(c *cli.Context, stdout, stderr io.Writer) int {
	switch {
	case c.Bool("sample-config"):
		return sampleConfig(c.Args().Slice(), stdout, stderr)
	case c.Args().Present():
		sayError(stderr, fmt.Sprintf("unknown argument %q; it is no command, and all settings are flags (-help shows both)", c.Args().First()))
		return exitUsage
	case c.Bool("version"):
		fmt.Fprintln(stdout, "telegraf-decahose", release.Version())
		return exitStopped
	case !pollable(c.Duration("poll_interval")):
		sayError(stderr, fmt.Sprintf("option \"poll_interval\" is %v, must be 0, or a time from 10ms to 24h", c.Duration("poll_interval")))
		return exitUsage
	case c.Bool("connect") && !c.Bool("check"):
		sayError(stderr, "option \"connect\" must stand beside -check: it is the check that asks X")
		return exitUsage
	case c.String("config") == "" && !(c.Bool("check") && usualConfigThere()):
		c.App.Writer = stderr
		_ = cli.ShowAppHelp(c)
		return exitUsage
	}
	return start(c, stdout)
}

// pollable is how often counters may be emitted: never, or neither all the time nor so rarely that nobody waits for it.
func pollable(interval time.Duration) bool {
	return interval == 0 || interval >= 10*time.Millisecond && interval <= day
}

// start takes the process over: from here on stderr carries log lines only.
func start(c *cli.Context, stdout io.Writer) int {
	ask := newAsking() // first: a signal must not end the process while it reads its configuration
	protectSecrets()
	log := newLineLog()
	log.begin(os.Stderr)
	defer log.flush(flushTimeout)
	log.takeTelegrafs()
	path := cmp.Or(c.String("config"), usualConfig)
	s, err := readSettings(path, log, ask, c.Bool("check"))
	if c.Bool("check") {
		hintAtEnvironment(path, true, func(text string) { log.print('I', text) })
	}
	switch {
	case errors.Is(err, errStopped):
		return exitStopped
	case err != nil:
		log.print('E', err.Error())
		return exitUsage
	}
	for _, text := range s.warnings() {
		log.print('W', s.path+": "+text)
	}
	switch {
	case c.Bool("check"):
		return check(s, log, ask, stdout, c.Bool("connect"))
	case s.output != nil:
		return newOutputHost(s, log, ask).run(os.Stdin)
	}
	if flag := trial(); flag != "" {
		return sitOut(flag, log, ask)
	}
	return newHost(s, log, ask, c.Duration("poll_interval")).run()
}

// errStopped is not a failure: the process was asked to stop before it began.
var errStopped = errors.New("stopped while reading the configuration")

// readSettings reads and checks the configuration on a goroutine of its own, because a file may be a
// pipe or on a network drive that hangs, and a stop must not wait for it.
//
// A check looks with the eyes of who will run the plugin: the owner of its directories.
func readSettings(path string, log *lineLog, ask *asking, checks bool) (*settings, error) {
	var (
		s    *settings
		err  error
		done = make(chan struct{})
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		defer close(done)
		if s, err = loadSettings(path); err == nil && checks {
			err = s.becomeOwner()
		}
		if err == nil {
			err = s.init(log)
		}
	})
	select {
	case <-done:
		return s, err
	case <-ask.stops:
		return nil, errStopped
	}
}

// sampleConfig prints that of the plugin that is named, or the input's.
func sampleConfig(names []string, stdout, stderr io.Writer) int {
	switch strings.Join(names, " ") {
	case "", "inputs.decahose":
		fmt.Fprint(stdout, (&decahose.Decahose{}).SampleConfig())
	case "outputs." + outputName:
		fmt.Fprint(stdout, (&decahose_archive.Archive{}).SampleConfig())
	default:
		sayError(stderr, fmt.Sprintf("-sample-config of %q is not available, must be \"inputs.decahose\" or \"outputs.decahose_archive\"", strings.Join(names, " ")))
		return exitUsage
	}
	return exitStopped
}

func sayError(stderr io.Writer, text string) {
	_, _ = stderr.Write(logLine('E', text))
}
