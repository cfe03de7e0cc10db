//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

func main() {
	stock := flag.Bool("stock", false, "the stock Telegraf of the tests")
	out := flag.String("o", "bin/telegraf", "where the custom Telegraf goes")
	tags := flag.String("tags", env.CustomTags, "plugins of Telegraf's own in it, as build tags")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *stock, *out, *tags); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stock bool, out, tags string) error {
	if stock {
		path, err := env.Telegraf(ctx, os.Stderr)
		if err == nil {
			fmt.Println(path)
		}
		return err
	}
	binary, err := env.CustomWith(ctx, tags, os.Stderr)
	if err != nil {
		return err
	}
	if err := replace(ctx, out, binary); err != nil {
		return fmt.Errorf("copy Telegraf: %w", err)
	}
	fmt.Println(out)
	return nil
}

// replace copies beside the place and renames: an agent that runs there is not disturbed.
func replace(ctx context.Context, place, binary string) error {
	if err := os.MkdirAll(filepath.Dir(place), 0o750); err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "cp", binary, place+".new").Run(); err != nil {
		return err
	}
	return os.Rename(place+".new", place)
}
