//go:build linux

package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/models"
	"github.com/stretchr/testify/require"
)

// Every setting that Telegraf applies to an input's metrics applies to Tweets, and none is needed
// for a Tweet to take the straight road.
func TestSettingsApplyToTweets(t *testing.T) {
	for name, test := range map[string]struct{ line, want, never string }{
		"none":         {"", `decahose_tweet,kind=original,lang=en,stream_label=prod id=`, "\nother"},
		"alias":        {`alias = "one"`, `decahose_tweet,kind=original,lang=en,stream_label=prod id=`, "alias"},
		"tags":         {"[inputs.decahose.tags]\nplace = \"here\"", `,place=here`, "\nother"},
		"override":     {`name_override = "other"`, "other,", "decahose_tweet"},
		"prefix":       {`name_prefix = "x_"`, "x_decahose_tweet,", "\ndecahose_"},
		"suffix":       {`name_suffix = "_x"`, "decahose_tweet_x,", "decahose_tweet,"},
		"namepass":     {`namepass = ["decahose_tweet"]`, "decahose_tweet,", "decahose_stream"},
		"namedrop":     {`namedrop = ["decahose_tweet"]`, "decahose_stream,", "decahose_tweet"},
		"fieldinclude": {`fieldinclude = ["text", "emitted"]`, `stream_label=prod text="hello" `, "user_id"},
		"fieldexclude": {`fieldexclude = ["user_id"]`, `decahose_tweet,`, "user_id"},
		"taginclude":   {`taginclude = ["kind"]`, "decahose_tweet,kind=original ", "stream_label"},
		"tagexclude":   {`tagexclude = ["lang"]`, "decahose_tweet,kind=original,stream_label=prod ", "lang="},
		"tagpass":      {"[inputs.decahose.tagpass]\nlang = [\"en\"]", "decahose_tweet,", "decahose_stream"},
		"tagdrop":      {"[inputs.decahose.tagdrop]\nlang = [\"en\"]", "decahose_stream,", "decahose_tweet"},
		"metricpass":   {`metricpass = "name != 'decahose_tweet'"`, "decahose_stream,", "decahose_tweet"},
		"precision":    {`precision = "1s"`, "000000000\n", "decahose_x"},
	} {
		t.Run(name, func(t *testing.T) {
			c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL, test.line), "-poll_interval", "50ms").collect()
			c.waitEmitted(test.want, 1)
			c.signal(syscall.SIGTERM)
			c.exits(exitStopped, contractLimit)
			require.NotContains(t, "\n"+c.lines.String(), test.never)
		})
	}
}

func TestDirect(t *testing.T) {
	plain := func() *models.InputConfig { return &models.InputConfig{TimeSource: "metric"} }
	require.True(t, direct(plain(), 0))
	require.False(t, direct(plain(), 1), "global tags")
	for name, change := range map[string]func(*models.InputConfig){
		"override":  func(c *models.InputConfig) { c.NameOverride = "x" },
		"prefix":    func(c *models.InputConfig) { c.MeasurementPrefix = "x" },
		"suffix":    func(c *models.InputConfig) { c.MeasurementSuffix = "x" },
		"tags":      func(c *models.InputConfig) { c.Tags = map[string]string{"a": "b"} },
		"precision": func(c *models.InputConfig) { c.Precision = time.Second },
		"time":      func(c *models.InputConfig) { c.TimeSource = "collection_end" },
		"filter": func(c *models.InputConfig) {
			c.Filter.NameDrop = []string{"x"}
			require.NoError(t, c.Filter.Compile())
		},
	} {
		c := plain()
		change(c)
		require.False(t, direct(c, 0), name)
	}
}

// A metric that line protocol cannot hold is refused and counted, and holds nothing up.
func TestRejectedMetric(t *testing.T) {
	log := newLineLog()
	r := &road{log: log, metrics: make(chan telegraf.Metric, 2), input: &models.RunningInput{Config: &models.InputConfig{Name: "decahose"}}}
	good := metric.New("m", nil, map[string]any{"f": 1}, time.Unix(0, 5))
	r.metrics <- good
	lines, group := r.collect(metric.New("", nil, map[string]any{"f": 1}, time.Unix(0, 5)))
	require.Equal(t, "m f=1i 5\n", string(lines))
	require.Equal(t, []telegraf.Metric{good}, group)
	require.Equal(t, 1, r.rejected)
	require.Contains(t, string((<-log.queue).line), "W! [inputs.decahose] 1 metrics could not be written")
}
