package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// agentHead is the agent and the output of both contenders.
const agentHead = `[agent]
  omit_hostname = true
  metric_batch_size = 5000
  metric_buffer_limit = 500000
  flush_interval = "1s"
  quiet = true
[[outputs.file]]
  files = [%q]
  data_format = "influx"
`

const agentOurs = `[[inputs.execd]]
  command = [%q, "-config", %q]
  signal = "none"
  restart_delay = "10m"
  data_format = "influx"
`

const agentPeer = `[[inputs.execd]]
  command = ["curl", "-sSN", "--compressed", %q]
  signal = "none"
  restart_delay = "10m"
  data_format = "json_v2"
  [[inputs.execd.json_v2]]
    measurement_name = "tweet"
    timestamp_path = "timestamp_ms"
    timestamp_format = "unix_ms"
    [[inputs.execd.json_v2.tag]]
      path = "lang"
`

// peerMark begins a line of the peer's.
const peerMark = "tweet,lang="

// agentFields are the paths that json_v2 is asked for: what it can express of the plugin's fields.
var agentFields = []struct{ path, name, kind string }{
	{"id", "id", "int"}, {"text", "text", "string"}, {"user.id", "user_id", "int"},
	{"user.screen_name", "user_screen_name", "string"}, {"user.followers_count", "user_followers_count", "int"},
	{"user.verified", "user_verified", "bool"}, {"source", "source", "string"},
	{"in_reply_to_status_id", "in_reply_to_id", "int"}, {"retweeted_status.id", "retweeted_id", "int"},
	{"quoted_status_id", "quoted_id", "int"}, {"entities.hashtags.#", "hashtag_count", "int"},
	{"entities.urls.#", "url_count", "int"}, {"entities.user_mentions.#", "mention_count", "int"},
	{"extended_entities.media.#", "media_count", "int"}, {"extended_entities.media.0.type", "media_type", "string"},
	{"place.country_code", "place_country_code", "string"}, {"place.full_name", "place_full_name", "string"},
	{"coordinates.coordinates.0", "longitude", "float"}, {"coordinates.coordinates.1", "latitude", "float"},
	{"possibly_sensitive", "possibly_sensitive", "bool"},
}

func agentPeerConfig(url string) string {
	var b strings.Builder
	fmt.Fprintf(&b, agentPeer, url)
	for _, f := range agentFields {
		fmt.Fprintf(&b, "    [[inputs.execd.json_v2.field]]\n      path = %q\n      rename = %q\n      type = %q\n      optional = true\n", f.path, f.name, f.kind)
	}
	return b.String()
}

// benchAgent compares the CPU of a real Telegraf with all its children, from one connection to a file.
func benchAgent(b *bench) error {
	if _, err := exec.LookPath("curl"); err != nil {
		return fmt.Errorf("curl is missing: %w", err)
	}
	if _, err := b.product(); err != nil {
		return err
	}
	telegraf, err := env.Telegraf(b.ctx, b.out)
	if err != nil {
		return err
	}
	var ours, theirs series
	for range 5 {
		took, err := b.agent(telegraf, b.corpus.a, tweetMark, func(url string) (string, error) {
			conf, err := config(b.dir, url, "1", 1)
			return fmt.Sprintf(agentOurs, b.binary, conf), err
		})
		if err != nil {
			return err
		}
		ours = append(ours, took)
		took, err = b.agent(telegraf, b.corpus.plain, peerMark, func(url string) (string, error) { return agentPeerConfig(url), nil })
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	b.section("real Telegraf " + env.TelegrafVersion + ", execd to outputs.file, one connection, CPU of all processes")
	b.times("telegraf-decahose, influx", ours, len(b.corpus.records), b.corpus.bytes)
	b.times("curl --compressed, json_v2", theirs, len(b.corpus.records), b.corpus.bytes)
	b.ratio("agent_x_json_v2", theirs, ours)
	return nil
}

// lasting serves b and keeps the connection open: execd loses what is left in the pipe of a process that
// ends, so that curl must not.
func lasting(b []byte) func(*send) {
	return func(s *send) {
		_ = s.all(b) // a client that went away is noticed by what did not land
		s.hold()
	}
}

// agent runs one contender until all Tweets are in the file.
func (b *bench) agent(telegraf string, body []byte, mark string, input func(url string) (string, error)) (time.Duration, error) {
	s, err := newServer(lasting(body))
	if err != nil {
		return 0, err
	}
	defer s.close()
	landed := filepath.Join(b.dir, "landed")
	if err := os.RemoveAll(landed); err != nil {
		return 0, err
	}
	text, err := input(s.url)
	if err != nil {
		return 0, err
	}
	conf := filepath.Join(b.dir, "telegraf.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf(agentHead, landed)+text), 0o600); err != nil {
		return 0, err
	}
	c, err := startChild(mark, nil, telegraf, "--config", conf)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	if err := c.untilLanded(landed, mark, len(b.corpus.records)); err != nil {
		return 0, err
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	return c.stop()
}

// untilLanded waits until n lines with the mark are in the file.
func (c *child) untilLanded(path, mark string, n int) error {
	var f *os.File
	defer func() { f.Close() }()
	lines := newCounter(mark)
	return c.until(fmt.Sprintf("%d Tweets in the file", n), childLimit, func() bool {
		if f == nil {
			if f, _ = os.Open(path); f == nil {
				return false
			}
		}
		b, err := io.ReadAll(f) // what came since the last poll
		return err == nil && lines.take(b) >= int64(n)
	})
}
