package audit

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// dialect is how a kind of database is asked. Queries are bounded by id, which is time, and by the column of the time
// where the store's partitions are by it.
type dialect struct {
	mark       string // around names
	count, ids string
	bound      []string // statements that bound the time of those that follow in the session; %d is in ms
	needed     bool     // a failure of bound is one of the query
}

var dialects = map[string]dialect{
	postgresql: {
		mark: `"`,
		count: "SELECT " + minuteOfID + ` AS minute, count(DISTINCT id) FROM {table} WHERE "time" >= {from} AND "time" < {to}` +
			" AND id >= {from_id} AND id < {to_id} AND stream_label = {stream_label} GROUP BY 1",
		ids: `SELECT DISTINCT id FROM {table} WHERE "time" >= {from} AND "time" < {to}` +
			" AND id >= {from_id} AND id < {to_id} AND stream_label = {stream_label}",
		bound:  []string{"SET LOCAL statement_timeout = %d", "SET LOCAL timezone = 'UTC'"},
		needed: true,
	},
	mysqlType: {
		mark: "`",
		count: "SELECT ((id DIV 4194304) + 1288834974657) DIV 60000 AS minute, count(DISTINCT id) FROM {table}" +
			" WHERE id >= {from_id} AND id < {to_id} AND stream_label = {stream_label} GROUP BY 1",
		ids:   "SELECT DISTINCT id FROM {table} WHERE id >= {from_id} AND id < {to_id} AND stream_label = {stream_label}",
		bound: []string{"SET SESSION max_execution_time = %d", "SET SESSION max_statement_time = %d / 1000"}, // MySQL, MariaDB
	},
	sqliteType: {
		mark: `"`,
		count: "SELECT " + minuteOfID + " AS minute, count(DISTINCT id) FROM {table}" +
			" WHERE id >= {from_id} AND id < {to_id} AND stream_label = {stream_label} GROUP BY 1",
		ids: "SELECT DISTINCT id FROM {table} WHERE id >= {from_id} AND id < {to_id} AND stream_label = {stream_label}",
	},
}

// DefaultQueries are those for the schema that Telegraf's own outputs make; a minute is a number since 1970. They are
// empty for a file.
func DefaultQueries(kind string) (count, ids string) {
	if d, ok := dialects[kind]; ok {
		return d.count, d.ids
	}
	switch kind {
	case influx1:
		return influxCount, influxIDs
	case influx2:
		return fluxCount, fluxIDs
	case influx3:
		return sqlCount, sqlIDs
	}
	return "", ""
}

// sqlStore is a database.
type sqlStore struct {
	dialect
	cfg        *Config
	db         *sql.DB
	count, ids string
	own        bool // count is the user's
}

func openSQL(ctx context.Context, c *Config) (*sqlStore, error) {
	db, err := connect(c)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reach the %s store: %w", c.Type, err), db.Close())
	}
	s := &sqlStore{dialect: dialects[c.Type], cfg: c, db: db}
	s.count, s.ids, s.own = s.dialect.count, s.dialect.ids, c.CountQuery != ""
	if s.own {
		s.count, s.ids = c.CountQuery, "" // its tables need not be those of ours
	}
	if c.IDsQuery != "" {
		s.ids = c.IDsQuery
	}
	table := sqlName(c.Table, s.mark)
	s.count, s.ids = strings.ReplaceAll(s.count, "{table}", table), strings.ReplaceAll(s.ids, "{table}", table)
	return s, nil
}

var errDSN = errors.New("dsn cannot be read")

func connect(c *Config) (*sql.DB, error) {
	switch c.Type {
	case postgresql:
		cfg, err := postgresConfig(c)
		if err != nil {
			return nil, err
		}
		return stdlib.OpenDB(*cfg), nil
	case mysqlType:
		cfg, err := mysql.ParseDSN(c.DSN)
		if err != nil {
			return nil, errDSN
		}
		if c.TLS != nil {
			cfg.TLS, cfg.TLSConfig = c.TLS.Clone(), ""
			cfg.AllowFallbackToPlaintext = false // as tls=preferred would have it
		}
		cfg.ParseTime, cfg.Logger = true, &mysql.NopLogger{}
		cfg.DialFunc = shortReads
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, errDSN
		}
		db := sql.OpenDB(connector)
		db.SetMaxIdleConns(0) // shortReads counts for one query
		return db, nil
	}
	return sql.Open("sqlite", readOnly(c.DSN))
}

// shortMessages bounds what a server, or what answers in its place, may send as one message: a row is short.
func shortMessages(r io.Reader, w io.Writer) *pgproto3.Frontend {
	f := pgproto3.NewFrontend(r, w)
	f.SetMaxBodyLen(rowMost)
	return f
}

// shortReads bounds what a MySQL server, or what answers in its place, may send over one connection, which is for one
// query: its driver takes a row of any size. What an audit may ask for is far less.
func shortReads(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &shortConn{conn, answerMost}, nil
}

type shortConn struct {
	net.Conn
	left int
}

func (c *shortConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, errLong
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

func postgresConfig(c *Config) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(c.DSN)
	if err != nil {
		return nil, errDSN // theirs quotes it
	}
	if c.TLS != nil {
		demandTLS(&cfg.Config, c.TLS)
	}
	cfg.RuntimeParams["application_name"] = "telegraf-decahose audit"
	cfg.BuildFrontend = shortMessages
	return cfg, nil
}

// demandTLS has every host of a configuration asked with TLS or not at all, whatever the DSN's sslmode says: prefer, the
// default, and allow would go on in clear, and hand the password to whoever refuses TLS.
func demandTLS(cfg *pgconn.Config, t *tls.Config) {
	encrypted := func(host string) *tls.Config {
		c := t.Clone()
		if c.ServerName == "" {
			c.ServerName = host
		}
		return c
	}
	cfg.TLSConfig = encrypted(cfg.Host)
	hosts := []*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port}}
	for _, f := range cfg.Fallbacks { // each host comes once with TLS and once without, and has several addresses
		same := func(h *pgconn.FallbackConfig) bool { return h.Host == f.Host && h.Port == f.Port }
		if !slices.ContainsFunc(hosts, same) {
			hosts = append(hosts, &pgconn.FallbackConfig{Host: f.Host, Port: f.Port, TLSConfig: encrypted(f.Host)})
		}
	}
	cfg.Fallbacks = hosts[1:]
}

// readOnly is a file as the URI that SQLite opens for reading.
func readOnly(dsn string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite://"), "file:")
	path, _, _ = strings.Cut(path, "?")
	if abs, err := filepath.Abs(path); err == nil {
		path = filepath.ToSlash(abs)
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func (s *sqlStore) Rounds() time.Duration { return 0 } // points are told apart by their id

func (s *sqlStore) Close() error { return s.db.Close() }

func (s *sqlStore) Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	counts := make(map[timeline.Minute]int64)
	err := s.query(ctx, fill(s.count, from, to, sqlText(s.cfg.StreamLabel)), 2, func(row []any) error {
		m, ok := toMinute(row[0])
		n, isCount := toInt(row[1])
		if !ok || !isCount {
			return fmt.Errorf("read %v, %v: a minute and a count are due", row[0], row[1])
		}
		if from <= m && m < to {
			counts[m] += n
		}
		return nil
	})
	return counts, err
}

func (s *sqlStore) IDs(ctx context.Context, m timeline.Minute) (ids []snowflake.ID, err error) {
	if s.ids == "" {
		return nil, ErrNoIDs
	}
	err = s.query(ctx, fill(s.ids, m, m+1, sqlText(s.cfg.StreamLabel)), 1, func(row []any) error {
		id, ok := toInt(row[0])
		if !ok {
			return fmt.Errorf("read %v: an id is due", row[0])
		}
		if timeline.MinuteOf(snowflake.ID(id).Milli()) == m {
			ids = append(ids, snowflake.ID(id))
		}
		return nil
	})
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// query calls f with each row. It is one transaction that cannot write, and ends in the store when its time is over.
func (s *sqlStore) query(ctx context.Context, text string, columns int, f func([]any) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: s.cfg.Type != sqliteType}) // that file is opened for reading only
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	for _, bound := range s.bound {
		if strings.Contains(bound, "%d") {
			bound = fmt.Sprintf(bound, s.cfg.Timeout.Milliseconds())
		}
		if _, err := tx.ExecContext(ctx, bound); err != nil && s.needed {
			return fmt.Errorf("bound the time of the query: %w", err)
		}
	}
	rows, err := tx.QueryContext(ctx, text)
	if err != nil {
		return s.schema(err)
	}
	defer rows.Close()
	if names, err := rows.Columns(); err != nil || len(names) != columns {
		return errors.Join(err, fmt.Errorf("query brings the columns %q, %d are due", names, columns))
	}
	values, into := make([]any, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	for n := 0; rows.Next(); n++ {
		if n == rowsMost {
			return errLong
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return s.schema(rows.Err())
}

// schema says what was asked for, where the store does not have it.
func (s *sqlStore) schema(err error) error {
	switch {
	case err == nil:
		return nil
	case s.own:
		return fmt.Errorf("run the query of count_query or ids_query: %w", err)
	}
	columns := "id and stream_label"
	if s.cfg.Type == postgresql {
		columns = "time, id and stream_label"
	}
	return fmt.Errorf("read table %q with the columns %s: %w", s.cfg.Table, columns, err)
}
