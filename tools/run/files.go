//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// paths of one run. All but the binary are in dir.
type paths struct{ binary, dir, telegraf, plugin, tweets, counters, log string }

// show is a path as people see it: from where they are.
func (p *paths) show(path string) string {
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

const telegrafConf = `# Written by make run.
[agent]
  interval = "1s"
  flush_interval = "500ms"
  metric_batch_size = 5000
  metric_buffer_limit = 500000
  skip_processors_after_aggregators = true

[[inputs.execd]]
  command = ["BINARY", "-config", "PLUGIN"]
  signal = "STDIN"
  restart_delay = "1s"
  data_format = "influx"

[[processors.override]]
  namepass = ["decahose_tweet"]
  tagexclude = ["host"]

[[outputs.file]]
  namepass = ["decahose_tweet"]
  files = ["TWEETS"]
  data_format = "influx"

[[outputs.file]]
  namedrop = ["decahose_tweet"]
  files = ["COUNTERS"]
  data_format = "influx"
`

// layOut makes all paths absolute, empties the directory and writes the two configurations into it.
// Credentials stay in the environment.
func (p *paths) layOut(src *source) (err error) {
	if p.binary, err = filepath.Abs(p.binary); err != nil {
		return fmt.Errorf("find the plugin: %w", err)
	}
	if _, err := os.Stat(p.binary); err != nil {
		return fmt.Errorf("find the plugin (`make build` makes it): %w", err)
	}
	if p.dir, err = filepath.Abs(p.dir); err != nil {
		return fmt.Errorf("find the output directory: %w", err)
	}
	at := func(name string) string { return filepath.Join(p.dir, name) }
	p.telegraf, p.plugin, p.log = at("telegraf.conf"), at("decahose.conf"), at("telegraf.log")
	p.tweets, p.counters = at("tweets.out"), at("counters.out")
	if err := p.empty(); err != nil {
		return fmt.Errorf("empty the output directory: %w", err)
	}
	if src.sim != nil { // of a World that is no more
		if err := os.RemoveAll(at("state")); err != nil {
			return fmt.Errorf("empty the output directory: %w", err)
		}
	}
	conf := strings.NewReplacer("BINARY", p.binary, "PLUGIN", p.plugin, "TWEETS", p.tweets, "COUNTERS", p.counters).Replace(telegrafConf)
	if err := os.WriteFile(p.telegraf, []byte(conf), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := os.WriteFile(p.plugin, []byte(pluginConf(src, at("state"))), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// empty removes what an earlier run left, and nothing else: the directory is the user's choice.
func (p *paths) empty() error {
	if err := os.MkdirAll(p.dir, 0o750); err != nil {
		return err
	}
	for _, path := range []string{p.telegraf, p.plugin, p.tweets, p.counters, p.log} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func pluginConf(src *source, state string) string {
	conf := fmt.Sprintf("# Written by make run.\n[[inputs.decahose]]\n  account = %q\n  stream_label = %q\n", src.account, src.label)
	conf += fmt.Sprintf("  state_directory = %q\n", state)
	if src.url != "" {
		conf += fmt.Sprintf("  stream_url = %q\n", src.url)
	}
	if src.sim != nil {
		conf += "  # Connections are cut more often here than X would bear.\n  connect_limit = 60\n"
	}
	return conf
}
