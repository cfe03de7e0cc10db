//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/decasim"
	"github.com/decahose/telegraf-decahose/internal/rig"
)

func startPostgres(t *testing.T) *rig.Postgres {
	t.Helper()
	p, err := rig.StartPostgres(t.Context())
	if errors.Is(err, rig.ErrNoPostgres) {
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
	a := s.runWith("a", acknowledgedConf(address, p.Output()), s.stream(acknowledged(address)...))
	s.pass(2 * pace)
	require.True(t, rig.Until(s.within(20*time.Second), func() bool { return len(s.rows(p)) > 0 }), "no rows")
	require.NoError(t, p.Stop(t.Context()))
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	require.NoError(t, p.Start(t.Context()))
	s.pass(len(s.sim.OfferedIDs()) + pace)
	s.sim.StopOffering()
	rig.Until(s.within(45*time.Second), func() bool { return len(s.rows(p)) >= len(s.sim.OfferedIDs()) })
	a.drained()
	a.stop()
	rows := s.rows(p)
	for _, id := range s.sim.OfferedIDs() {
		require.Equal(t, [][]string{s.row(int64(id))}, rows[int64(id)])
	}
	require.Len(t, rows, len(s.sim.OfferedIDs()))
}

// rows are those of the table, by id. There is no table before the first Tweet.
func (s *stage) rows(p *rig.Postgres) map[int64][][]string {
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

// Copies of a batch are written again, as after an answer that was lost: they are no error, and no rows. A NUL, which
// PostgreSQL cannot hold, costs no batch.
func TestPostgresTakesCopies(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	s := &stage{T: t, dir: t.TempDir()}
	const (
		first = `decahose_tweet,kind=reply id=%di,text="a" 1000` + "\n"
		later = `decahose_tweet,kind=reply id=%di,text="nul` + "\x00" + `",more=1i 4000` + "\n"
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
	require.True(t, rig.Until(s.within(20*time.Second), func() bool { return len(s.rows(p)) == 3 }), a.Log.Text())
	for id, rows := range s.rows(p) {
		require.Len(t, rows, 1, id)
	}
	a.stop()
	require.Zero(t, a.Log.Count("E! [outputs.postgresql]"), a.Log.Text())
}
