//go:build !unix

package host

import "os"

// pollSignals is empty: there is no such signal here, only newlines on stdin.
func pollSignals() []os.Signal { return nil }

func ignoreSignals() {}
