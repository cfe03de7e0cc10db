package process

// Exit codes, which supervisors act on.
const (
	ExitStopped = 0 // stopped on request
	ExitFailure = 1 // a restart may cure it
	ExitUsage   = 2 // usage or configuration: a restart does not help
)
