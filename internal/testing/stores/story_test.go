//go:build linux

package stores

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	rate = 60 // Tweets a second, all partitions together
	// The buffer holds some seconds of them, and the output is stopped for longer.
	buffer  = 400 // and a repair at emit_rate_limit must not overrun it again
	stopped = 15 * time.Second
	calm    = 4 * time.Second
)

// scene is one stream into one store.
type scene struct {
	*testing.T
	store
	sim    *decasim.Server
	dir    string
	repair bool // the plugin repairs by itself; else the command orders it
	agent  *env.Process
	until  time.Time // what was made later is not judged: it may be on its way
}

// lasting is a World in which Replay still has every Tweet: what was edited or deleted since would stay missing, and is
// not what this story is about.
type lasting struct{ *world.World }

func (lasting) Gone(snowflake.ID) bool { return false }

// tell has Telegraf drop Tweets, and returns how many of them the audit found, exactly, and how many are still missing
// after the repair.
func tell(t *testing.T, seed uint64, s store) (found, left int) {
	truth := world.New(world.Config{Seed: seed, Rate: rate, Deleted: -1})
	sc := &scene{T: t, store: s, dir: t.TempDir(), repair: seed%2 == 0, sim: decasim.NewServer(decasim.ServerConfig{Seed: seed,
		Source: lasting{truth}, AllowedConnections: 8, ConnectLimit: -1, ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})}
	sc.begin(serve(t, sc.sim.Serve, sc.sim.Close))
	sc.pause(calm)
	require.NoError(t, s.stop(t.Context()))
	sc.pause(stopped)
	require.NoError(t, s.start(t.Context()))
	sc.until = time.Now()
	sc.pause(2 * calm)
	lost := sc.missing()
	require.Greater(t, len(lost), rate, "Telegraf was to drop some seconds of Tweets:\n%s", sc.agent.Log.Text())

	was := sc.audited(lost)
	if !sc.repair {
		out := sc.reconcile("-repair")
		require.Contains(t, out.Audits[0].Repair, "will be had again")
	}
	sc.within("the repair lands", func() bool { return len(sc.missing()) == 0 })
	after := sc.clean()
	require.Zero(t, after.Audits[0].Missing+after.Audits[0].Surplus)
	sc.within("the plugin's metrics say the same", func() bool { return sc.allWell(after) })
	t.Logf("%d Tweets were dropped, found and had again", was)
	sc.end()
	return was, len(sc.missing())
}

func serve(t *testing.T, on func(net.Listener) error, end func() error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() { _ = on(l) }) // ends with end
	t.Cleanup(func() {
		_ = end()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

const telegrafConf = `[agent]
  interval = "1s"
  flush_interval = "500ms"
  metric_batch_size = 100
  metric_buffer_limit = %d
  skip_processors_after_aggregators = true
  omit_hostname = true
[[inputs.execd]]
  command = [%q, "-config", %q, "-poll_interval", "1s"]
  restart_delay = "500ms"
  data_format = "influx"
[[outputs.file]]
  files = [%q]
  namedrop = ["decahose_tweet"]
  data_format = "influx"
`

const pluginConf = `[[inputs.decahose]]
  account = "demo"
  stream_label = "prod"
  stream_url = %[1]q
  replay_url = %[1]q
  connect_limit = 1000
  recovery_delay = "0s"
  recovery_limit = 1000
  emit_rate_limit = 200
  nul = "space"
  tweet_fields = ["id", "text", "user_id", "received_at"]
  [[inputs.decahose.audit]]
    name = "store"
    interval = "5s"
    settle = "20s"
    window = "20m"
    timeout = "30s"
    repair = %[2]v
    %[3]s
`

func (s *scene) file(name string) string { return filepath.Join(s.dir, name) }

func (s *scene) begin(url string) {
	write := func(name, text string) { require.NoError(s, os.WriteFile(s.file(name), []byte(text), 0o600)) }
	write("plugin.conf", fmt.Sprintf(pluginConf, url, s.repair, s.audit()))
	write("telegraf.conf", fmt.Sprintf(telegrafConf, buffer, built.plugin, s.file("plugin.conf"), s.file("counters"))+s.output())
	agent, err := env.Start([]string{built.telegraf, "--config", s.file("telegraf.conf")}, s.env(), nil)
	require.NoError(s, err)
	s.agent = agent
	s.Cleanup(func() {
		agent.Kill()
		if lines := agent.Log.Lines(); s.Failed() {
			s.Logf("log of the agent:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
	s.within("Tweets land", func() bool {
		ids, err := s.ids(s.Context())
		return err == nil && len(ids) > 0
	})
}

func (s *scene) env() []string {
	return []string{"DECAHOSE_USERNAME=demo", "DECAHOSE_PASSWORD=demo", "STATE_DIRECTORY=" + s.file("state")}
}

func (s *scene) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.Context().Done():
	}
}

func (s *scene) within(what string, holds func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !holds(); s.pause(time.Second) {
		require.True(s, time.Now().Before(end), "%s: not within %v", what, patience)
	}
}

// missing are the Tweets that X offered and the store does not hold: neither the plugin nor its ledger is asked.
func (s *scene) missing() map[int64]bool {
	var has map[int64]bool
	s.within("the store answers", func() (ok bool) {
		var err error
		has, err = s.ids(s.Context())
		return err == nil
	})
	lost := map[int64]bool{}
	for id := range s.offered() {
		if !has[id] {
			lost[id] = true
		}
	}
	return lost
}

// offered are the Tweets that the story is about.
func (s *scene) offered() map[int64]bool {
	ids := map[int64]bool{}
	for _, id := range s.sim.OfferedIDs() {
		if id.Time().Before(s.until) {
			ids[int64(id)] = true
		}
	}
	return ids
}

// audited waits until the audit has judged all minutes with lost Tweets, and wants it to have found exactly those.
func (s *scene) audited(lost map[int64]bool) int {
	if s.repair {
		return s.repairedAlone(lost)
	}
	var out document
	s.within("all minutes are judged", func() bool {
		out = s.reconcile("-ids")
		return out.judged(lost)
	})
	found := map[int64]bool{}
	for _, m := range out.Audits[0].Minutes {
		for _, id := range m.MissingIDs {
			found[id] = true
		}
	}
	require.Equal(s, lost, found, "the audit was to find what is missing, and nothing else")
	require.EqualValues(s, len(lost), out.Audits[0].Missing)
	return len(found)
}

// repairedAlone waits until the plugin said what is missing, and has it repaired without being told.
func (s *scene) repairedAlone(lost map[int64]bool) int {
	want, orders := int64(len(lost)), int64(0)
	s.within("the plugin has all of it asked for again", func() bool {
		orders = 0
		for _, line := range s.agent.Log.Lines() {
			var n int64
			_, text, _ := strings.Cut(line, "audit: ")
			if k, _ := fmt.Sscanf(text, "%d Tweets of", &n); k == 1 {
				orders += n
			}
		}
		return orders >= want
	})
	require.Equal(s, want, orders, "exactly what is missing was to be asked for again")
	return int(orders)
}

// document is what reconcile -json prints, as far as it is looked at.
type document struct {
	Audits []struct {
		Missing, Surplus int64
		Error, Repair    string
		Minutes          []struct {
			Minute     time.Time
			State      string
			Stored     *int64
			MissingIDs []int64 `json:"missing_ids"`
		}
	}
}

// judged reports whether the minutes of the ids were all compared.
func (d *document) judged(ids map[int64]bool) bool {
	compared := map[timeline.Minute]bool{}
	for _, m := range d.Audits[0].Minutes {
		compared[timeline.MinuteOf(m.Minute.UnixMilli())] = m.Stored != nil
	}
	for id := range ids {
		if !compared[timeline.MinuteOf(snowflake.ID(id).Milli())] {
			return false
		}
	}
	return true
}

// reconcile is the command, beside the running plugin. Exit code 0 must mean that nothing differs.
func (s *scene) reconcile(more ...string) (d document) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	args := append([]string{"reconcile", "-config", s.file("plugin.conf"), "-from", "-20m", "-to", "now", "-json"}, more...)
	cmd := exec.CommandContext(ctx, built.plugin, args...)
	cmd.Env = append(os.Environ(), s.env()...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	require.NoError(s, json.Unmarshal(out.Bytes(), &d), "%v: %s%s", err, out.String(), said.String())
	require.Len(s, d.Audits, 1)
	require.Empty(s, d.Audits[0].Error)
	differs := d.Audits[0].Missing+d.Audits[0].Surplus > 0
	if differs {
		require.Error(s, err)
		require.Equal(s, 1, cmd.ProcessState.ExitCode(), said.String())
	}
	return d
}

// clean waits until the next audit has judged all that was offered, and is the last word of the story.
func (s *scene) clean() (d document) {
	all := s.offered()
	s.within("the next audit judges all minutes", func() bool {
		d = s.reconcile("-ids")
		return d.judged(all)
	})
	return d
}

// allWell reports whether decahose_audit says of all minutes that were judged that they are equal, and whether the alarm
// was raised, and ended.
func (s *scene) allWell(d document) bool {
	metrics, err := env.ReadMetrics(s.file("counters"))
	if err != nil {
		return false // a line is being written
	}
	state, raised, active := map[time.Time]any{}, false, false
	for _, m := range metrics {
		switch m.Name {
		case "decahose_audit":
			state[m.Time.UTC()] = m.Fields["state"]
		case "decahose_alarm":
			if m.Tags["kind"] == "sink" {
				active, _ = m.Fields["active"].(bool)
				raised = raised || active
			}
		}
	}
	for _, m := range d.Audits[0].Minutes {
		if m.Stored != nil && state[m.Minute.UTC()] != "equal" {
			return false
		}
	}
	return (raised || !s.repair) && !active // the command may have been faster than the plugin's own look
}

func (s *scene) end() {
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	_, err := s.agent.Stop(ctx)
	require.NoError(s, err)
	require.Zero(s, s.agent.Log.Count("BUG:")+s.agent.Log.Count("panic:"), s.agent.Log.Text())
}
