//go:build linux

package crash

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

var (
	runs = flag.Int("runs", 0, "how many kills; 0: none, they take minutes")
	seed = flag.Uint64("seed", 1, "seed of the first story")
)

// perStory is how many kills one simulator, one state directory and one stream see.
const perStory = 5

// built are the binaries under test; TestMain sets them before the first test, nobody changes them.
var built struct{ telegraf, plugin string }

// total is the sum over all stories.
var total struct {
	sync.Mutex
	kills, lost, wrong int
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(env.Suite(m, *runs == 0, build, func() string {
		return fmt.Sprintf("kills %d lost %d wrong %d", total.kills, total.lost, total.wrong)
	}))
}

func build(ctx context.Context, dir string) (err error) {
	built.telegraf, built.plugin, err = env.Binaries(ctx, dir, "-tags", "crashpoints")
	return err
}

// TestCrashes tells as many stories as it takes. A story is a function of its seed, save for the moments at which
// the machine gets round to things.
func TestCrashes(t *testing.T) {
	if *runs == 0 {
		t.Skip("-runs 0: make crash runs it")
	}
	s := *seed
	for left := *runs; left > 0; left -= perStory {
		kills, seed := min(left, perStory), s
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			tell(t, seed, kills)
		})
		s++
	}
}

func tell(t *testing.T, seed uint64, kills int) {
	s := begin(t, seed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: make crash RUNS=%d SEED=%d", kills, seed)
		}
	})
	s.start()
	for i := range kills {
		if i%3 == 0 {
			s.beCalm()
		}
		k := kinds[(int(seed-1)*perStory+i)%len(kinds)]
		t.Logf("kill %d: %s", i+1, k.name)
		s.life().kills++
		k.kill(s)
		s.kills++
		s.goOn(0)
	}
	s.end()
	v := s.judge()
	total.Lock()
	defer total.Unlock()
	total.kills, total.lost, total.wrong = total.kills+s.kills, total.lost+len(v.lost), total.wrong+len(v.wrong)
}
