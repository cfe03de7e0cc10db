package xapi

import "time"

// The base URLs of a stream, of Replay and of Recovery (Decahose; Replay). A user may set others.
const (
	StreamURL   = "https://gnip-stream.x.com"
	ReplayURL   = "https://gnip-stream.gnip.com"
	RecoveryURL = "https://stream-data-api.x.com"
)

// What X grants.
const (
	// MaxBackfill is the most that X delivers again on a reconnect (Decahose, backfillMinutes: 1 to 5).
	MaxBackfill = 5 * time.Minute
	// ConnectLimit attempts are allowed in each ConnectPeriod, over all connections of a stream (Decahose).
	ConnectLimit  = 10
	ConnectPeriod = time.Minute
	// RequestLimit requests to Replay are allowed in each RequestPeriod (Rate limits).
	RequestLimit  = 5
	RequestPeriod = 5 * time.Minute
)

// How X wants to be asked again (Connecting, "Reconnecting"; Rate limits): the delay grows by NetworkStep up to
// MaxNetworkDelay where it cannot be reached, doubles from ServerDelay to MaxServerDelay while it is in trouble, and from
// LimitDelay on after too many attempts.
const (
	NetworkStep     = 250 * time.Millisecond
	MaxNetworkDelay = 16 * time.Second
	ServerDelay     = 5 * time.Second
	MaxServerDelay  = 320 * time.Second
	LimitDelay      = 60 * time.Second
)

// Layouts of a request's times, UTC.
const (
	ReplayTime   = "200601021504"             // fromDate and toDate (Replay)
	RecoveryTime = "2006-01-02T15:04:05.000Z" // start and end (Decahose, Recovery)
)
