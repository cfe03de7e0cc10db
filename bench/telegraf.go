package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// deliveryHead is a Telegraf with its defaults, but for the flush_interval. Counters come to stdout at once.
const deliveryHead = `[agent]
  interval = "100ms"
  omit_hostname = true
  metric_batch_size = %d
  flush_interval = %q
  skip_processors_after_aggregators = true
  quiet = true
[[outputs.file]]
  files = ["stdout"]
  namepass = ["decahose_stream"]
  flush_interval = "100ms"
  data_format = "influx"
%s
`

// Outputs of Tweets.
const (
	toNull    = "[[outputs.file]]\n  files = [\"/dev/null\"]\n  namepass = [\"decahose_tweet\"]\n  data_format = \"influx\"\n"
	toStdout  = "[[outputs.file]]\n  files = [\"stdout\"]\n  namepass = [\"decahose_tweet\"]\n  data_format = \"influx\"\n"
	toDiscard = "[[outputs.discard]]\n  namepass = [\"decahose_tweet\"]\n"
)

const pushInput = `[[inputs.cloud_pubsub_push]]
  service_address = %q
  path = "/decahose"
  token = "bench"
  read_timeout = "60s"
  write_timeout = "60s"
  max_undelivered_messages = 64
  data_format = "influx"
`

const pushedBy = `[[inputs.execd]]
  command = [%q, "-config", %q, "-poll_interval", "100ms"]
  signal = "none"
  restart_delay = "10m"
  data_format = "influx"
`

const pushOptions = `  delivery = "acknowledged"
  [inputs.decahose.push]
    url = "http://%s/decahose"
    token = "bench"
`

// telegraf is how an agent is set.
type telegraf struct {
	binary  string
	batch   int // metric_batch_size
	flush   time.Duration
	output  string // of Tweets
	tracked bool   // the plugin is compiled in; otherwise it posts to the agent
	more    string // options of the plugin
}

// start starts the agent, with the plugin reading from url.
func (t telegraf) start(b *bench, url string, connections int, hear func([]byte)) (*child, error) {
	plugin, err := config(b.dir, url, "1, 2", connections)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(plugin)
	if err != nil {
		return nil, err
	}
	text = append(text, t.more...)
	conf := fmt.Sprintf(deliveryHead, t.batch, t.flush, t.output)
	if t.tracked {
		conf += string(text)
	} else {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		text = fmt.Appendf(text, pushOptions, address)
		conf += fmt.Sprintf(pushInput, address) + fmt.Sprintf(pushedBy, b.binary, plugin)
	}
	path := filepath.Join(b.dir, "telegraf.conf")
	for name, content := range map[string]string{plugin: string(text), path: conf} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return startChild(tweetMark, hear, t.binary, "--config", path)
}

// freeAddress is one that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// counters are the last of the plugin's, as they come out of Telegraf.
type counters struct {
	mu          sync.Mutex
	rest        []byte
	at          int64 // when the plugin made them, Unix ns
	emitted     int
	undelivered int
	retries     int
	spooled     int // the most that was
}

func (c *counters) hear(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest = append(c.rest, p...)
	for {
		line, rest, found := bytes.Cut(c.rest, []byte("\n"))
		if !found {
			break
		}
		if bytes.HasPrefix(line, []byte("decahose_stream,")) {
			c.read(string(line))
		}
		c.rest = rest
	}
	c.rest = bytes.Clone(c.rest)
}

func (c *counters) read(line string) {
	c.at, _ = strconv.ParseInt(line[strings.LastIndexByte(line, ' ')+1:], 10, 64)
	c.emitted, c.undelivered = field(line, "emitted"), field(line, "undelivered")
	c.retries, c.spooled = field(line, "retries"), max(c.spooled, field(line, "spooled"))
}

// field is that of an integer; 0 where there is none.
func field(line, name string) (n int) {
	for _, lead := range []string{",", " "} {
		if _, value, found := strings.Cut(line, lead+name+"="); found {
			_, _ = fmt.Sscanf(value, "%di", &n) // n stays 0
			return n
		}
	}
	return 0
}

// delivered reports whether the plugin knows that so many were, and since when.
func (c *counters) delivered(n int) (since time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, c.at), c.emitted >= n && c.undelivered == 0
}

// cpuOf is what a process has used, and what its children have.
func cpuOf(pid int) (own, children time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		used := time.Duration(user+system) * tick
		switch {
		case filepath.Base(filepath.Dir(path)) == strconv.Itoa(pid):
			own = used
		case fields[1] == strconv.Itoa(pid):
			children += used
		}
	}
	return own, children
}

// end has the agent end as a service manager does, and waits for it.
func (c *child) end() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_, err := c.stop()
	return err
}
