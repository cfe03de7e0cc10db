//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

func startPostgres(t *testing.T) *env.Postgres {
	t.Helper()
	p, err := env.StartPostgres(t.Context())
	if errors.Is(err, env.ErrNoPostgres) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// A real PostgreSQL goes away and comes back: each Tweet is one row, with what the record says.
func TestPostgresHasEachTweetOnce(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 46})
	p, address := startPostgres(t), freeAddress(t)
	a := s.runWith("a", acknowledgedConf(address, p.Output()), s.stream(append([]string{env.WithoutNUL}, acknowledged(address)...)...))
	s.pass(2 * pace)
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return len(s.rows(p)) > 0 }), "no rows")
	require.NoError(t, p.Stop(t.Context()))
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	require.NoError(t, p.Start(t.Context()))
	s.pass(len(s.sim.OfferedIDs()) + pace)
	s.sim.StopOffering()
	env.Until(s.within(45*time.Second), func() bool { return len(s.rows(p)) >= len(s.sim.OfferedIDs()) })
	a.drained()
	a.stop()
	rows := s.rows(p)
	for _, id := range s.sim.OfferedIDs() {
		require.Equal(t, [][]string{s.row(int64(id))}, rows[int64(id)])
	}
	require.Len(t, rows, len(s.sim.OfferedIDs()))
}

// rows are those of the table, by id. There is no table before the first Tweet.
func (s *stage) rows(p *env.Postgres) map[int64][][]string {
	all, _ := p.Query(s.Context(), `SELECT id, text, kind, to_char(time, 'YYYY-MM-DD HH24:MI:SS.US') FROM decahose_tweet`)
	rows := map[int64][][]string{}
	for _, row := range all {
		id, err := strconv.ParseInt(row[0], 10, 64)
		require.NoError(s, err)
		rows[id] = append(rows[id], row)
	}
	return rows
}

// row is what there should be of a Tweet.
func (s *stage) row(id int64) []string {
	want := s.truth(id)
	text := strings.NewReplacer("\r\n", "\n", "\x00", " ").Replace(want.text()) // as the reader of CSV has it, and without NUL
	return []string{strconv.FormatInt(id, 10), text, want.kind(), identity(id).UTC().Format("2006-01-02 15:04:05.000000")}
}

// A NUL in the first batch would undo the table, and all that comes later with it, without a word to any mode: the option
// nul keeps it off, by the default way and by the acknowledged one.
func TestPostgresNUL(t *testing.T) {
	for name, acked := range map[string]bool{"stdout": false, "acknowledged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := (time.Now().UnixMilli() - 1288834974657) << 22
			s := &stage{T: t, dir: t.TempDir(), url: serveHostile(t, first).URL}
			p, address := startPostgres(t), freeAddress(t)
			conf, options := deliveryConf+execdConf+p.Output(), []string{env.WithoutNUL}
			if acked {
				conf, options = acknowledgedConf(address, p.Output()), append(options, acknowledged(address)...)
			}
			a := s.runWith("a", conf, s.stream(options...))
			env.Until(s.within(20*time.Second), func() bool { return len(s.rows(p)) >= len(hostile) })
			a.stop()
			rows := s.rows(p)
			require.Len(t, rows, len(hostile), a.Log.Text())
			id, _ := hostileRecord(first, slices.IndexFunc(hostile, func(h hostileText) bool { return h.name == "NUL" }))
			require.Equal(t, "a b", rows[id][0][1])
		})
	}
}

// Copies of a batch are written again, as after an answer that was lost: they are no error, and no rows.
func TestPostgresTakesCopies(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	s := &stage{T: t, dir: t.TempDir()}
	const (
		first = `decahose_tweet,kind=reply id=%di,text="a" 1000` + "\n"
		later = `decahose_tweet,kind=reply id=%di,text="b",more=1i 4000` + "\n"
	)
	child := "cat FIRST; sleep 1; cat LATER; cat >/dev/null"
	for i, name := range []string{"FIRST", "LATER"} {
		lines, path := []string{first, later}[i], filepath.Join(s.dir, name)
		body := fmt.Sprintf(lines+lines+lines+lines, i, i+1, i+1, i)
		require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
		child = strings.Replace(child, name, path, 1)
	}
	conf := deliveryConf + p.Output() + fmt.Sprintf("[[inputs.execd]]\n  command = [\"sh\", \"-c\", %q]\n  data_format = \"influx\"\n", child)
	a := s.runWith("a", conf, "")
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return len(s.rows(p)) == 3 }), a.Log.Text())
	for id, rows := range s.rows(p) {
		require.Len(t, rows, 1, id)
	}
	a.stop()
	require.Zero(t, a.Log.Count("E! [outputs.postgresql]"), a.Log.Text())
}

// The page's recipe in a real Telegraf: the id of a row that is deleted is forgotten, and a repair brings the row back,
// once. So it does where the table was made without that, and had it from the page's own SQL.
func TestDocsPostgresRepairs(t *testing.T) {
	truth := world.New(world.Config{Seed: 66, Rate: 20, Deleted: -1})
	s := newStage(t, decasim.ServerConfig{Seed: 66, Source: truth, ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})
	p, address := startPostgres(t), freeAddress(t)
	output := swap(t, inDocs(t, "Stores that meet copies", 2)[0], docsPostgres, p.Address())
	options := append([]string{env.WithoutNUL, fmt.Sprintf("replay_url = %q", s.url), `recovery_delay = "0s"`}, acknowledged(address)...)
	options = append(options, `[[inputs.decahose.audit]]`, `name = "store"`, `type = "postgresql"`, fmt.Sprintf("dsn = %q", p.Address()),
		`settle = "20s"`, `window = "20m"`, `timeout = "10s"`)
	from := s.leavePast("a", 9*time.Minute).Truncate(time.Minute).Add(time.Minute)
	to := from.Add(2 * time.Minute)
	a := s.runWith("a", acknowledgedConf(address, output), s.stream(options...))
	s.pass(20)
	var w wish
	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to)) // at once, though it would be had in time
	s.requireRows(p, from, to)

	remove := func(rest int) {
		s.query(p, fmt.Sprintf(`DELETE FROM decahose_tweet WHERE id %% 7 = %d AND "time" < '%s'`, rest, to.UTC().Format(time.RFC3339)))
	}
	orphans := func() string {
		return s.query(p, `SELECT count(*) FROM decahose_tweet_id WHERE id NOT IN (SELECT id FROM decahose_tweet)`)[0][0]
	}
	remove(0)
	require.Equal(t, "0", orphans())
	s.query(p, `DROP TRIGGER forget ON decahose_tweet`)
	remove(1)
	require.NotEqual(t, "0", orphans())
	s.query(p, fencedSQL.FindStringSubmatch(page(t, "docs/delivery.md"))[1])
	remove(2)
	require.Equal(t, "0", orphans())
	s.repair("a", from, to)
	s.requireRows(p, from, to)
	a.stop()
}

func (s *stage) query(p *env.Postgres, sql string) [][]string {
	s.Helper()
	rows, err := p.Query(s.Context(), sql)
	require.NoError(s, err)
	return rows
}

// repair has the audit of an agent's plugin look at its store, and order what is missing there; the ledger may have to
// close the minutes first.
func (s *stage) repair(agent string, from, to time.Time) {
	s.Helper()
	var out []byte
	ctx := s.within(90 * time.Second)
	ok := env.Until(ctx, func() bool {
		cmd := exec.CommandContext(ctx, built.plugin, "reconcile", "-config", filepath.Join(s.dir, agent+".plugin.conf"),
			"-from", stamp(from), "-to", stamp(to), "-repair")
		cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+s.state(agent))
		out, _ = cmd.CombinedOutput()
		return bytes.Contains(out, []byte("will be had again"))
	})
	require.True(s, ok, "%s", out)
}

// requireRows waits until the store has all Tweets of that time, and wants each to be one row. Replay may begin with the next
// minute.
func (s *stage) requireRows(p *env.Postgres, from, to time.Time) {
	s.Helper()
	var ids []snowflake.ID
	for tweet := range world.Tweets(s.src, from, to) {
		if !s.sim.Gone(tweet.ID) {
			ids = append(ids, tweet.ID)
		}
	}
	rows := map[int64][][]string{}
	ok := env.Until(s.within(100*time.Second), func() bool {
		rows = s.rows(p)
		return !slices.ContainsFunc(ids, func(id snowflake.ID) bool { return len(rows[int64(id)]) == 0 })
	})
	require.True(s, ok, "rows are missing")
	for _, id := range ids {
		require.Equal(s, [][]string{s.row(int64(id))}, rows[int64(id)])
	}
}
