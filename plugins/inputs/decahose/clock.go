package decahose

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// moment is now, as the ledger stores it.
func moment() ledger.Moment {
	m := ledger.Moment{Wall: time.Now().UnixNano()}
	if up, ok := uptime(); ok {
		m.Boot, m.Uptime = bootID(), up.Nanoseconds()
	}
	return m
}

// steady returns a clock that begins with the host's, never steps, and goes on while the host is suspended: outages
// are measured by it. Without such a clock it is time.Now, which stands still during suspension.
func steady() func() time.Time {
	from, ok := uptime()
	if !ok {
		return time.Now
	}
	start := time.Now().Round(0) // without the monotonic reading, which is that of the clock that stands still
	return func() time.Time {
		now, _ := uptime()
		return start.Add(now - from)
	}
}
