//go:build unix

package e2e

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// page is a document of the project.
func page(t testing.TB, name string) string {
	t.Helper()
	root, err := env.Root()
	require.NoError(t, err)
	body, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(body)
}

var (
	fencedTOML = regexp.MustCompile("(?s)```toml\n(.*?)```")
	fencedSQL  = regexp.MustCompile("(?s)```sql\n(.*?)```")
)

// inDocs are the fenced toml blocks of one section of docs/delivery.md, subsections included.
func inDocs(t testing.TB, section string, n int) (blocks []string) {
	t.Helper()
	_, rest, found := strings.Cut(page(t, "docs/delivery.md"), "\n## "+section+"\n")
	require.True(t, found, "no section %q in docs/delivery.md", section)
	body, _, _ := strings.Cut(rest, "\n## ")
	for _, block := range fencedTOML.FindAllStringSubmatch(body, -1) {
		blocks = append(blocks, block[1])
	}
	require.Len(t, blocks, n, "configurations in section %q", section)
	return blocks
}

// swap replaces each text, which must be there exactly once, by what follows it.
func swap(t testing.TB, text string, swaps ...string) string {
	t.Helper()
	for i := 0; i < len(swaps); i += 2 {
		require.Equal(t, 1, strings.Count(text, swaps[i]), "%s in:\n%s", swaps[i], text)
		text = strings.Replace(text, swaps[i], swaps[i+1], 1)
	}
	return text
}

// What the page says of Telegraf's own place, store and credentials.
const (
	docsHost  = "[agent]\n"
	docsStore = `"http://127.0.0.1:8086"`
	docsToken = `"${INFLUX_TOKEN}"`

	docsPostgres = "postgres://telegraf@127.0.0.1:5432/decahose"
)

// docsTelegraf is a telegraf.conf of the page, with the test's paths, hostname, credentials, and more.
func (s *stage) docsTelegraf(conf string, k *sink, more ...string) string {
	s.Helper()
	return swap(s, conf, append([]string{`"/usr/bin/telegraf-decahose"`, `"PLUGIN"`,
		`"/etc/telegraf-decahose/decahose.conf"`, `"CONF"`, docsHost, docsHost + "  hostname = \"NAME\"\n",
		docsStore, `"` + k.plain(s) + `"`, docsToken, `"t"`}, more...)...)
}

// docsPlugin is a configuration of the plugin on the page, with the simulator's account and URLs, and more.
func (s *stage) docsPlugin(conf string, more ...string) string {
	s.Helper()
	return swap(s, conf, append([]string{`account = "example"`,
		fmt.Sprintf("account = \"demo\"\n  stream_url = %q\n  replay_url = %q", s.url, s.url)}, more...)...)
}

// plain is the URL of a store that unpacks what the output sends, and gives it to the sink.
func (k *sink) plain(s *stage) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
			return
		}
		r.Body = body
		k.ServeHTTP(w, r)
	}))
	s.Cleanup(server.Close)
	return server.URL
}

// docsEnv are the variables that the page's files name.
func docsEnv() []string {
	return append(login("demo"), "DECAHOSE_PUSH_TOKEN="+pushToken, "DECAHOSE_FEEDBACK_TOKEN="+pushToken)
}

// stored has the agent's Tweets and counters read from the one file of the sink.
func (a *agent) stored() *agent {
	a.counters = a.tweets
	return a
}

// tweetsIn are the Tweets of the one file.
func (a *agent) tweetsIn() (tweets []env.Metric) {
	a.s.Helper()
	all, err := env.ReadMetrics(a.tweets)
	require.NoError(a.s, err)
	for _, m := range all {
		if m.Name == "decahose_tweet" {
			require.NotContains(a.s, m.Tags, "host")
			tweets = append(tweets, m)
		}
	}
	return tweets
}

// sum adds a field up over the last reports of all minutes.
func (a *agent) sum(field string) (n int64) {
	last := map[time.Time]int64{}
	for _, m := range a.all("decahose_volume", "partition", "all") {
		last[m.Time] = m.Int(field)
	}
	for _, v := range last {
		n += v
	}
	return n
}

// requireAllIn: what was offered is there, once, and the plugin counted it.
func (s *stage) requireAllIn(a *agent, counted ...string) {
	s.Helper()
	landed := a.tweetsIn()
	s.requireExact(s.sim.OfferedIDs(), landed)
	for _, field := range counted {
		require.EqualValues(s, len(landed), a.sum(field), field)
	}
	for _, level := range []string{"E! ", "W! "} {
		require.Zero(s, a.Log.Count(level, "[inputs.decahose]"), a.Log.Text())
	}
}

func TestDocsStdout(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 61})
	files, k := inDocs(t, "Mode (a): stdout", 2), s.newSink("a.tweets")
	a := s.runWith("a", s.docsTelegraf(files[0], k), s.docsPlugin(files[1])).stored()
	s.pass(5 * pace)
	s.settle(a)
	a.stop()
	s.requireAllIn(a, "emitted")
}

func TestDocsAcknowledged(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 62})
	files, k, address := inDocs(t, "Mode (b): acknowledged", 2), s.newSink("a.tweets"), freeAddress(t)
	a := s.runWith("a", s.docsTelegraf(files[0], k, `"127.0.0.1:9186"`, `"`+address+`"`),
		s.docsPlugin(files[1], `"http://127.0.0.1:9186/decahose"`, `"http://`+address+`/decahose"`), docsEnv()...).stored()
	s.pass(5 * pace)
	s.settle(a)
	a.stop()
	s.requireAllIn(a, "emitted", "delivered")
}

func TestDocsCompiledIn(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 63})
	files, k := inDocs(t, "Mode (c): compiled in", 1), s.newSink("a.tweets")
	conf := swap(t, s.docsPlugin(files[0]), docsHost, docsHost+"  hostname = \"a\"\n", docsStore, `"`+k.plain(s)+`"`, docsToken, `"t"`)
	a := s.runCustom("a", conf, "").stored()
	s.pass(5 * pace)
	s.settle(a)
	a.stop()
	s.requireAllIn(a, "emitted", "delivered")
}

// The two pages promise the same.
func TestDocsGuarantees(t *testing.T) {
	t.Parallel()
	guarantee := regexp.MustCompile(`(?m)^\| .* \| (A Tweet [^|]*) \|$`)
	link := regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	of := func(name string) (all []string) {
		for _, row := range guarantee.FindAllStringSubmatch(page(t, name), -1) {
			all = append(all, link.ReplaceAllString(row[1], "$1"))
		}
		return all
	}
	require.Len(t, of("docs/delivery.md"), 3)
	require.Equal(t, of("plugins/inputs/decahose/README.md"), of("docs/delivery.md"))
}

// What the page says of PostgreSQL is what the other tests use.
func TestDocsPostgres(t *testing.T) {
	t.Parallel()
	p := &env.Postgres{}
	blocks := inDocs(t, "Stores that meet copies", 2)
	require.Contains(t, blocks[1], "[[inputs.decahose]]\n  "+env.WithoutNUL)
	require.Equal(t, p.Output(), swap(t, blocks[0], docsPostgres, p.Address()))
}

// gate stands between Telegraf's reports and the plugin.
type gate struct {
	*httptest.Server
	shut atomic.Bool  // nobody gets through
	past atomic.Int64 // so many came through
}

func (s *stage) newGate(to string) *gate {
	g := &gate{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.shut.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
		g.past.Add(1)
	}))
	s.Cleanup(g.Close)
	return g
}

// looped runs the page's closed loop, with a buffer of that size: the page's takes minutes to fill.
func (s *stage) looped(k *sink, limit int, more ...string) (*agent, *gate) {
	s.Helper()
	if !env.TelegrafHas(env.InstancesSince) {
		s.Skip("this Telegraf does not know per_instance")
	}
	files, address := inDocs(s, "Mode (a) with the loop closed", 2), freeAddress(s.T)
	g, small := s.newGate(address), []string{"metric_buffer_limit = 100000", fmt.Sprintf("metric_buffer_limit = %d", limit)}
	telegraf := s.docsTelegraf(files[0], k, append(small, `"http://127.0.0.1:9187/"`, `"`+g.URL+`/"`)...)
	plugin := s.docsPlugin(files[1], append(small, `"127.0.0.1:9187"`, `"`+address+`"`)...)
	plugin = swap(s, plugin, `stream_label = "prod"`, strings.Join(append([]string{`stream_label = "prod"`}, more...), "\n  "))
	return s.runWith("a", telegraf, plugin).stored(), g
}

// The store goes away: the plugin stops writing before Telegraf has to drop something.
func TestDocsLoopPauses(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 64})
	k := s.newSink("a.tweets")
	a, _ := s.looped(k, 20*pace)
	s.pass(2 * pace)
	k.answer.Store(http.StatusServiceUnavailable)
	require.NoError(t, a.Log.Wait(s.within(30*time.Second), "nothing is written until its buffer empties"))
	s.pass(len(s.sim.OfferedIDs()) + pace)
	k.answer.Store(http.StatusNoContent)
	require.NoError(t, a.Log.Wait(s.within(20*time.Second), "the outputs' buffers have emptied"))
	s.settle(a)
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.tweetsIn())
	require.Zero(t, a.Log.Count("dropped"), a.Log.Text())
}

// A Replay overruns a small buffer while the store is away and no report comes through: its minutes, and no others,
// are missing again, and Replay brings them once more.
func TestDocsLoopRecovers(t *testing.T) {
	const rate, limit = 20, 1000
	s := newStage(t, decasim.ServerConfig{Seed: 65, Source: world.New(world.Config{Seed: 65, Rate: rate}),
		ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: 20})
	k := s.newSink("a.tweets")
	a, g := s.looped(k, limit, `recovery_delay = "0s"`, `silence_timeout = "0s"`)
	s.pass(2 * rate)
	s.settle(a)
	reports := g.past.Load()
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return g.past.Load() >= reports+5 }), "no reports")

	k.answer.Store(http.StatusServiceUnavailable)
	g.shut.Store(true)
	from := time.Now().Add(-20 * time.Minute).Truncate(time.Minute)
	to := from.Add(2 * time.Minute)
	var w wish
	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to), "-no-wait")
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return s.replayed() == 1 }), "%v", s.sim.Requests())
	g.shut.Store(false)
	require.NoError(t, a.Log.Wait(s.within(20*time.Second), "E! ", "dropped", "may be among them; 2 minutes missing"))
	k.answer.Store(http.StatusNoContent)

	require.True(t, env.Until(s.within(30*time.Second), func() bool { return s.replayed() == 2 }), "Replay was not asked again: %v", s.sim.Requests())
	wanted := s.sim.OfferedIDs()
	for tweet := range world.Tweets(s.src, from, to) {
		wanted = append(wanted, tweet.ID)
	}
	wanted = slices.DeleteFunc(wanted, s.sim.Gone)
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return a.hasAll(wanted) }), "some are lost")
	a.stop()
	s.requireNoneLost(a.tweetsIn())
	for _, r := range s.sim.Requests() {
		require.False(t, r.From.Before(from) || r.To.After(to), "more than the minutes was asked for: %v", r)
	}
}

// replayed is how many requests were served whole.
func (s *stage) replayed() (n int) {
	for _, r := range s.sim.Requests() {
		if r.End == "completed" {
			n++
		}
	}
	return n
}
