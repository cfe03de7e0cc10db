//go:build !linux

package decahose

import "time"

func uptime() (time.Duration, bool) { return 0, false }

func bootID() string { return "" }

func whoami() string { return "of this process" }

// foreign cannot be told here.
func foreign(string) string { return "" }
