//go:build linux

package crash

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// verdict says what of a story's Tweets is wrong.
type verdict struct {
	landed   map[snowflake.ID]string
	repeated int
	lost     []snowflake.ID
	wrong    []string
}

// look compares the files of all lives with the truth.
func (s *story) look() *verdict {
	v := read(s.lives)
	for _, id := range s.wanted() {
		if _, ok := v.landed[id]; !ok && !s.sim.Gone(id) {
			v.lost = append(v.lost, id)
		}
	}
	for id := range v.landed {
		known := s.world.Milli(nil, id.Milli(), 1)
		if !slices.ContainsFunc(known, func(t world.Tweet) bool { return t.ID == id }) {
			v.wrong = append(v.wrong, fmt.Sprintf("%d is no Tweet", id))
		}
	}
	return v
}

// wanted are the Tweets offered since the first connect, and those since the past of the story.
func (s *story) wanted() []snowflake.ID {
	all := s.sim.OfferedIDs()
	if len(all) == 0 {
		return nil
	}
	if !s.past.IsZero() {
		for t := range s.world.Tweets(s.past, all[0].Time()) {
			all = append(all, t.ID)
		}
	}
	return all
}

// judge is the last word on the story.
func (s *story) judge() *verdict {
	v := s.look()
	for _, id := range v.lost[:min(len(v.lost), 10)] {
		s.Logf("lost %d of %s", id, id.Time().UTC().Format(time.StampMilli))
	}
	for _, text := range v.wrong[:min(len(v.wrong), 10)] {
		s.Log(text)
	}
	for _, l := range s.lives {
		if given := lostGaps(l.counters); given > 0 {
			s.Errorf("%d gaps were given up", given)
		}
	}
	s.Logf("kills %d landed %d repeated %d lost %d wrong %d, %d requests", s.kills, len(v.landed), v.repeated, len(v.lost), len(v.wrong), len(s.sim.Requests()))
	if len(v.lost)+len(v.wrong) > 0 {
		s.Error("the story ends badly")
	}
	return v
}

// read takes in what landed, life by life. What comes again must be the same point; what landed in a life in which
// nobody was killed, and which was stopped in order, must not come again at all, unless the state was damaged since.
func read(lives []*life) *verdict {
	v := &verdict{landed: map[snowflake.ID]string{}}
	kept := map[snowflake.ID]bool{}
	for _, l := range lives {
		calm := !l.killed && l.kills == 0
		mine := map[snowflake.ID]bool{}
		err := eachTweet(l.tweets, func(m env.Metric) {
			id, point := snowflake.ID(m.ID()), identity(m)
			before, again := v.landed[id]
			if again {
				v.repeated++
			}
			switch {
			case m.Time.UnixNano() != nano(id):
				v.wrong = append(v.wrong, fmt.Sprintf("%d has the time %v", id, m.Time))
			case again && before != point:
				v.wrong = append(v.wrong, fmt.Sprintf("%d was %s, came again as %s", id, before, point))
			case kept[id], calm && mine[id]:
				v.wrong = append(v.wrong, fmt.Sprintf("%d came again, and nobody was killed", id))
			}
			v.landed[id] = point
			mine[id] = true
		})
		if err != nil && !l.killed { // a killed Telegraf may leave half a line
			v.wrong = append(v.wrong, err.Error())
		}
		switch {
		case l.damaged:
			clear(kept)
		case calm:
			maps.Copy(kept, mine)
		}
	}
	return v
}

func eachTweet(path string, hear func(env.Metric)) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil // killed before its first write
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return env.Each(f, hear)
}

// identity is what a store knows a point by.
func identity(m env.Metric) string { return fmt.Sprint(m.Name, m.Tags, m.Time.UnixNano()) }

// nano is the time that the interface promises for an id, computed here and not by the product.
func nano(id snowflake.ID) int64 {
	n := int64(id)
	return (n>>22+1288834974657)*1e6 + n>>12&1023*976 + n&4095
}

// lostGaps counts the gaps that a life of Telegraf heard to be lost.
func lostGaps(path string) (n int) {
	_ = eachTweet(path, func(m env.Metric) {
		if m.Name == "decahose_gap" && m.Fields["state"] == "lost" {
			n++
		}
	})
	return n
}

// TestReadJudges shows that each wrong is seen.
func TestReadJudges(t *testing.T) {
	const id = snowflake.ID(1<<40 | 5<<12 | 7)
	line := func(kind string, ns int64) string {
		return fmt.Sprintf("decahose_tweet,kind=%s id=%di %d\n", kind, id, ns)
	}
	good := line("reply", nano(id))
	for name, c := range map[string]struct {
		texts           []string
		killed, damaged bool // the first life
		kills           int  // in it
		wrong           int
	}{
		"once":                              {texts: []string{good, ""}},
		"again after a kill":                {texts: []string{good, good}, killed: true},
		"again within a life with a kill":   {texts: []string{good + good, ""}, kills: 1},
		"again within a calm life":          {texts: []string{good + good, ""}, wrong: 1},
		"again after an orderly stop":       {texts: []string{good, good}, wrong: 1},
		"again after kill and orderly stop": {texts: []string{good, good}, kills: 1},
		"again after damage":                {texts: []string{good, good}, killed: true, damaged: true},
		"with other tags":                   {texts: []string{good, line("quote", nano(id))}, killed: true, wrong: 1},
		"with another time":                 {texts: []string{line("reply", 5), ""}, wrong: 1},
		"half a line after a kill":          {texts: []string{good + good[:20], ""}, killed: true},
		"half a line without a kill":        {texts: []string{good + good[:20], ""}, wrong: 1},
		"again, two lives later":            {texts: []string{good, "", good}, wrong: 1},
	} {
		var lives []*life
		for i, text := range c.texts {
			l := &life{tweets: filepath.Join(t.TempDir(), fmt.Sprint(i)), killed: c.killed && i == 0, damaged: c.damaged && i == 0}
			if i == 0 {
				l.kills = c.kills
			}
			require.NoError(t, os.WriteFile(l.tweets, []byte(text), 0o600))
			lives = append(lives, l)
		}
		v := read(lives)
		require.Len(t, v.wrong, c.wrong, "%s: %v", name, v.wrong)
		require.Contains(t, v.landed, id, name)
	}
}
