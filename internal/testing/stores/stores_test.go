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

	"github.com/decahose/telegraf-decahose/internal/testing/env"
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
	os.Exit(env.Suite(m, !*run, build, func() string {
		return fmt.Sprintf("stores %d missing_found %d missing_left %d", total.stores, total.found, total.left)
	}))
}

func build(ctx context.Context, dir string) (err error) {
	built.telegraf, built.plugin, err = env.Binaries(ctx, dir)
	return err
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
