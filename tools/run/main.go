//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

const (
	// afterglow is how long Telegraf goes on after the simulator stopped offering.
	afterglow = 2 * time.Second
	// afterglowMost is how long it may go on while a cut connection is still being made good.
	afterglowMost = 10 * time.Second
	// stopMost is how long Telegraf may take to stop; the plugin itself has 5 s.
	stopMost = 10 * time.Second
)

func main() {
	duration := flag.Duration("duration", 0, "stop by itself after this long; 0: at Ctrl-C")
	var p paths
	flag.StringVar(&p.binary, "plugin", "bin/telegraf-decahose", "the plugin's binary")
	flag.StringVar(&p.dir, "dir", "build/run", "directory for configuration and output of the run")
	flag.Parse()
	code, err := run(p, *duration)
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		code = 1
	}
	os.Exit(code)
}

// run returns the exit code: 1 if anything was lost or doubled.
func run(p paths, duration time.Duration) (int, error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	src, err := chooseSource()
	if err != nil {
		return 0, err
	}
	defer src.close()
	j, err := newJob(ctx, src, p)
	if err != nil {
		return 0, err
	}
	defer j.close()
	if err := j.watch(ctx, duration); err != nil {
		return 0, err
	}
	cancel() // a second Ctrl-C ends at once
	return j.finish()
}

// job is one run: the agent and what is known of its output.
type job struct {
	src    *source
	paths  paths
	agent  *env.Process
	tally  *tally
	screen *screen
}

func newJob(ctx context.Context, src *source, p paths) (*job, error) {
	telegraf, err := env.Telegraf(ctx, os.Stdout)
	if err != nil {
		return nil, err
	}
	if err := p.layOut(src); err != nil {
		return nil, err
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	agent, err := env.Start([]string{telegraf, "--config", p.telegraf}, src.env, log)
	if err != nil {
		return nil, err
	}
	j := &job{src: src, paths: p, agent: agent, tally: newTally(p)}
	j.screen = newScreen(j)
	return j, nil
}

func (j *job) close() {
	j.screen.close()
	j.agent.Kill()
}

// watch redraws until it is time to stop.
func (j *job) watch(ctx context.Context, duration time.Duration) error {
	if duration > 0 {
		limited, cancel := context.WithTimeout(ctx, duration)
		defer cancel()
		ctx = limited
	}
	cuts := newCuts(j.src.sim, duration)
	redraw := time.NewTicker(j.screen.every())
	defer redraw.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-j.agent.Done():
			return fmt.Errorf("the agent has ended; its log is %s\n%s", j.paths.log, j.agent.Log.Text())
		case now := <-redraw.C:
			j.screen.cut = cuts.maybe(now)
			j.tally.compare(j.src.sim)
			j.screen.draw(now)
		}
	}
}

// finish stops the source, then the agent, and gives the verdict.
func (j *job) finish() (int, error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	j.screen.say("stopping")
	if j.src.sim != nil {
		j.src.sim.StopOffering()
		j.glow(ctx)
	}
	limited, cancelStop := context.WithTimeout(ctx, stopMost)
	defer cancelStop()
	_, err := j.agent.Stop(limited)
	j.tally.finish()
	j.screen.close()
	if err != nil {
		return 0, err
	}
	if j.tally.err != nil {
		return 0, fmt.Errorf("output is damaged: %w", j.tally.err)
	}
	fmt.Printf("Tweets are in %s, counters in %s, Telegraf's log in %s\n", j.paths.show(j.paths.tweets), j.paths.show(j.paths.counters), j.paths.show(j.paths.log))
	return j.verdict()
}

// glow lets what was offered arrive.
func (j *job) glow(ctx context.Context) {
	least, cancel := context.WithTimeout(ctx, afterglow)
	defer cancel()
	<-least.Done()
	most, cancelMost := context.WithTimeout(ctx, afterglowMost-afterglow)
	defer cancelMost()
	env.Until(most, func() bool { return j.tally.judge(j.src).lost == 0 })
}

func (j *job) verdict() (int, error) {
	if j.src.sim == nil {
		fmt.Printf("emitted %d into %s\n", j.tally.landedCount(), j.paths.show(j.paths.tweets))
		return 0, nil
	}
	v := j.tally.judge(j.src)
	if v.early > 0 {
		fmt.Printf("%d Tweets from before the first connect came as well, by backfill\n", v.early)
	}
	if v.foreign > 0 {
		return 0, fmt.Errorf("%d Tweets landed that do not exist", v.foreign)
	}
	fmt.Printf("offered %d emitted %d lost %d doubled %d\n", v.offered, v.offered-v.lost, v.lost, v.doubled)
	if v.lost > 0 || v.doubled > 0 || v.offered == 0 {
		return 1, nil
	}
	return 0, nil
}
