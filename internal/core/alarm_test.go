package core

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/report"
)

// Tweets that wait for the outputs, as the delivery says, are no fault of this plugin.
func TestOutputsThatTakeNothingAreNotUs(t *testing.T) {
	s := newStory(t, 1, 0)
	s.do("accept")
	s.show["alarm"], s.show["E"] = true, true
	s.feedOpen(20)
	s.do("hold", "sink")
	s.feedOpen(10)
	for _, road := range []report.Road{{Undelivered: 90, Spooled: 31}, {Undelivered: 90, Spooled: 30}} {
		s.step(Event{Kind: Poll, Road: road})
		s.feedOpen(130)
	}
	said := strings.Join(s.said, "\n")
	require.Contains(t, said, "alarm us: ")
	require.NotContains(t, said, "alarm delivery: ")

	s.step(Event{Kind: Poll, Road: report.Road{Undelivered: 10_000, Spooled: 3}})
	s.said = nil
	s.feedOpen(130)
	said = strings.Join(s.said, "\n")
	require.Contains(t, said, "alarm delivery: ")
	require.Contains(t, said, "alarm kind=us partition=all active=false", "two layers do not contradict each other")
	s.said = nil
	s.do("free", "sink")
	s.feedOpen(60)
	s.feedOpen(60)
	require.Contains(t, strings.Join(s.said, "\n"), "alarm kind=delivery partition=all active=false", "within two minutes of the mend")
}

// Where the outputs acknowledge, one Tweet that they were given and did not take is enough: the rest waits behind it.
func TestOutputsThatHoldOneBatchAreNotUs(t *testing.T) {
	for _, acknowledged := range []bool{false, true} {
		s := newStory(t, 1, 0)
		s.core.cfg.Acknowledged = acknowledged
		s.do("accept")
		s.show["alarm"], s.show["E"] = true, true
		s.feedOpen(20)
		s.do("hold", "sink")
		s.feedOpen(10)
		s.step(Event{Kind: Poll, Road: report.Road{Undelivered: 4, Spooled: 3}})
		s.feedOpen(130)
		said := strings.Join(s.said, "\n")
		require.Equal(t, acknowledged, strings.Contains(said, "alarm delivery: "), said)
		require.Equal(t, !acknowledged, strings.Contains(said, "alarm us: "), said)
	}
}
