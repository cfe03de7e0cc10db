package core

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tweets that wait for the outputs, as the delivery says, are no fault of this plugin.
func TestOutputsThatTakeNothingAreNotUs(t *testing.T) {
	s := newStory(t, 1)
	s.do("accept")
	s.show["alarm"], s.show["E"] = true, true
	s.feedOpen(20)
	s.do("hold", "sink")
	s.feedOpen(10)
	for _, road := range []Road{{Undelivered: 90, Spooled: 31}, {Undelivered: 90, Spooled: 30}} {
		s.step(Event{Kind: Poll, Road: road})
		s.feedOpen(130)
	}
	said := strings.Join(s.said, "\n")
	require.Contains(t, said, "alarm us: ")
	require.NotContains(t, said, "alarm delivery: ")

	s.step(Event{Kind: Poll, Road: Road{Undelivered: 10_000, Spooled: 3}})
	s.said = nil
	s.feedOpen(70)
	require.Contains(t, strings.Join(s.said, "\n"), "alarm delivery: ")
	s.do("free", "sink")
	s.said = nil
	for range 5 {
		s.feedOpen(89)
	}
	for _, kind := range []string{"us", "delivery"} {
		require.Contains(t, strings.Join(s.said, "\n"), "alarm kind="+kind+" partition=all active=false")
	}
}
