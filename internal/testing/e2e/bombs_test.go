//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

const (
	// bombedMost is the most memory that the plugin may ever hold, calmMost what it holds again soon after; in MiB.
	bombedMost = 256
	calmMost   = 128
	// unread and read are how long bombs fall while nobody reads the plugin's stdout, and while somebody does.
	unread = 3 * time.Second
	read   = 3 * time.Second
)

// bombs are what hostile connections send again and again, gzipped to next to nothing: four million bytes each, or the
// records of n.
var bombs = map[string]func(n int64) string{
	"glue": func(int64) string { return strings.Repeat("{}", 2<<20) },
	"big":  func(int64) string { return bomb(time.Now(), strings.Repeat("a", 4<<20-200)) },
	"future": func(n int64) string {
		return many(n, func(i int64) time.Time { return time.Now().Add(time.Hour + time.Duration(i)*time.Minute) })
	},
	"sparse": func(n int64) string {
		return many(n, func(i int64) time.Time { return time.UnixMilli(snowflake.Epoch + i*1000) })
	},
	"keys":   func(int64) string { return `{"delete":1` + manyKeys() + "}" },
	"errors": func(int64) string { return `{"error":{"message":"m"` + manyKeys() + "}}" },
	"digits": func(int64) string { return `{"id":` + strings.Repeat("9", 4<<20-10) + "}" },
	"deep":   func(int64) string { return strings.Repeat(`{"a":`, 500_000) },
}

var manyKeys = sync.OnceValue(func() string {
	var b strings.Builder
	for i := 0; b.Len() < 4<<20-100; i++ {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return b.String()
})

var lastBomb atomic.Int64

func bomb(at time.Time, text string) string {
	id := int64(snowflake.First(at.UnixMilli())) | lastBomb.Add(1)&(1<<22-1)
	return fmt.Sprintf(`{"id":%d,"id_str":"%[1]d","text":"%s","user":{"id":1,"screen_name":"bomb"}}`, id, text)
}

// many are records of the n-th thousand, each of its own time.
func many(n int64, at func(i int64) time.Time) string {
	all := make([]string, 1000)
	for i := range all {
		all[i] = bomb(at(n*1000+int64(i)), "x")
	}
	return strings.Join(all, "\r\n")
}

// bomber is an X whose first connection to partition 1 is good, and all others bomb until they are stopped.
type bomber struct {
	bomb    func(int64) string
	first   atomic.Bool
	batches atomic.Int64
	over    chan struct{}

	mu   sync.Mutex
	sent []string // ids of good Tweets
}

func (h *bomber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	good := strings.Contains(r.URL.RawQuery, "partition=1") && h.first.CompareAndSwap(false, true)
	select {
	case <-h.over:
		if !good {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	default:
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	send := func(s string) {
		_, _ = io.WriteString(z, s+"\r\n")
		_ = z.Flush()
		w.(http.Flusher).Flush()
	}
	for r.Context().Err() == nil {
		switch {
		case good:
			send(h.tweet())
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
		case h.ended():
			return
		default:
			send(h.bomb(h.batches.Add(1)))
		}
	}
}

func (h *bomber) ended() bool {
	select {
	case <-h.over:
		return true
	default:
		return false
	}
}

// tweet is a good one, which must come out.
func (h *bomber) tweet() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := strconv.FormatInt(int64(snowflake.First(time.Now().UnixMilli()))|1<<21|int64(len(h.sent)&0xfffff), 10)
	h.sent = append(h.sent, id)
	return `{"id":` + id + `,"id_str":"` + id + `","text":"good","user":{"id":2,"screen_name":"good"}}`
}

func (h *bomber) good() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent[:len(h.sent):len(h.sent)]
}

// TestBombs: whatever X sends, and whether anybody reads stdout, memory is bounded, is given back, and the Tweets of other
// connections go on and are all there.
func TestBombs(t *testing.T) {
	// the race detector takes many times the memory
	plugin, err := env.Build(t.Context(), "cmd/telegraf-decahose", t.TempDir(), "-race=false")
	require.NoError(t, err)
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &bomber{bomb: bomb, over: make(chan struct{})}
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			p := startBombed(t, plugin, s.URL)
			p.sleep(unread)
			p.read()
			before := p.count()
			p.sleep(read)
			require.Greater(t, p.count(), before, "good Tweets go on while bombs fall")
			close(h.over)
			sent := h.good()
			require.NotEmpty(t, sent)
			require.True(t, p.wait(20*time.Second, func() bool { return p.has(sent) }), "%d good Tweets were sent and %d came", len(sent), p.count())
			calm := p.wait(40*time.Second, func() bool { return p.rss("VmRSS") <= calmMost })
			t.Logf("peak %d MiB, then %d MiB", p.rss("VmHWM"), p.rss("VmRSS"))
			require.LessOrEqual(t, p.rss("VmHWM"), bombedMost, "MiB at the peak")
			require.True(t, calm, "%d MiB are not given back", p.rss("VmRSS"))
		})
	}
}

// bombed is a plugin without a Telegraf, whose stdout is read or not.
type bombed struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout io.Reader
	wg     sync.WaitGroup

	mu   sync.Mutex
	came map[string]bool // ids of good Tweets
}

func startBombed(t *testing.T, plugin, url string) *bombed {
	dir := t.TempDir()
	conf := filepath.Join(dir, "plugin.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "[[inputs.decahose]]\n  account = \"demo\"\n  stream_label = \"prod\"\n"+
		"  stream_url = %q\n  connect_limit = 1000\n  backfill = \"none\"\n  recovery = \"none\"\n  state_directory = %q\n",
		url, filepath.Join(dir, "state")), 0o600))
	p := &bombed{t: t, came: map[string]bool{}, cmd: exec.Command(plugin, "-config", conf, "-poll_interval", "1s")}
	p.cmd.Env = append(os.Environ(), login("demo")...)
	var log bytes.Buffer
	p.cmd.Stderr = &log
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.stdout, err = p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = p.cmd.Process.Kill()
		p.wg.Wait()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Log(tail(strings.Split(log.String(), "\n"), 30))
		}
	})
	return p
}

var goodID = regexp.MustCompile(`[ ,]id=(\d+)i`)

// read begins to read stdout.
func (p *bombed) read() {
	p.wg.Go(func() {
		lines := bufio.NewReaderSize(p.stdout, 1<<20)
		for {
			line, err := lines.ReadSlice('\n')
			if bytes.Contains(line, []byte(`text="good"`)) {
				p.mu.Lock()
				p.came[string(goodID.FindSubmatch(line)[1])] = true
				p.mu.Unlock()
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	})
}

func (p *bombed) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.came)
}

func (p *bombed) has(ids []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if !p.came[id] {
			return false
		}
	}
	return true
}

func (p *bombed) sleep(d time.Duration) { p.wait(d, func() bool { return false }) }

func (p *bombed) wait(d time.Duration, f func() bool) bool {
	s := stage{T: p.t}
	return env.Until(s.within(d), f)
}

// rss is a line of the process's status, in MiB.
func (p *bombed) rss(what string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	_, rest, ok := strings.Cut(string(status), what+":")
	require.True(p.t, ok, "the plugin has ended")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(p.t, err)
	return kib / 1024
}
