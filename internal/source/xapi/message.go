package xapi

import "strings"

// The classes of messages that announce a connection's end; they are also the classes of that end, and the causes of the
// gap after it, as metrics show them.
const (
	TooManyConnections = "too_many_connections"
	FullBuffer         = "full_buffer" // we read too slowly: X grants no backfill then
	Operational        = "operational" // X restarts something
)

// ClassOf is the class of end that a message inside a stream announces, by X's words (Disconnections explained; Consuming
// streaming data); empty where it announces none.
func ClassOf(message string) string {
	m := strings.ToLower(message)
	switch {
	case strings.Contains(m, "too many connections"), strings.Contains(m, "maximum allowed connection"):
		return TooManyConnections
	case strings.Contains(m, "maximum allowed backup"), strings.Contains(m, "unable to keep up"), strings.Contains(m, "full buffer"):
		return FullBuffer
	case strings.Contains(m, "operational reasons"):
		return Operational
	}
	return ""
}
