package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	fluxFrom = `from(bucket: {bucket})
  |> range(start: time(v: {from_ns}), stop: time(v: {to_ns}))
  |> filter(fn: (r) => r._measurement == {table} and r._field == "id" and r.stream_label == {stream_label})
  |> keep(columns: ["_time", "_value"])
`
	fluxCount = fluxFrom + `  |> window(every: 1m)
  |> unique()
  |> count()`
	fluxIDs = fluxFrom + `  |> unique()`

	sqlCount = `SELECT ` + minuteOfID + ` AS minute, count(DISTINCT id) AS tweets FROM {table} WHERE time >= {from} AND time < {to}` +
		` AND id >= {from_id} AND id < {to_id} AND stream_label = {stream_label} GROUP BY 1`
	sqlIDs = `SELECT DISTINCT id FROM {table} WHERE time >= {from} AND time < {to}` +
		` AND id >= {from_id} AND id < {to_id} AND stream_label = {stream_label}`
)

// tableStore is an InfluxDB 2 or 3, which answer with tables in CSV.
type tableStore struct {
	cfg        *Config
	client     *http.Client
	count, ids string
	rounds     rounding
}

func openTables(c *Config) *tableStore {
	s := &tableStore{cfg: c, client: newClient(c)}
	s.count, s.ids = DefaultQueries(c.Type)
	if c.CountQuery != "" {
		s.count, s.ids = c.CountQuery, ""
	}
	if c.IDsQuery != "" {
		s.ids = c.IDsQuery
	}
	table := sqlName(c.Table, `"`)
	if c.Type == influx2 {
		table = strconv.Quote(c.Table)
	}
	names := strings.NewReplacer("{table}", table, "{bucket}", strconv.Quote(c.Bucket))
	s.count, s.ids = names.Replace(s.count), names.Replace(s.ids)
	return s
}

func (s *tableStore) Rounds() time.Duration { return s.rounds.seen() }

func (s *tableStore) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *tableStore) label() string {
	if s.cfg.Type == influx2 {
		return strconv.Quote(s.cfg.StreamLabel)
	}
	return sqlText(s.cfg.StreamLabel)
}

// ask makes the request of a query.
func (s *tableStore) ask(ctx context.Context, query string) (req *http.Request, err error) {
	if s.cfg.Type == influx2 {
		req, err = s.cfg.request(ctx, http.MethodPost, "api/v2/query", url.Values{"org": {s.cfg.Organization}}, strings.NewReader(query))
		if err == nil {
			req.Header.Set("Content-Type", "application/vnd.flux")
			req.Header.Set("Accept", "application/csv")
			s.authorize(req, "Token ")
		}
		return req, err
	}
	body, err := json.Marshal(map[string]string{"db": s.cfg.Database, "q": query, "format": "csv"})
	if err != nil {
		return nil, err
	}
	req, err = s.cfg.request(ctx, http.MethodPost, "api/v3/query_sql", nil, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		s.authorize(req, "Bearer ")
	}
	return req, err
}

func (s *tableStore) authorize(req *http.Request, scheme string) {
	if s.cfg.Token != "" {
		req.Header.Set("Authorization", scheme+s.cfg.Token)
	}
}

// query calls f with each row that has all of the columns.
func (s *tableStore) query(ctx context.Context, query string, columns []string, f func([]string) error) error {
	req, err := s.ask(ctx, query)
	if err != nil {
		return err
	}
	err = answer(s.client, req, func(r *reply) error { return readTables(r, columns, f) })
	if err != nil {
		return fmt.Errorf("read %q: %w", s.cfg.Table, err)
	}
	return nil
}

// readTables reads CSV in which a header may come again: of Flux, each table has one.
func readTables(r *reply, columns []string, f func([]string) error) error {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	var at []int
	row := make([]string, len(columns))
	for {
		record, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the answer: %w", err)
		}
		if err := r.next(); err != nil {
			return err
		}
		if found, ok := header(record, columns); ok {
			at = found
			continue
		}
		if i := slices.Index(record, "error"); at == nil && i >= 0 && slices.Contains(record, "reference") {
			record, err = in.Read()
			if err != nil || i >= len(record) {
				return fmt.Errorf("the store says that something is wrong, and not what: %w", err)
			}
			return fmt.Errorf("the store says: %s", record[i])
		}
		if at == nil || len(record) <= slices.Max(at) {
			return fmt.Errorf("answer has no columns %s", strings.Join(columns, ", "))
		}
		for k, i := range at {
			row[k] = record[i]
		}
		if err := f(row); err != nil {
			return err
		}
	}
}

// header says where the columns are, if the record is one that names them.
func header(record, columns []string) (at []int, ok bool) {
	for _, c := range columns {
		i := slices.Index(record, c)
		if i < 0 {
			return nil, false
		}
		at = append(at, i)
	}
	return at, true
}

func (s *tableStore) Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	columns := []string{"minute", "tweets"}
	if s.cfg.Type == influx2 {
		columns = []string{"_start", "_value"}
	}
	counts := make(map[timeline.Minute]int64)
	err := s.query(ctx, fill(s.count, from, to, s.label()), columns, func(row []string) error {
		m, ok := toMinute(row[0])
		n, isCount := toInt(row[1])
		if !ok || !isCount {
			return fmt.Errorf("answer has %q, %q: a minute and a count are due", row[0], row[1])
		}
		if from <= m && m < to {
			counts[m] += n
		}
		return nil
	})
	return counts, err
}

func (s *tableStore) IDs(ctx context.Context, m timeline.Minute) (ids []snowflake.ID, err error) {
	if s.ids == "" {
		return nil, ErrNoIDs
	}
	columns := []string{"id"}
	if s.cfg.Type == influx2 {
		columns = []string{"_value", "_time"}
	}
	var times []int64
	err = s.query(ctx, fill(s.ids, m, m+1, s.label()), columns, func(row []string) error {
		id, ok := toInt(row[0])
		if !ok {
			return fmt.Errorf("answer has %q: an id is due", row[0])
		}
		if len(row) > 1 {
			if t, err := time.Parse(time.RFC3339Nano, row[1]); err == nil {
				times = append(times, t.UnixNano())
			}
		}
		if timeline.MinuteOf(snowflake.ID(id).Milli()) == m {
			ids = append(ids, snowflake.ID(id))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.rounds.look(times)
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
