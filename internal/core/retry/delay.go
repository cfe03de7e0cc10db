package retry

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

// Our own, where X names none.
const (
	// maxLimitDelay: X names no bound for the delay after too many attempts.
	maxLimitDelay = 16 * time.Minute
	// refusedDelay: 401, 403, 404, 406 and their like do not heal by themselves; X only says to back off.
	refusedDelay    = 2 * time.Minute
	MaxRefusedDelay = 16 * time.Minute
	// A refusal after health is a fault of the road at first: a captive portal, a proxy that restarts, a gateway's page.
	// It is tried as often as it takes to lose nothing that backfill cannot bring.
	passingDelay    = 5 * time.Second
	maxPassingDelay = 60 * time.Second
	// maxDarkDelay is the longest wait of a dark partition while X is in trouble: backfill reaches 5 minutes, and what is
	// healed must be found within 40 s.
	maxDarkDelay = 30 * time.Second
	// Healthy is how long a connection must have lived for its end to be no sign of trouble.
	Healthy = 10 * time.Second
)

// Doubling is the wait after so many earlier failures: first, doubled by each, most at the most.
func Doubling(first, most time.Duration, failures int) time.Duration {
	return min(first<<min(failures, 20), most)
}

// Network is the wait after so many failures to reach X, or drops of young connections, in a row.
func Network(failures int) time.Duration {
	return min(xapi.NetworkStep*time.Duration(failures), xapi.MaxNetworkDelay)
}

// Server is the wait after so many answers in a row that X is in trouble; short while nobody delivers the partition.
func Server(failures int, dark bool) time.Duration {
	if dark {
		return Doubling(xapi.ServerDelay, maxDarkDelay, failures-1)
	}
	return Doubling(xapi.ServerDelay, xapi.MaxServerDelay, failures-1)
}

// Limit is the wait after so many refusals in a row for connecting too often.
func Limit(failures int) time.Duration { return Doubling(xapi.LimitDelay, maxLimitDelay, failures-1) }

// Refused is the wait after so many refusals in a row that look final.
func Refused(failures int) time.Duration { return Doubling(refusedDelay, MaxRefusedDelay, failures-1) }

// Passing is the wait after so many refusals in a row of a road that was healthy.
func Passing(failures int) time.Duration { return Doubling(passingDelay, maxPassingDelay, failures-1) }
