//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// sample is the sample.conf of the project as it stands, with the test's paths, hostname and pace.
func (s *stage) sample() string {
	s.Helper()
	root, err := env.Root()
	require.NoError(s, err)
	body, err := os.ReadFile(filepath.Join(root, "sample.conf"))
	require.NoError(s, err)
	conf := string(body)
	for _, swap := range [][2]string{
		{`"/usr/bin/telegraf-decahose"`, `"PLUGIN"`},
		{`"/etc/telegraf-decahose/decahose.conf"`, `"CONF"`},
		{`"/var/lib/telegraf/decahose.lp"`, `"TWEETS"`},
		{"[agent]\n", "[agent]\n  hostname = \"NAME\"\n"},
	} {
		require.Equal(s, 1, strings.Count(conf, swap[0]), "%s in sample.conf", swap[0])
		conf = strings.Replace(conf, swap[0], swap[1], 1)
	}
	return conf
}

// Two hosts run the sample configuration on one stream: a store that knows points by tags and time
// sees one Tweet, not two; counters tell the hosts apart.
func TestTwoHostsMakeOnePoint(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 8, AllowedConnections: 8})
	conf := s.sample()
	one, two := s.runWith("one", conf, s.stream()), s.runWith("two", conf, s.stream())
	s.pass(6 * pace)
	s.settle()
	env.Until(s.within(45*time.Second), func() bool { // a host has what was offered since it connected
		first, second := one.ids(), two.ids()
		return !slices.ContainsFunc(s.sim.OfferedIDs(), func(id snowflake.ID) bool { return first[int64(id)]+second[int64(id)] == 0 })
	})
	one.stop()
	two.stop()
	offered := s.sim.OfferedIDs()
	points, hosts := map[string]int64{}, map[string]bool{}
	for _, a := range []*agent{one, two} {
		for _, m := range s.split(a, hosts) {
			points[point(m)] = m.ID()
		}
	}
	require.Equal(t, map[string]bool{"one": true, "two": true}, hosts)
	ids := map[int64]bool{}
	for _, id := range points {
		require.False(t, ids[id], "Tweet %d is two points", id)
		ids[id] = true
	}
	for _, id := range offered {
		require.True(t, ids[int64(id)], "Tweet %d is lost", id)
	}
}

// split returns the Tweets in the sample's one output file, and notes the hosts of all else.
func (s *stage) split(a *agent, hosts map[string]bool) []env.Metric {
	s.Helper()
	all, err := env.ReadMetrics(a.tweets)
	require.NoError(s, err)
	var tweets []env.Metric
	for _, m := range all {
		if m.Name == "decahose_tweet" {
			require.NotContains(s, m.Tags, "host")
			tweets = append(tweets, m)
			continue
		}
		if strings.HasPrefix(m.Name, "decahose_") {
			hosts[m.Tags["host"]] = true
		}
	}
	require.Equal(s, len(tweets), len(countIDs(tweets)), "a Tweet landed twice on one host")
	return tweets
}

func countIDs(all []env.Metric) map[int64]int {
	count := map[int64]int{}
	for _, m := range all {
		count[m.ID()]++
	}
	return count
}
