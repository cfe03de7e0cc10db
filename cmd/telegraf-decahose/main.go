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

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/host"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/operator"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/release"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
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
	app := commandLine(stdout, stderr)
	app.Commands = operator.New(stdout, stderr).Commands()
	app.Action = func(ctx *cli.Context) error { return cli.Exit("", dispatch(ctx, stdout, stderr)) }
	err := app.Run(args)
	if exit, ok := errors.AsType[cli.ExitCoder](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		process.Say(stderr, 'E', err.Error()+" (-help shows the usage)")
		return process.ExitUsage
	}
	return process.ExitStopped
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
		process.Say(stderr, 'E', fmt.Sprintf("unknown argument %q; it is no command, and all settings are flags (-help shows both)", c.Args().First()))
		return process.ExitUsage
	case c.Bool("version"):
		fmt.Fprintln(stdout, "telegraf-decahose", release.Version())
		return process.ExitStopped
	case !pollable(c.Duration("poll_interval")):
		process.Say(stderr, 'E', fmt.Sprintf("option \"poll_interval\" is %v, must be 0, or a time from 10ms to 24h", c.Duration("poll_interval")))
		return process.ExitUsage
	case c.Bool("connect") && !c.Bool("check"):
		process.Say(stderr, 'E', "option \"connect\" must stand beside -check: it is the check that asks X")
		return process.ExitUsage
	case c.String("config") == "" && !(c.Bool("check") && settings.UsualThere()):
		c.App.Writer = stderr
		_ = cli.ShowAppHelp(c)
		return process.ExitUsage
	}
	return start(c, stdout)
}

// pollable is how often counters may be emitted: never, or neither all the time nor so rarely that nobody waits for it.
func pollable(interval time.Duration) bool {
	return interval == 0 || interval >= 10*time.Millisecond && interval <= 24*time.Hour
}

// start takes the process over: from here on stderr carries log lines only.
func start(c *cli.Context, stdout io.Writer) int {
	ask := host.NewRequests() // first: a signal must not end the process while it reads its configuration
	log := process.NewLog()
	log.Begin(os.Stderr)
	defer log.Flush()
	log.TakeTelegrafs()
	path := cmp.Or(c.String("config"), settings.UsualPath)
	s, err := readSettings(path, log, ask, c.Bool("check"))
	if c.Bool("check") {
		settings.HintAtEnvironment(path, true, func(text string) { log.Print('I', text) })
	}
	switch {
	case errors.Is(err, errStopped):
		return process.ExitStopped
	case err != nil:
		log.Print('E', err.Error())
		return process.ExitUsage
	}
	for _, text := range s.Warnings() {
		log.Print('W', s.Path+": "+text)
	}
	switch {
	case c.Bool("check"):
		return operator.Check(s, log, ask.Stops, stdout, c.Bool("connect"))
	case s.Output != nil:
		return host.RunOutput(s, log, ask, os.Stdin)
	}
	if flag := host.Trial(); flag != "" {
		return host.SitOut(flag, log, ask)
	}
	return host.Run(s, log, ask, c.Duration("poll_interval"))
}

// errStopped is not a failure: the process was asked to stop before it began.
var errStopped = errors.New("stopped while reading the configuration")

// readSettings reads and checks the configuration on a goroutine of its own, because a file may be a
// pipe or on a network drive that hangs, and a stop must not wait for it.
//
// A check looks with the eyes of who will run the plugin: the owner of its directories.
func readSettings(path string, log *process.Log, ask *host.Requests, checks bool) (*settings.File, error) {
	var (
		s    *settings.File
		err  error
		done = make(chan struct{})
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		defer close(done)
		if s, err = settings.Load(path); err == nil && checks {
			err = s.BecomeOwner()
		}
		if err == nil {
			err = s.Init(log)
		}
	})
	select {
	case <-done:
		return s, err
	case <-ask.Stops:
		return nil, errStopped
	}
}

// sampleConfig prints that of the plugin that is named, or the input's.
func sampleConfig(names []string, stdout, stderr io.Writer) int {
	switch strings.Join(names, " ") {
	case "", "inputs.decahose":
		fmt.Fprint(stdout, (&decahose.Decahose{}).SampleConfig())
	case "outputs." + settings.OutputName:
		fmt.Fprint(stdout, (&decahose_archive.Archive{}).SampleConfig())
	default:
		process.Say(stderr, 'E', fmt.Sprintf("-sample-config of %q is not available, must be \"inputs.decahose\" or \"outputs.decahose_archive\"", strings.Join(names, " ")))
		return process.ExitUsage
	}
	return process.ExitStopped
}
