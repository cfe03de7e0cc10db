package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

func main() {
	app := newApp()
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "decahose-sim: %v\n", err)
		var usage usageError
		if errors.As(err, &usage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// usageError is an error of the command line: exit code 2.
type usageError struct{ error }

func newApp() *cli.App {
	return &cli.App{
		Name:            "decahose-sim",
		Usage:           "serve a simulated Decahose on this machine",
		Flags:           flags(),
		Action:          run,
		HideHelpCommand: true,
		HideVersion:     true,
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usageError{err} },
		ExitErrHandler:  func(*cli.Context, error) {},
	}
}

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8377", Usage: "`ADDRESS` to serve on"},
		&cli.BoolFlag{Name: "allow-remote", Usage: "serve on an address that is not loopback (without TLS: credentials travel in clear)"},
		&cli.Float64Flag{Name: "rate", Value: 400, Usage: "Tweets per second over all partitions; 0: none"},
		&cli.Float64Flag{Name: "daily", Usage: "how far the hour of the day (UTC) takes the rate from its mean, as a share, 0 to 1"},
		&cli.Float64Flag{Name: "weekly", Usage: "the same of the day of the week"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "of the World: the same seed makes the same Tweets"},
		&cli.StringFlag{Name: "account", Value: "demo", Usage: "account in the URL"},
		&cli.StringFlag{Name: "label", Value: "prod", Usage: "stream label in the URL"},
		&cli.StringFlag{Name: "username", Value: "demo", Usage: "HTTP Basic user; the password comes from DECAHOSE_SIM_PASSWORD, else it is demo"},
		&cli.IntFlag{Name: "allowed-connections", Value: 4, Usage: "over all partitions"},
		&cli.DurationFlag{Name: "excess-grace", Value: time.Second, Usage: "how long more connections are tolerated (X: about a minute)"},
		&cli.BoolFlag{Name: "cut-oldest", Usage: "cut the oldest surplus connection, not the newest"},
		&cli.IntFlag{Name: "connect-limit", Value: 10, Usage: "connects per minute before 429; -1: no limit"},
		&cli.StringFlag{Name: "backfill", Value: "serve", Usage: "what backfillMinutes gets: serve, ignore or refuse"},
		&cli.DurationFlag{Name: "replay-delay", Value: 30 * time.Minute, Usage: "how old the end of a Replay must be; 0s: the current minute can be had as soon as it is over"},
		&cli.DurationFlag{Name: "replay-horizon", Value: 120 * time.Hour, Usage: "how old the start of a Replay may be"},
		&cli.Float64Flag{Name: "replay-speed", Value: 0.9, Usage: "minutes of history that a Replay delivers per minute; 0: as fast as the client reads"},
		&cli.IntFlag{Name: "replay-limit", Value: 5, Usage: "Replays per 5 minutes before 429; -1: no limit"},
		&cli.BoolFlag{Name: "replay-count-refused", Usage: "refused Replays count against the limit too"},
		&cli.IntFlag{Name: "replay-jobs", Value: 1, Usage: "Replays at once before 429; -1: no limit"},
		&cli.IntFlag{Name: "replay-status", Usage: "HTTP `STATUS` of every Replay, such as 403: not bought; 0: it is served"},
		&cli.DurationFlag{Name: "recovery-horizon", Value: 24 * time.Hour, Usage: "how old the start of a Recovery may be"},
		&cli.Float64Flag{Name: "recovery-rate", Value: 1000, Usage: "Tweets per second of a Recovery; 0: as fast as the client reads"},
		&cli.IntFlag{Name: "recovery-jobs", Value: 2, Usage: "Recoveries at once before 429; -1: no limit"},
		&cli.StringFlag{Name: "recovery-partition", Value: "required", Usage: "the parameter partition of a Recovery is required, optional or refused"},
		&cli.StringFlag{Name: "recovery-parameters", Value: "startTime,endTime", Usage: "`NAMES` of the time range of a Recovery"},
		&cli.IntFlag{Name: "recovery-status", Usage: "HTTP `STATUS` of every Recovery, such as 403: not bought; 0: it is served"},
		&cli.Float64Flag{Name: "deleted", Value: 0.01, Usage: "share of the Tweets that Replay and Recovery no longer have, 0 to 1"},
		&cli.StringFlag{Name: "play", Usage: "play the recorded Tweets of `FILE|DIR`, stamped anew, in place of the World"},
		&cli.StringSliceFlag{Name: "fault", Usage: "`KIND@TIME,option=value…`, as often as wanted: see docs/simulator.md"},
		&cli.Uint64Flag{Name: "random-faults", Usage: "a plan of survivable faults, by `SEED`"},
		&cli.BoolFlag{Name: "random-replay-faults", Usage: "the plan has faults of Replay and Recovery, and outages longer than backfill reaches"},
		&cli.DurationFlag{Name: "heartbeat", Value: 10 * time.Second, Usage: "idle time before a heartbeat"},
		&cli.DurationFlag{Name: "disorder", Value: 100 * time.Millisecond, Usage: "by how much records of a connection overtake each other"},
		&cli.IntFlag{Name: "queue", Value: 10_000, Usage: "Tweets that wait for a slow reader before it is cut"},
		&cli.BoolFlag{Name: "member-per-flush", Usage: "each flush is a gzip member of its own"},
		&cli.DurationFlag{Name: "duration", Usage: "stop offering after this time, and exit 2 s later; 0: run until interrupted"},
		&cli.DurationFlag{Name: "status", Value: 5 * time.Second, Usage: "time between status lines; 0: none"},
	}
}

func run(c *cli.Context) error {
	if c.Args().Present() {
		return usageError{fmt.Errorf("unexpected argument %q", c.Args().First())}
	}
	cfg, err := config(c)
	if err != nil {
		return err
	}
	if err := checkListen(c.String("listen"), c.Bool("allow-remote")); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx, c, cfg, l)
}

func serve(ctx context.Context, c *cli.Context, cfg decasim.ServerConfig, l net.Listener) error {
	s := decasim.NewServer(cfg)
	var wg sync.WaitGroup
	failed := make(chan error, 1)
	wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve: %w", err)
		}
	})
	greet(c, cfg, l.Addr().String())
	err := watch(ctx, c, s, failed)
	s.Close()
	wg.Wait()
	report(c, s)
	return err
}

// watch prints status lines until the end of the run.
func watch(ctx context.Context, c *cli.Context, s *decasim.Server, failed <-chan error) error {
	var over, status <-chan time.Time
	if d := c.Duration("duration"); d > 0 {
		over = time.After(d)
	}
	if d := c.Duration("status"); d > 0 {
		t := time.NewTicker(d)
		defer t.Stop()
		status = t.C
	}
	last := 0
	for stopping := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-over:
			if stopping {
				return nil
			}
			stopping = true
			s.StopOffering()
			over = time.After(2 * time.Second)
		case <-status:
			last = printStatus(c, s, last)
		}
	}
}
