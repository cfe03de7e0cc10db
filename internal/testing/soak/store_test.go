//go:build linux

package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// point is what a store knows a copy of a Tweet by.
type point struct {
	tags   string
	micros int64 // Unix time
	row    int   // in a store that could have put copies in one row, and did not
}

// copies are what a store has of each Tweet: the points of its copies, each once.
type copies map[snowflake.ID][]point

func (c copies) put(id snowflake.ID, p point) {
	if !slices.Contains(c[id], p) {
		c[id] = append(c[id], p)
	}
}

func (c copies) add(m env.Metric) {
	c.put(snowflake.ID(m.ID()), point{tags: fmt.Sprint(m.Tags), micros: m.Time.UnixMicro()})
}

// store is where Tweets are in the end.
type store interface {
	output(life int) string // the section of telegraf.conf
	read() (copies, error)  // what is in it
	states() []state        // those that it can be in, but sound
	turn(state)
}

// state is how a store behaves.
type state string

const (
	sound   state = "sound"
	failing state = "failing"  // says that it cannot at the moment
	refuse  state = "refusing" // says that it never will: Telegraf drops the batch
	hanging state = "hanging"  // does not answer, whether it stored or not
	slow    state = "slow"     // takes a tenth of the rate
	away    state = "away"     // ends connections
)

func newStore(r *run) store {
	switch r.plan.store {
	case fileStore:
		return &files{dir: r.dir}
	case postgresStore:
		p, err := env.StartPostgres(r.Context())
		if errors.Is(err, env.ErrNoPostgres) {
			r.Logf("%v: a store behind HTTP instead", err)
			return newServer(r)
		}
		require.NoError(r, err)
		r.Cleanup(p.Close)
		return &database{t: r.T, postgres: p}
	default:
		return newServer(r)
	}
}

// server is a store behind HTTP that takes line protocol.
type server struct {
	kind, address string

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed at the next change of state
	asked   int
	points  copies
	err     error
}

func newServer(r *run) *server {
	s := &server{kind: r.plan.store, state: sound, changed: make(chan struct{}), points: copies{}}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.address = serve(r.T, h.Serve, h.Close)
	return s
}

func (s *server) output(int) string {
	if s.kind == influxStore {
		return fmt.Sprintf("[[outputs.influxdb_v2]]\n  urls = [\"http://%s\"]\n  token = \"t\"\n  organization = \"o\"\n  bucket = \"b\"\n"+
			"  content_encoding = \"identity\"\n  timeout = \"8s\"\n  namepass = [\"decahose_tweet\"]\n", s.address)
	}
	return fmt.Sprintf("[[outputs.http]]\n  url = \"http://%s/write\"\n  timeout = \"8s\"\n  data_format = \"influx\"\n"+
		"  namepass = [\"decahose_tweet\"]\n", s.address)
}

// states: outputs.http says nothing to Telegraf of what it drops, so that it must not be told to.
func (s *server) states() []state {
	all := []state{failing, hanging, slow, away}
	if s.kind == influxStore {
		all = append(all, refuse)
	}
	return all
}

func (s *server) turn(to state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = to
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *server) now() (now state, changed <-chan struct{}, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.state, s.changed, s.asked
}

func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the agent went away
	}
	now, changed, asked := s.now()
	switch now {
	case failing:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case refuse:
		w.WriteHeader(http.StatusBadRequest)
		return
	case away:
		panic(http.ErrAbortHandler)
	case hanging:
		if asked%2 == 0 {
			s.keep(body)
		}
		wait(req.Context(), changed, time.Hour)
		panic(http.ErrAbortHandler)
	case slow:
		wait(req.Context(), changed, time.Duration(bytes.Count(body, []byte("\ndecahose_")))*10*time.Second/rate)
	}
	s.keep(body)
	w.WriteHeader(http.StatusNoContent)
}

func wait(ctx context.Context, changed <-chan struct{}, most time.Duration) {
	select {
	case <-ctx.Done():
	case <-changed:
	case <-time.After(most):
	}
}

func (s *server) keep(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, env.Each(bytes.NewReader(body), s.points.add))
}

func (s *server) read() (copies, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.points), s.err
}

// files is one file per life of Telegraf: a killed one may leave half a line.
type files struct{ dir string }

func (f *files) output(life int) string {
	return fmt.Sprintf("[[outputs.file]]\n  files = [%q]\n  namepass = [\"decahose_tweet\"]\n  data_format = \"influx\"\n",
		filepath.Join(f.dir, fmt.Sprintf("%d.tweets", life)))
}

func (f *files) states() []state { return nil }
func (f *files) turn(state)      {}

// read leaves out the end of a file that is no metric.
func (f *files) read() (copies, error) {
	all, err := filepath.Glob(filepath.Join(f.dir, "*.tweets"))
	points := copies{}
	for _, path := range all {
		body, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr)
		_ = env.Each(bytes.NewReader(body), points.add)
	}
	return points, err
}

// database is a PostgreSQL server, with the table that the documentation recommends.
type database struct {
	t        *testing.T
	postgres *env.Postgres
}

func (d *database) output(int) string { return d.postgres.Output() }
func (d *database) states() []state   { return []state{away} }

func (d *database) turn(to state) {
	turn := d.postgres.Stop
	if to == sound {
		turn = d.postgres.Start
	}
	require.NoError(d.t, turn(d.t.Context()))
}

// read finds an error while the server is away, or has no table yet. It keeps microseconds. A second row of an id is
// a second point whatever is in it.
func (d *database) read() (copies, error) {
	rows, err := d.postgres.Query(d.t.Context(), "SELECT id, kind, lang, extract(epoch FROM time) * 1000000 FROM decahose_tweet")
	points := copies{}
	for i, row := range rows {
		id, idErr := strconv.ParseInt(row[0], 10, 64)
		micros, microsErr := strconv.ParseFloat(row[3], 64)
		err = errors.Join(err, idErr, microsErr)
		p := point{tags: fmt.Sprint(row[1:3]), micros: int64(micros)}
		if len(points[snowflake.ID(id)]) > 0 {
			p.row = i
		}
		points.put(snowflake.ID(id), p)
	}
	return points, err
}
