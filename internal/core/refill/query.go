package refill

import (
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Query is the encoded query of the request's URL, all times UTC. Recovery's parameters are the names of start
// and end, on which X's pages disagree as on whether it wants the partition. Replay takes no partition, and the
// end is exclusive in both.
func Query(m Method, q Request, parameters [2]string, withPartition bool) string {
	switch m {
	case Replay:
		return "fromDate=" + stamp(q.From, xapi.ReplayTime) + "&toDate=" + stamp(q.To, xapi.ReplayTime)
	case Recovery:
		s := escape(parameters[0]) + "=" + stamp(q.From, xapi.RecoveryTime) + "&" + escape(parameters[1]) + "=" + stamp(q.To, xapi.RecoveryTime)
		if withPartition && q.Partition != 0 {
			s += "&partition=" + strconv.Itoa(q.Partition)
		}
		return s
	}
	return ""
}

func stamp(m timeline.Minute, layout string) string {
	return time.UnixMilli(m.Milli()).UTC().Format(layout)
}

// escape does for a name what net/url does, which a pure package does not import.
func escape(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}
