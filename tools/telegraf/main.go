//go:build unix

// Command telegraf builds the stock Telegraf that tests and `make run` use, if it is not built yet, and
// prints its path.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/decahose/telegraf-decahose/internal/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := rig.Telegraf(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}
