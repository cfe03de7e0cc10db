package env

import (
	"context"
	"fmt"
	"os"
)

// Suite runs tests that take minutes, of real processes, and prints the verdict last of all. build makes the binaries,
// in a directory that is deleted at the end. With off the tests run without them, and skip. It returns the exit code.
func Suite(m interface{ Run() int }, off bool, build func(ctx context.Context, dir string) error, verdict func() string) int {
	if off {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "decahose-suite-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	fmt.Println(verdict())
	return code
}
