package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
)

const picture = "docs/groups.svg"

func main() {
	check := flag.Bool("check", false, "compare with "+picture+" and write nothing")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	groups, err := read(os.DirFS(root))
	if err != nil {
		return fmt.Errorf("read the imports: %w", err)
	}
	drawn := draw(groups)
	if !check {
		return os.WriteFile(picture, drawn, 0o644)
	}
	if kept, err := os.ReadFile(picture); err != nil || !bytes.Equal(kept, drawn) {
		return errors.Join(errors.New(picture+" is stale: make picture"), err)
	}
	return nil
}
