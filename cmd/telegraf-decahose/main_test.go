//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

func TestConfigurationErrors(t *testing.T) {
	for name, test := range map[string]struct{ conf, want string }{
		"unknown option":   {clitest.Valid + "conections = 2\n", `unknown option "conections" in line 6, did you mean "connections"?`},
		"unknown in route": {clitest.Valid + "[[inputs.decahose.route]]\nfoo = 1\n", `unknown option "foo" in line 7`},
		"option of others": {clitest.Valid + `data_format = "json"`, `line 6: unknown option "data_format"`},
		"type":             {clitest.Valid + `connections = "2"`, `line 6: option "connections" is "2", must be a whole number`},
		"duration":         {clitest.Valid + `connect_timeout = "abc"`, `line 6: option "connect_timeout" is "abc", must be a time such as "10s"`},
		"range":            {clitest.Valid + `connections = 9`, `line 6: option "connections" is 9, must be a number from 1 to 4`},
		"partition":        {clitest.Valid + `partitions = [1, 3]`, `line 6: option "partitions" is [1 3], must be one or both of 1 and 2`},
		"no list":          {clitest.Valid + `partitions = 2`, `line 6: option "partitions" is 2, must be a list of whole numbers`},
		"enum":             {clitest.Valid + `backfill = "x"`, `line 6: option "backfill" is "x", must be one of "auto", "always", "none"`},
		"plain http":       {clitest.Valid + `stream_url = "http://example.org"`, `line 6: option "stream_url" must be https://HOST`},
		"user in URL":      {clitest.Valid + `stream_url = "https://u:SECRET@example.org"`, `option "stream_url" must be https://HOST`},
		"bad URL":          {clitest.Valid + `stream_url = "https://u:SEC/RET@example.org"`, `line 6: option "stream_url" must be https://HOST`},
		"bad proxy":        {clitest.Valid + `http_proxy_url = "http://u:SEC/RET@p"`, `line 6: option "http_proxy_url" must be http://HOST:PORT`},
		"proxy type":       {clitest.Valid + `http_proxy_url = 1`, `option "http_proxy_url"`},
		"address":          {clitest.Valid + "[[inputs.decahose.route]]\nlocal_address = \"x\"\n", `line 7: option "route[1].local_address" is "x", must be an IP address`},
		"both":             {clitest.Valid + `password_file = "/x"`, `option "password_file" is "/x", must be absent when "password" is set`},
		"missing":          {"[[inputs.decahose]]\naccount = \"a\"\nstream_label = \"l\"\nusername = \"u\"\n", `option "password" must be set`},
		"missing file":     {"[[inputs.decahose]]\naccount = \"a\"\nstream_label = \"l\"\nusername = \"u\"\npassword_file = \"/nonexistent\"\n", `line 5: option "password_file" is "/nonexistent", must be a readable file`},
		"label":            {strings.Replace(clitest.Valid, `"prod"`, `""`, 1), `line 3: option "stream_label" must be set`},
		"password list":    {strings.Replace(clitest.Valid, `"SECRET"`, `["SECRET"]`, 1), `line 5: option "password" must be a quoted string`},
		"other input":      {clitest.Valid + "[[inputs.cpu]]\n", `line 6: [[inputs.cpu]] cannot run here`},
		"output":           {clitest.Valid + "[[outputs.file]]\n", `line 6: [[outputs.file]] cannot run here`},
		"same label":       {clitest.Valid + clitest.Valid, `option "stream_label" is "prod" in inputs 1 and 2`},
		"syntax":           {clitest.Valid + "x = \n", `line 7: invalid TOML syntax, there or just before`},
		"unclosed":         {clitest.Valid + "x = \"SECRET\n", `line 7: invalid TOML syntax, there or just before`},
		"log level":        {clitest.Valid + `log_level = "loud"`, `line 6: option "log_level" is "loud", must be one of "error"`},
		"precision":        {clitest.Valid + `precision = "abc"`, `line 6: option "precision" is "abc", must be a time`},
		"environment":      {strings.Replace(clitest.Valid, `"example"`, `"${NOPE:?SECRET}"`, 1), `is required but not set`},
		"empty":            {"", `there is neither [[inputs.decahose]] nor [[outputs.decahose_archive]] in it`},
		"tags":             {clitest.Valid + `tweet_tags = ["user_id"]`, `line 6: option "tweet_tags" is "user_id", must be some of "kind", "lang"`},
		"fields":           {clitest.Valid + `tweet_fields = ["raw"]`, `line 6: option "tweet_fields" is "raw", must be some of "id"`},
		"state":            {clitest.Valid + `state_directory = "/dev/null"`, `line 6: option "state_directory" is "/dev/null", must be a directory`},
		"tls":              {clitest.Valid + `tls_ca = "/nonexistent"`, `line 6: option "tls_ca" is "/nonexistent", must be a readable file`},
		"user of proxy":    {clitest.Valid + `http_proxy_url = "ftp://SECRET:SECRET@p"`, `option "http_proxy_url" must be`},
		"long value":       {clitest.Valid + `backfill = "` + strings.Repeat("x", 9000) + `"`, `x…, must be one of "auto"`},
		"long number":      {clitest.Valid + `connections = ` + strings.Repeat("9", 9000), `9…, must be a whole number`},
		"common string":    {clitest.Valid + `name_override = 5`, `line 6: option "name_override" is 5, must be a quoted string`},
		"common list":      {clitest.Valid + `namepass = "x"`, `line 6: option "namepass" is "x", must be a list of quoted strings`},
		"common table":     {clitest.Valid + `tags = 5`, `line 6: option "tags" is 5, must be a table, written [inputs.decahose.tags]`},
		"one route":        {clitest.Valid + "[inputs.decahose.route]\n", `line 6: option "route" must be tables, each written [[inputs.decahose.route]]`},
		"archive":          {clitest.Valid + "[[inputs.decahose.archive]]\nurl = \"/a\"\n[[inputs.decahose.archive]]\nurl = \"s3://u:SECRET@b\"\n", `line 9: option "archive[2].url" must be a directory`},
		"one archive":      {clitest.Valid + "[inputs.decahose.archive]\nurl = \"/a\"\n", `line 6: option "archive" must be tables, each written [[inputs.decahose.archive]]`},
		"archive's delay":  {clitest.Valid + "[[inputs.decahose.archive]]\nurl = \"/a\"\ndelay = \"x\"\n", `line 8: option "delay": time: invalid duration "x"`},
		"archive's key":    {clitest.Valid + "[[inputs.decahose.archive]]\nurl = \"s3://b\"\naccess_key = \"SECRET\"\n", `option "archive[1].secret_key" must be set when "access_key" is`},
		"agent":            {clitest.Valid + "[agent]\ninterval = \"x\"\n", `line 7: option "interval": `},
		"audit":            {clitest.Valid + "[[inputs.decahose.audit]]\ntype = \"mongo\"\n", `line 7: option "audit.type" is "mongo", must be one of "postgresql", "mysql"`},
		"audit's time":     {clitest.Valid + "[[inputs.decahose.audit]]\ntype = \"file\"\ninterval = \"x\"\n", `line 8: option "interval" must be a time such as "10s"`},
		"audit's dsn":      {clitest.Valid + "[[inputs.decahose.audit]]\ntype = \"mysql\"\ndsn = [\"SECRET\"]\n", `option "dsn" must be a quoted string`},
		"one audit":        {clitest.Valid + "[inputs.decahose.audit]\ntype = \"file\"\n", `option "audit" must be tables, each written [[inputs.decahose.audit]]`},
		"secret store":     {clitest.Valid + "[[secretstores.os]]\nid = \"x\"\n", `[[secretstores.os]] is not available: this program has only [[secretstores.docker]]`},
		"both kinds":       {clitest.Valid + clitest.Output, `line 6: inputs and outputs must be in files of their own`},
		"two outputs":      {clitest.Output + clitest.Output, `2 [[outputs.decahose_archive]] are in it, must be one`},
		"no url":           {"[[outputs.decahose_archive]]\n", `line 1: [[outputs.decahose_archive]]: option "url" must be "file:///directory"`},
		"user in url":      {"[[outputs.decahose_archive]]\nurl = \"s3://u:SECRET@b\"\n", `line 2: option "url" must be`},
		"option of output": {clitest.Output + "non_tweet = 1\n", `unknown option "non_tweet" in line 4, did you mean "non_tweets"?`},
		"filter of output": {clitest.Output + "namepass = [\"x\"]\n", `line 4: option "namepass" has no effect here: it belongs to the [[outputs.execd]]`},
		"batch of output":  {clitest.Output + "metric_batch_size = 5\n", `line 4: option "metric_batch_size" has no effect here`},
		"enum of output":   {clitest.Output + "non_tweets = \"x\"\n", `line 4: option "non_tweets" is "x", must be one of "refuse", "pass"`},
		"type of output":   {clitest.Output + "retention_size = \"x\"\n", `line 4: option "retention_size" is "x", must be a size such as "4MiB"`},
		"half credentials": {clitest.Output + "access_key = \"SECRET\"\n", `option "secret_key" must be set when "access_key" is`},
		"level of output":  {clitest.Output + "log_level = \"loud\"\n", `line 4: option "log_level" is "loud"`},
		"store reference":  {strings.Replace(clitest.Valid, `"SECRET"`, `"@{store:key}"`, 1), `line 5: option "password": unknown secret store`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.conf")
			require.NoError(t, os.WriteFile(path, []byte(test.conf), 0o600))
			c := spawn(t, nil, "-config", path).collect()
			c.exits(process.ExitUsage, patience)
			text := c.stderr.String()
			require.Equal(t, 1, strings.Count(text, "\n"), text)
			require.True(t, strings.HasPrefix(text, "E! "+path+": "), text)
			require.Contains(t, text, test.want)
			require.NotContains(t, text, "SECRET")
			require.Empty(t, c.lines.String())
		})
	}
}

func TestUsage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(path, []byte(clitest.Valid), 0o600))
	for _, test := range []struct {
		args           []string
		rc             int
		stdout, stderr string
	}{
		{nil, process.ExitUsage, "", "-config FILE"},
		{[]string{"-config", "/nonexistent"}, process.ExitUsage, "", "E! read configuration: open /nonexistent: no such file"},
		{[]string{"-bogus"}, process.ExitUsage, "", "E! flag provided but not defined: -bogus"},
		{[]string{"-config", path, "more"}, process.ExitUsage, "", `E! unknown argument "more"`},
		{[]string{"-config", path, "-poll_interval", "x"}, process.ExitUsage, "", `E! invalid value "x" for flag -poll_interval`},
		{[]string{"-config", path, "-poll_interval", "-1s"}, process.ExitUsage, "", `E! option "poll_interval" is -1s, must be 0, or a time from 10ms to 24h`},
		{[]string{"-config", path, "-poll_interval", "1ns"}, process.ExitUsage, "", `E! option "poll_interval" is 1ns, must be`},
		{[]string{"-config", path, "-poll_interval", "24h1s"}, process.ExitUsage, "", `E! option "poll_interval" is 24h0m1s, must be`},
		{[]string{"-version"}, process.ExitStopped, "telegraf-decahose ", ""},
		{[]string{"-sample-config"}, process.ExitStopped, "[[inputs.decahose]]", ""},
		{[]string{"-sample-config", "outputs.decahose_archive"}, process.ExitStopped, "[[outputs.decahose_archive]]", ""},
		{[]string{"-sample-config", "outputs.file"}, process.ExitUsage, "", `must be "inputs.decahose" or "outputs.decahose_archive"`},
		{[]string{"--config", path, "--check"}, process.ExitStopped, "configuration ok", ""},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			c := spawn(t, nil, test.args...).collect()
			c.exits(test.rc, patience)
			c.waitFor("stdout", func() bool { return strings.Contains(c.lines.String(), test.stdout) })
			require.Contains(t, c.stderr.String(), test.stderr)
			if test.stdout == "" {
				require.Empty(t, c.lines.String())
			}
		})
	}
}
