//go:build linux

package stores

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/rig"
)

var run = flag.Bool("stores", false, "run; it takes minutes")

// built are the binaries under test; TestMain sets them before the first test, nobody changes them.
var built struct{ telegraf, plugin string }

// total is the sum over all stores.
var total struct {
	sync.Mutex
	stores, found, left int
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

// buildAndRun prints the verdict last of all.
func buildAndRun(m *testing.M) int {
	if !*run {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "decahose-stores-")
	if err == nil {
		defer os.RemoveAll(dir)
		built.telegraf, err = rig.Telegraf(context.Background(), os.Stderr)
	}
	if err == nil {
		built.plugin, err = rig.Build(context.Background(), "cmd/telegraf-decahose", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	fmt.Printf("stores %d missing_found %d missing_left %d\n", total.stores, total.found, total.left)
	return code
}

// TestStores tells the same story of each store. A store that is not installed here is left out, unless
// REQUIRE_STORES=1.
func TestStores(t *testing.T) {
	if !*run {
		t.Skip("make test-stores runs it")
	}
	for i, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s, err := k.start(t)
			if err != nil && os.Getenv("REQUIRE_STORES") != "1" {
				t.Skipf("%s is left out: %v (tools/stores-setup installs it)", k.name, err)
			}
			require.NoError(t, err)
			found, left := tell(t, uint64(i+1), s)
			total.Lock()
			defer total.Unlock()
			total.stores++
			total.found += found
			total.left += left
		})
	}
}
