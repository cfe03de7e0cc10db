//go:build linux

package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// verdict says what is wrong with the store.
type verdict struct {
	landed  int
	lost    []snowflake.ID // offered since the first connect, and not there
	doubled []snowflake.ID // there as more than one point
	wrong   []string       // what is no Tweet, or has a time that is not its own
}

// look compares the store with the truth.
func (r *run) look() *verdict {
	points, err := r.store.read()
	v := compare(points, r.sim.OfferedIDs(), r.exists)
	if err != nil {
		v.wrong = append(v.wrong, err.Error())
	}
	return v
}

// exists: Tweets from before the first connect may come too, by backfill.
func (r *run) exists(id snowflake.ID) bool {
	for _, t := range r.world.Milli(nil, id.Milli(), 1) {
		if t.ID == id {
			return true
		}
	}
	return false
}

func compare(points copies, offered []snowflake.ID, exists func(snowflake.ID) bool) *verdict {
	v := &verdict{landed: len(points)}
	for _, id := range offered {
		if len(points[id]) == 0 {
			v.lost = append(v.lost, id)
		}
	}
	for id, all := range points {
		if len(all) > 1 {
			v.doubled = append(v.doubled, id)
		}
		for _, p := range all {
			if !exists(id) || p.micros != micros(id) {
				v.wrong = append(v.wrong, fmt.Sprint(id, " as ", p))
			}
		}
	}
	return v
}

// micros is the time that the interface promises for an id, computed here and not by the product.
func micros(id snowflake.ID) int64 {
	n := int64(id)
	return ((n>>22+1288834974657)*1e6 + n>>12&1023*976 + n&4095) / 1000
}

// judge is the last word on the run.
func (r *run) judge() *verdict {
	v := r.look()
	for _, id := range v.lost[:min(len(v.lost), 10)] {
		r.Logf("lost %d of %s", id, id.Time().UTC().Format(time.StampMilli))
	}
	for _, text := range v.wrong[:min(len(v.wrong), 10)] {
		r.Log(text)
	}
	r.Logf("landed %d lost %d doubled %d wrong %d, %d requests, %d overflows, %d times refused, up to %d spooled", v.landed, len(v.lost),
		len(v.doubled), len(v.wrong), len(r.sim.Requests()), r.said("Metric buffer overflow"), r.said("will be dropped"), r.status().spooled)
	r.eachCounter(func(m env.Metric) {
		if m.Name == "decahose_gap" && m.Fields["state"] == "lost" {
			r.Errorf("a gap was given up: %v", m)
		}
	})
	if len(v.lost)+len(v.doubled)+len(v.wrong) > 0 {
		r.Error("the run ends badly")
	}
	return v
}

// said counts lines of all agents.
func (r *run) said(text string) (n int) {
	for _, agent := range r.all {
		n += agent.Log.Count(text)
	}
	return n
}

// eachCounter hears all that is no Tweet, life by life, to the line that a kill cut.
func (r *run) eachCounter(hear func(env.Metric)) {
	for life := range r.all {
		f, err := os.Open(r.file(fmt.Sprintf("%d.counters", life)))
		if err != nil {
			continue // killed before its first write
		}
		_ = env.Each(f, hear)
		f.Close()
	}
}

// dropped is what Telegraf says that it threw away of the Tweets, for want of room or because the store refused them.
func (r *run) dropped() (n int64) {
	r.eachCounter(func(m env.Metric) {
		if m.Name == "internal_write" && m.Tags["output"] == r.plan.store {
			n = m.Int("metrics_dropped") + m.Int("metrics_rejected")
		}
	})
	return n
}

// TestCompareJudges shows that each wrong is seen.
func TestCompareJudges(t *testing.T) {
	truth := world.New(world.Config{Seed: 1})
	var offered []snowflake.ID
	for tweet := range truth.Tweets(time.Unix(1.8e9, 0), time.Unix(1.8e9+1, 0)) {
		offered = append(offered, tweet.ID)
	}
	r := &run{world: truth}
	dir := t.TempDir()
	line := func(id snowflake.ID, kind string, off int64) string {
		return fmt.Sprintf("decahose_tweet,kind=%s id=%di %d\n", kind, id, micros(id)*1000+off)
	}
	var all strings.Builder
	for _, id := range offered {
		all.WriteString(line(id, "reply", 0))
	}
	whole := all.String()
	first := line(offered[0], "reply", 0)
	for name, c := range map[string]struct {
		text                 string
		lost, doubled, wrong int
	}{
		"all of it":               {text: whole},
		"copies are one":          {text: whole + first},
		"one is missing":          {text: whole[len(first):], lost: 1},
		"none is there":           {lost: len(offered)},
		"with other tags":         {text: whole + line(offered[0], "quote", 0), doubled: 1},
		"with another time":       {text: whole + line(offered[0], "reply", 5000), doubled: 1, wrong: 1},
		"what nobody wrote":       {text: whole + line(offered[0]^1, "reply", 0), wrong: 1},
		"half a line of a killed": {text: whole + first[:20]},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0.tweets"), []byte(c.text), 0o600))
		points, err := (&files{dir: dir}).read()
		require.NoError(t, err)
		v := compare(points, offered, r.exists)
		require.Len(t, v.lost, c.lost, name)
		require.Len(t, v.doubled, c.doubled, name)
		require.Len(t, v.wrong, c.wrong, name)
	}
}
