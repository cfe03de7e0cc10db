package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	days := flag.Int("days", 1000, "simulated days of each row")
	seed := flag.Uint64("seed", 1, "of all that is drawn")
	docs := flag.String("docs", "", "directory whose volumes.md and pictures are written anew; empty: none")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: volumes [flags], in the module's root")
		flag.PrintDefaults()
	}
	flag.Parse()
	err := run(*days, *seed, *docs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "volumes:", err)
	}
	if errors.Is(err, errBound) {
		os.Exit(1)
	}
	if err != nil {
		os.Exit(2)
	}
}

// errBound: a stated bound is not kept.
var errBound = errors.New("a bound is not kept")

func run(days int, seed uint64, docs string) error {
	began := time.Now()
	report, broken := measure(days, seed)
	fmt.Println(report)
	if docs != "" {
		if err := write(docs, report); err != nil {
			return fmt.Errorf("write the tables: %w", err)
		}
		if err := drawAll(docs, seed); err != nil {
			return fmt.Errorf("draw the pictures: %w", err)
		}
	}
	fmt.Printf("volumes %d days a row, %s, bounds broken %d\n", days, time.Since(began).Round(time.Second), len(broken))
	if len(broken) > 0 {
		return fmt.Errorf("%w: %s", errBound, strings.Join(broken, "; "))
	}
	return nil
}

// The tables stand between these lines of volumes.md.
const begin, end = "<!-- volumes: written by `make volumes` -->", "<!-- volumes: end -->"

func write(docs, report string) error {
	path := filepath.Join(docs, "volumes.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, also := strings.Cut(rest, end)
	if !ok || !also {
		return fmt.Errorf("%s has no place for the tables", path)
	}
	return os.WriteFile(path, []byte(head+begin+"\n\n"+report+"\n"+end+tail), 0o644)
}
