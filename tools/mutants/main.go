package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	parallel := flag.Int("parallel", 2, "mutants at a time; each takes a copy of the tree")
	dir := flag.String("dir", "internal/testing/mutation", "directory of the patches")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: mutants [flags] [name…], in the module's root; no name: all")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *dir, flag.Args(), max(1, *parallel))
	stop()
	if errors.Is(err, errLeft) { // told already
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
}

// errLeft: not all mutants were killed.
var errLeft = errors.New("not all mutants were killed")

func run(ctx context.Context, w io.Writer, dir string, names []string, parallel int) (err error) {
	out := &lines{to: w}
	mutants, err := readAll(dir, names)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	var trees []tree
	for i := range min(parallel, len(mutants)) {
		t, err := copyTree(ctx, ".", filepath.Join(temp, strconv.Itoa(i)))
		if err != nil {
			return fmt.Errorf("copy the tree: %w", err)
		}
		trees = append(trees, t)
	}
	began := time.Now()
	sound := try(ctx, out, trees, mutants)
	hunt(ctx, out, trees, mutants, sound)
	if err := ctx.Err(); err != nil {
		return err
	}
	return tell(out, mutants, time.Since(began))
}

// try runs each command once on the tree as it is, and returns what is wrong with each, empty if nothing is.
func try(ctx context.Context, out io.Writer, trees []tree, mutants []mutant) map[string]string {
	type trial struct{ command, wrong string }
	var trials []trial
	sound := map[string]string{}
	for _, m := range mutants {
		if _, known := sound[m.command]; !known {
			sound[m.command] = ""
			trials = append(trials, trial{command: m.command})
		}
	}
	each(trees, trials, func(t tree, x *trial) {
		text, err := t.test(ctx, x.command)
		switch v, by := judge(text, err); v {
		case survived: // as it must
			return
		case killed:
			x.wrong = "fails: " + by
		default:
			x.wrong = strings.TrimSpace(v + " " + by)
		}
		say(ctx, out, "without a mutant, %s: %s\n%s", x.command, x.wrong, indented(text))
	})
	for _, x := range trials {
		sound[x.command] = x.wrong
	}
	return sound
}

// hunt finds the verdict on each mutant.
func hunt(ctx context.Context, out io.Writer, trees []tree, mutants []mutant, sound map[string]string) {
	each(trees, mutants, func(t tree, m *mutant) {
		began := time.Now()
		if wrong := sound[m.command]; wrong != "" {
			m.verdict, m.by = untried, "its test, without it: "+wrong
		} else {
			m.verdict, m.by = t.kill(ctx, m)
		}
		say(ctx, out, "%-8s %-32s %4.1f s  %s", m.verdict, m.name, time.Since(began).Seconds(), m.by)
	})
}

// say writes one line, unless we were stopped: then verdicts mean nothing.
func say(ctx context.Context, out io.Writer, format string, args ...any) {
	if ctx.Err() == nil {
		fmt.Fprintf(out, format+"\n", args...)
	}
}

// tell names the mutants that were not killed, and counts.
func tell(out io.Writer, mutants []mutant, took time.Duration) error {
	n := 0
	for _, m := range mutants {
		if m.verdict == killed {
			n++
			continue
		}
		fmt.Fprintf(out, "not killed: %s: %s\n  wrong: %s\n  must fail: %s\n", m.path, strings.TrimSuffix(m.verdict+": "+m.by, ": "), m.wrong, m.command)
	}
	fmt.Fprintf(out, "took %v\nmutants %d killed %d\n", took.Round(time.Second), len(mutants), n)
	if n < len(mutants) {
		return errLeft
	}
	return nil
}

// indented is the end of a test's output.
func indented(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-30):], "\n  ")
}
