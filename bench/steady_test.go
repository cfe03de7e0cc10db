package main

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var (
	steadyState = flag.String("steady-state", "", "commit to the state in `DIR`")
	steadyFor   = flag.Duration("steady-time", 0, "so long, in the bubble's time")
	steadyOut   = flag.String("steady-out", "", "write the result to `FILE`")
)

// TestSteady is no test: bench runs it, since only tests have a bubble, in which two hours of commits take as long as
// the disk needs.
func TestSteady(t *testing.T) {
	if *steadyState == "" {
		t.Skip("run by bench")
	}
	now := time.Now().Round(0) // the real wall clock
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now)) // a bubble's clock begins in 2000
		r, err := runSteady(*steadyState, *steadyFor)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*steadyOut, text, 0o600); err != nil {
			t.Fatal(err)
		}
	})
}
