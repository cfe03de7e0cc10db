package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

const (
	// healedWithin is how soon a partition must be back when the road to it is healed.
	healedWithin = 40 * time.Second
	// refusedWithin is the same after refusals that look final: they are tried each 60 s.
	refusedWithin = 65 * time.Second
)

// stillDark says which partitions nobody was connected to so long after a road was healed, by the server's own
// account of connections.
func stillDark(s *decasim.Server, plan *decasim.FaultPlan) (all []string) {
	served, closed := s.Served(), plan.Closed()
	for _, road := range closed {
		within := patience(road.Fault)
		again := slices.ContainsFunc(closed, func(o decasim.Closed) bool { return o.From.Before(road.To.Add(within)) && o.To.After(road.To) })
		if within == 0 || again {
			continue
		}
		for p := range s.Partitions() {
			if road.Partition != 0 && road.Partition != p+1 {
				continue
			}
			back := slices.ContainsFunc(served, func(c decasim.Served) bool {
				return c.Partition == p+1 && !c.From.After(road.To.Add(within)) && (c.To.IsZero() || c.To.After(road.To))
			})
			if !back {
				all = append(all, fmt.Sprintf("partition %d after %s until %s", p+1, road.Fault, road.To.UTC().Format("15:04:05")))
			}
		}
	}
	return all
}

// patience is how long a client may need after such a fault; 0: X's own waits hold, or it is no fault of the road.
func patience(f decasim.Fault) time.Duration {
	switch {
	case f.Kind != decasim.Status || f.Code >= 500:
		return healedWithin
	case f.Code == 420, f.Code == 429, f.For > 10*time.Minute:
		return 0
	}
	return refusedWithin
}
