//go:build linux

package stores

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// store is a real one, with what Telegraf and the plugin have to be told of it.
type store interface {
	output() string                                  // the section of telegraf.conf
	audit() string                                   // lines of the table of the audit
	stop(ctx context.Context) error                  // the output hangs or fails from now on
	start(ctx context.Context) error                 // it works again
	ids(ctx context.Context) (map[int64]bool, error) // what it holds, asked for past our own drivers
}

type kind struct {
	name  string
	start func(*testing.T) (store, error)
}

var kinds = []kind{
	{"PostgreSQL", startPostgres},
	{"InfluxDB 1", startInflux},
	{"SQLite", startSQLite},
	{"MariaDB", startMariaDB},
	{"file", startFile},
}

func setOf(ids []string) (map[int64]bool, error) {
	set := make(map[int64]bool, len(ids))
	for _, text := range ids {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		set[id] = true
	}
	return set, nil
}

type postgres struct{ *env.Postgres }

func startPostgres(t *testing.T) (store, error) {
	p, err := env.StartPostgres(t.Context())
	if err != nil {
		return nil, err
	}
	t.Cleanup(p.Close)
	_, err = p.Query(t.Context(), "CREATE ROLE auditor LOGIN; GRANT pg_read_all_data TO auditor")
	return postgres{p}, err
}

func (p postgres) output() string { return p.Output() }

func (p postgres) audit() string {
	return fmt.Sprintf("type = \"postgresql\"\n    dsn = %q\n", "postgres://auditor@"+p.Address()[len("postgres://decahose@"):])
}

func (p postgres) stop(ctx context.Context) error  { return p.Stop(ctx) }
func (p postgres) start(ctx context.Context) error { return p.Start(ctx) }

func (p postgres) ids(ctx context.Context) (map[int64]bool, error) {
	rows, err := p.Query(ctx, "SELECT id FROM decahose_tweet")
	var ids []string
	for _, row := range rows {
		ids = append(ids, row[0])
	}
	if err != nil {
		return nil, err
	}
	return setOf(ids)
}

type influx struct{ *env.InfluxDB }

func startInflux(t *testing.T) (store, error) {
	i, err := env.StartInfluxDB(t.Context())
	if err != nil {
		return nil, err
	}
	t.Cleanup(i.Close)
	return influx{i}, nil
}

func (i influx) output() string {
	return fmt.Sprintf("[[outputs.influxdb]]\n  urls = [%q]\n  database = \"decahose\"\n  namepass = [\"decahose_tweet\"]\n", i.URL())
}

func (i influx) audit() string {
	return fmt.Sprintf("type = \"influxdb\"\n    url = %q\n    database = \"decahose\"\n", i.URL())
}

func (i influx) stop(ctx context.Context) error  { return i.Stop(ctx) }
func (i influx) start(ctx context.Context) error { return i.Start(ctx) }

func (i influx) ids(ctx context.Context) (map[int64]bool, error) {
	ids, err := i.Numbers(ctx, "decahose", "id")
	set := make(map[int64]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set, err
}

const sqlOutput = `[[outputs.sql]]
  driver = %q
  data_source_name = %q
  namepass = ["decahose_tweet"]
  table_update_template = "ALTER TABLE {TABLE} ADD COLUMN {COLUMN}"
  init_sql = %q
  [outputs.sql.convert]
    integer = "BIGINT"
`

type sqliteFile struct {
	path string
	db   *sql.DB
	lock *sql.Conn // while the output is stopped
}

func startSQLite(t *testing.T) (store, error) {
	s := &sqliteFile{path: filepath.Join(t.TempDir(), "tweets.db")}
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		return nil, err
	}
	s.db = db
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL")
	return s, err
}

func (s *sqliteFile) output() string {
	return fmt.Sprintf(sqlOutput, "sqlite", "file:"+s.path+"?_pragma=busy_timeout(100)&_pragma=synchronous(0)", "")
}

func (s *sqliteFile) audit() string { return fmt.Sprintf("type = \"sqlite\"\n    dsn = %q\n", s.path) }

func (s *sqliteFile) stop(ctx context.Context) (err error) {
	if s.lock, err = s.db.Conn(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	_, err = s.lock.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

func (s *sqliteFile) start(ctx context.Context) error {
	_, err := s.lock.ExecContext(ctx, "ROLLBACK")
	return errors.Join(err, s.lock.Close())
}

func (s *sqliteFile) ids(ctx context.Context) (map[int64]bool, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id FROM decahose_tweet")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	set := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		set[id] = true
	}
	return set, rows.Err()
}

type mariadb struct{ *env.MariaDB }

func startMariaDB(t *testing.T) (store, error) {
	m, err := env.StartMariaDB(t.Context())
	if err != nil {
		return nil, err
	}
	t.Cleanup(m.Close)
	return mariadb{m}, nil
}

func (m mariadb) output() string {
	return fmt.Sprintf(sqlOutput, "mysql", m.DSN()+"?timeout=2s&writeTimeout=2s&readTimeout=2s&sql_mode=%27ANSI_QUOTES%27", "") // an init_sql would not be said again after a reconnect
}

func (m mariadb) audit() string { return fmt.Sprintf("type = \"mysql\"\n    dsn = %q\n", m.DSN()) }

func (m mariadb) stop(ctx context.Context) error  { return m.Stop(ctx) }
func (m mariadb) start(ctx context.Context) error { return m.Start(ctx) }

func (m mariadb) ids(ctx context.Context) (map[int64]bool, error) {
	ids, err := m.Query(ctx, "SELECT id FROM decahose.decahose_tweet")
	if err != nil {
		return nil, err
	}
	return setOf(ids)
}

// pipedFile is a file that outputs.file writes through a pipe: what nobody takes out of it holds the output up.
type pipedFile struct {
	pipe, path string
	turn       sync.Mutex // who has it may copy
}

func startFile(t *testing.T) (store, error) {
	dir := t.TempDir()
	f := &pipedFile{pipe: filepath.Join(dir, "pipe"), path: filepath.Join(dir, "tweets.lp")}
	if err := syscall.Mkfifo(f.pipe, 0o600); err != nil {
		return nil, err
	}
	in, err := os.OpenFile(f.pipe, os.O_RDWR, 0) // so that neither end ever sees the other's end
	if err != nil {
		return nil, err
	}
	out, err := os.Create(f.path)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { f.copy(out, in) })
	t.Cleanup(func() {
		_ = in.Close()
		wg.Wait()
		require.NoError(t, out.Close())
	})
	return f, nil
}

// copy ends when the pipe is closed.
func (f *pipedFile) copy(out io.Writer, in io.Reader) {
	b := make([]byte, 4096)
	for {
		n, err := in.Read(b)
		f.turn.Lock()
		_, werr := out.Write(b[:n])
		f.turn.Unlock()
		if err != nil || werr != nil {
			return
		}
	}
}

func (f *pipedFile) output() string {
	return fmt.Sprintf("[[outputs.file]]\n  files = [%q]\n  namepass = [\"decahose_tweet\"]\n  data_format = \"influx\"\n", f.pipe)
}

func (f *pipedFile) audit() string {
	return fmt.Sprintf("type = \"file\"\n    files = [%q]\n", f.path[:len(f.path)-1]+"?")
}

func (f *pipedFile) stop(context.Context) error {
	f.turn.Lock()
	return nil
}

func (f *pipedFile) start(context.Context) error {
	f.turn.Unlock()
	return nil
}

func (f *pipedFile) ids(context.Context) (map[int64]bool, error) {
	set := map[int64]bool{}
	b, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	if i := len(b); i > 0 && b[i-1] != '\n' {
		return nil, errors.New("a line is being written")
	}
	metrics, err := env.ReadMetrics(f.path)
	for _, m := range metrics {
		set[m.ID()] = true
	}
	return set, err
}

// patience bounds the wait for what should happen.
const patience = 150 * time.Second
