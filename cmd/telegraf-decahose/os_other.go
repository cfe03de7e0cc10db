//go:build !unix

package main

import "os"

func protectSecrets() {}

// pollSignals is empty: there is no such signal here, only newlines on stdin.
func pollSignals() []os.Signal { return nil }

func ignoreSignals() {}
