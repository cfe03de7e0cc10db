package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

var backfillModes = map[string]decasim.BackfillMode{
	"serve": decasim.BackfillServe, "ignore": decasim.BackfillIgnore, "refuse": decasim.BackfillRefuse,
}

// config turns flags into the server's configuration.
func config(c *cli.Context) (decasim.ServerConfig, error) {
	if err := withinLimits(c); err != nil {
		return decasim.ServerConfig{}, err
	}
	mode, known := backfillModes[c.String("backfill")]
	if !known {
		return decasim.ServerConfig{}, usageError{fmt.Errorf("--backfill %s: must be serve, ignore or refuse", c.String("backfill"))}
	}
	cfg := decasim.ServerConfig{
		Account: c.String("account"), Label: c.String("label"), Username: c.String("username"), Password: password(),
		Backfill: mode, Seed: c.Uint64("seed"), AllowedConnections: c.Int("allowed-connections"),
		ExcessGrace: c.Duration("excess-grace"), CutOldest: c.Bool("cut-oldest"), ConnectLimit: c.Int("connect-limit"),
		HeartbeatEvery: c.Duration("heartbeat"), Disorder: c.Duration("disorder"), QueueLimit: c.Int("queue"),
		MemberPerFlush: c.Bool("member-per-flush"),
		Refused: func(status int, why string) {
			fmt.Fprintf(c.App.Writer, "%s refused %d %s\n", stamp(), status, why)
		},
	}
	if cfg.Disorder == 0 {
		cfg.Disorder = -1
	}
	if err := requestConfig(c, &cfg); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Faults, err = faults(c); err != nil {
		return cfg, err
	}
	cfg.Source, err = source(c)
	return cfg, err
}

var partitionModes = map[string]decasim.PartitionMode{
	"required": decasim.PartitionRequired, "optional": decasim.PartitionOptional, "refused": decasim.PartitionRefused,
}

// requestConfig sets what concerns Replay and Recovery. 0 means the default to the library.
func requestConfig(c *cli.Context, cfg *decasim.ServerConfig) error {
	mode, known := partitionModes[c.String("recovery-partition")]
	if !known {
		return usageError{fmt.Errorf("--recovery-partition %s: must be required, optional or refused", c.String("recovery-partition"))}
	}
	start, end, both := strings.Cut(c.String("recovery-parameters"), ",")
	if !both || start == "" || end == "" || start == end {
		return usageError{fmt.Errorf("--recovery-parameters %s: must be two names with a comma between", c.String("recovery-parameters"))}
	}
	cfg.RecoveryPartition, cfg.RecoveryParameters = mode, [2]string{start, end}
	cfg.ReplayDelay, cfg.ReplayHorizon = none(c.Duration("replay-delay")), none(c.Duration("replay-horizon"))
	cfg.ReplaySpeed, cfg.RecoveryRate = none(c.Float64("replay-speed")), none(c.Float64("recovery-rate"))
	cfg.ReplayLimit, cfg.ReplayJobs, cfg.RecoveryJobs = none(c.Int("replay-limit")), none(c.Int("replay-jobs")), none(c.Int("recovery-jobs"))
	cfg.ReplayCountRefused, cfg.RecoveryHorizon = c.Bool("replay-count-refused"), none(c.Duration("recovery-horizon"))
	return statuses(c, cfg)
}

func statuses(c *cli.Context, cfg *decasim.ServerConfig) error {
	for _, name := range []string{"replay-status", "recovery-status"} {
		if n := c.Int(name); n != 0 && (n < 400 || n > 599) {
			return usageError{fmt.Errorf("--%s %d: must be from 400 to 599, or 0", name, n)}
		}
	}
	cfg.ReplayStatus, cfg.RecoveryStatus = c.Int("replay-status"), c.Int("recovery-status")
	return nil
}

// none is -1 where 0 was asked for.
func none[T int | float64 | time.Duration](x T) T {
	if x == 0 {
		return -1
	}
	return x
}

// password is never an option: command lines are public on a machine.
func password() string {
	if p := os.Getenv("DECAHOSE_SIM_PASSWORD"); p != "" {
		return p
	}
	return "demo"
}

func source(c *cli.Context) (world.Source, error) {
	rate := c.Float64("rate")
	if rate == 0 {
		rate = -1 // 0 means the default to the library
	}
	if path := c.String("play"); path != "" {
		p, err := world.NewPlay(world.PlayConfig{Path: path, Seed: c.Uint64("seed"), Rate: rate})
		if err != nil {
			return nil, usageError{fmt.Errorf("--play: %w", err)}
		}
		return p, nil
	}
	return world.New(world.Config{Seed: c.Uint64("seed"), Rate: rate, Deleted: none(c.Float64("deleted")),
		Season: world.Season{Daily: c.Float64("daily"), Weekly: c.Float64("weekly")}}), nil
}

// faults are those of --fault, then those of --random-faults.
func faults(c *cli.Context) (*decasim.FaultPlan, error) {
	var all []decasim.Fault
	for _, text := range joinOptions(c.StringSlice("fault")) {
		f, err := decasim.ParseFault(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--fault: %w", err)}
		}
		all = append(all, f)
	}
	if c.IsSet("random-faults") {
		all = append(all, decasim.RandomPlan(c.Uint64("random-faults"), randomOptions(c)).Faults()...)
	}
	return decasim.NewFaultPlan(all...), nil
}

// randomOptions guesses the client from what it is allowed: half of the connections to each partition.
func randomOptions(c *cli.Context) decasim.RandomOptions {
	d := c.Duration("duration")
	if d == 0 {
		d = time.Hour
	}
	return decasim.RandomOptions{Duration: d, Spacing: 20 * time.Second,
		Connections: max(1, c.Int("allowed-connections")/2), Backfill: c.String("backfill") == "serve",
		Recovery: c.Bool("random-replay-faults"), Long: c.Bool("random-replay-faults")}
}

// joinOptions undoes the command line library's cutting of values at commas: a part without a fault's
// @ and with a = belongs to the fault before it.
func joinOptions(parts []string) []string {
	var all []string
	for _, p := range parts {
		head, _, _ := strings.Cut(p, "@")
		if len(all) > 0 && strings.Contains(head, "=") {
			all[len(all)-1] += "," + p
			continue
		}
		all = append(all, p)
	}
	return all
}

// checkListen allows loopback only, unless told otherwise.
func checkListen(address string, remote bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usageError{fmt.Errorf("--listen %s: %w", address, err)}
	}
	if ip, err := netip.ParseAddr(host); remote || host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return usageError{fmt.Errorf("--listen %s: not a loopback address; --allow-remote serves there nevertheless, without TLS", address)}
}

func stamp() string { return time.Now().UTC().Format("15:04:05") }

// greet prints what a client needs. The password is named only where it is the public default.
func greet(c *cli.Context, cfg decasim.ServerConfig, address string) {
	secret := `password = "demo"`
	if password() != "demo" {
		secret = `# password: the one in DECAHOSE_SIM_PASSWORD`
	}
	fmt.Fprintf(c.App.Writer, `decahose-sim: http://%s/stream/sample10/accounts/%s/publishers/twitter/%s.json?partition=1
replay:       http://%s/replay/sample10/accounts/%s/publishers/twitter/%s.json?fromDate=YYYYMMDDHHMM&toDate=YYYYMMDDHHMM
oracle:       http://%s/oracle/summary

[[inputs.decahose]]
  account = %q
  stream_label = %q
  username = %q
  %s
  stream_url = "http://%s"
  replay_url = "http://%s"
  recovery_url = "http://%s"

`, address, cfg.Account, cfg.Label, address, cfg.Account, cfg.Label, address, cfg.Account, cfg.Label, cfg.Username, secret, address, address, address)
	for _, f := range cfg.Faults.Faults() {
		fmt.Fprintf(c.App.Writer, "planned %s\n", f)
	}
}

// printStatus prints one line and returns how many Tweets were offered so far.
func printStatus(c *cli.Context, s *decasim.Server, last int) int {
	sum := s.Summary()
	rate := float64(sum.Offered-last) / c.Duration("status").Seconds()
	fmt.Fprintf(c.App.Writer, "%s live %d accepted %d offered %d (%.0f/s) sent %d unsent %d waiting %d requests %d completed %d refused %d faults fired %d of %d\n",
		stamp(), sum.Live, sum.Accepted, sum.Offered, rate, sum.Sent, sum.Unsent, sum.Pending, sum.Made, sum.Completed, sum.Refused, len(sum.Fired), len(sum.Fired)+len(sum.Unfired))
	return sum.Offered
}

// report is the last word: what was offered, and which faults happened.
func report(c *cli.Context, s *decasim.Server) {
	sum := s.Summary()
	names := make([]string, 0, len(sum.Fired))
	for name := range sum.Fired {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(c.App.Writer, "fired %dx %s\n", sum.Fired[name], name)
	}
	for _, name := range sum.Unfired {
		fmt.Fprintf(c.App.Writer, "never fired %s\n", name)
	}
	for _, r := range sum.Requests {
		fmt.Fprintf(c.App.Writer, "%s %s from %s to %s partition %d: %d, sent %d, %s\n", r.At.Format(time.TimeOnly), r.Kind,
			r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), r.Partition, r.Status, r.Sent, r.End)
	}
	fmt.Fprintf(c.App.Writer, "offered %d sent %d unsent %d\n", sum.Offered, sum.Sent, sum.Unsent)
}
