//go:build linux

package main

import (
	"syscall"
	"testing"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
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
			c.exits(process.ExitStopped, contractLimit)
			require.NotContains(t, "\n"+c.lines.String(), test.never)
		})
	}
}
