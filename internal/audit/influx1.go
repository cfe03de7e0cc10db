package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	influxCount = `SELECT count(distinct("id")) FROM {table} WHERE time >= {from_ns} AND time < {to_ns}` +
		` AND "stream_label" = {stream_label} GROUP BY time(1m) fill(none)`
	influxIDs = `SELECT "id" FROM {table} WHERE time >= {from} AND time < {to} AND "stream_label" = {stream_label}`
	// Without the field id a point is told by its time, which is one Tweet's alone.
	timesCount = `SELECT count({field}) FROM {table} WHERE time >= {from_ns} AND time < {to_ns}` +
		` AND "stream_label" = {stream_label} GROUP BY time(1m) fill(none)`
	timesIDs = `SELECT {field} FROM {table} WHERE time >= {from_ns} AND time < {to_ns} AND "stream_label" = {stream_label}`
)

// always are fields that every Tweet has, unless they are tags or left out.
var always = []string{"id", "received_at", "user_id", "user_screen_name", "hashtag_count", "url_count", "mention_count",
	"media_count", "user_followers_count", "possibly_sensitive", "user_verified"}

// influx1Store is an InfluxDB 1, asked in InfluxQL.
type influx1Store struct {
	cfg        *Config
	client     *http.Client
	field      string // that is counted; empty: not looked for yet
	count, ids string
	rounds     rounding
}

func openInflux1(c *Config) *influx1Store { return &influx1Store{cfg: c, client: newClient(c)} }

func (s *influx1Store) Rounds() time.Duration { return s.rounds.seen() }

func (s *influx1Store) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// query calls row with each row that one statement brings; with an error, not with all of them.
func (s *influx1Store) query(ctx context.Context, q string, row func([]json.RawMessage) error) error {
	values := url.Values{"db": {s.cfg.Database}, "q": {q}, "epoch": {"ns"}}
	req, err := s.cfg.request(ctx, http.MethodGet, "query", values, nil)
	if err != nil {
		return err
	}
	if s.cfg.Username != "" {
		req.SetBasicAuth(s.cfg.Username, s.cfg.Password)
	}
	var said *influxAnswer
	err = answer(s.client, req, func(r *reply) (err error) {
		said, err = readInflux(r, row)
		return err
	})
	switch {
	case err != nil:
		return err
	case said.err != "" || said.results != 1:
		return fmt.Errorf("query database %q: %d results: %s", s.cfg.Database, said.results, said.err)
	case said.failed != "":
		return fmt.Errorf("query database %q: %s", s.cfg.Database, said.failed)
	case said.partial:
		return fmt.Errorf("query database %q: the server cut its answer (max-row-limit)", s.cfg.Database)
	}
	return nil
}

// prepare finds the field to count by, and makes the queries.
func (s *influx1Store) prepare(ctx context.Context) error {
	if s.count != "" {
		return nil
	}
	table := sqlName(s.cfg.Table, `"`)
	if s.cfg.RetentionPolicy != "" {
		table = `"` + strings.ReplaceAll(s.cfg.RetentionPolicy, `"`, `\"`) + `".` + table
	}
	count, ids := influxCount, influxIDs
	if s.cfg.CountQuery == "" || s.cfg.IDsQuery == "" {
		field, err := s.find(ctx)
		if err != nil {
			return err
		}
		if s.field = field; field != "id" {
			count, ids = strings.ReplaceAll(timesCount, "{field}", `"`+field+`"`), strings.ReplaceAll(timesIDs, "{field}", `"`+field+`"`)
		}
	}
	if s.cfg.CountQuery != "" {
		count, ids = s.cfg.CountQuery, ""
	}
	if s.cfg.IDsQuery != "" {
		ids = s.cfg.IDsQuery
	}
	s.count, s.ids = strings.ReplaceAll(count, "{table}", table), strings.ReplaceAll(ids, "{table}", table)
	return nil
}

func (s *influx1Store) find(ctx context.Context) (string, error) {
	var names []string
	found := false
	err := s.query(ctx, `SHOW FIELD KEYS FROM `+sqlName(s.cfg.Table, `"`), func(v []json.RawMessage) error {
		found = true
		var name string
		if len(v) > 0 && json.Unmarshal(v[0], &name) == nil && slices.Contains(always, name) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("database %q has no measurement %q", s.cfg.Database, s.cfg.Table)
	}
	for _, f := range always {
		if slices.Contains(names, f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("measurement %q of database %q has no field id, nor another that every Tweet has", s.cfg.Table, s.cfg.Database)
}

func (s *influx1Store) Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	counts := make(map[timeline.Minute]int64)
	err := s.query(ctx, fill(s.count, from, to, influxText(s.cfg.StreamLabel)), numbers(func(ns, n int64) {
		if m := timeline.MinuteOf(ns / 1e6); from <= m && m < to {
			counts[m] += n
		}
	}))
	if err != nil {
		return nil, err
	}
	return counts, nil
}

func (s *influx1Store) IDs(ctx context.Context, m timeline.Minute) (ids []snowflake.ID, err error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if s.ids == "" {
		return nil, ErrNoIDs
	}
	var times []int64
	err = s.query(ctx, fill(s.ids, m, m+1, influxText(s.cfg.StreamLabel)), numbers(func(ns, id int64) {
		if times = append(times, ns); s.field == "id" || s.cfg.IDsQuery != "" {
			ids = append(ids, snowflake.ID(id))
		}
	}))
	if err != nil {
		return nil, err
	}
	s.rounds.look(times)
	if s.field != "id" && s.cfg.IDsQuery == "" {
		if ids, err = s.ofTimes(times); err != nil {
			return nil, err
		}
	}
	ids = slices.DeleteFunc(ids, func(id snowflake.ID) bool { return timeline.MinuteOf(id.Milli()) != m })
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// ofTimes are the Tweets that times stand for; rounded ones stand for none.
func (s *influx1Store) ofTimes(times []int64) (ids []snowflake.ID, err error) {
	if s.rounds.seen() > 0 {
		return nil, fmt.Errorf("%w: it has no field id, and its times are rounded to %v", ErrNoIDs, s.rounds.seen())
	}
	for _, ns := range times {
		ids = append(ids, snowflake.FromNano(ns))
	}
	return ids, nil
}

var errRow = errors.New("answer has a row that is not a time and a number")

// errNoNumber says that the store holds what is no number where an id should be.
var errNoNumber = fmt.Errorf("%w: it holds ids that are no whole numbers", ErrNoIDs)

// numbers calls f with the time and the number of a row, which may be written as text. Null is 0.
func numbers(f func(ns, n int64)) func([]json.RawMessage) error {
	return func(v []json.RawMessage) error {
		var ns, n int64
		if len(v) < 2 || json.Unmarshal(v[0], &ns) != nil {
			return errRow
		}
		if text := strings.Trim(string(v[1]), `"`); text != "null" {
			var ok bool
			if n, ok = toInt(text); !ok {
				return errNoNumber
			}
		}
		f(ns, n)
		return nil
	}
}

// influxText quotes a text for InfluxQL.
func influxText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// rounding finds out to what times are rounded.
type rounding struct {
	unit  int64 // ns; 0: not known
	times int   // how many were seen
}

// fewTimes may be whole by chance: one in a thousand of exact ones is a whole microsecond.
const fewTimes = 8

func (r *rounding) look(times []int64) {
	for _, ns := range times {
		unit := int64(1)
		for _, u := range [...]int64{1e3, 1e6, 1e9} {
			if ns%u == 0 {
				unit = u
			}
		}
		if r.times == 0 || unit < r.unit {
			r.unit = unit
		}
		r.times++
	}
}

// seen is the unit that all times were whole ones of; 0: there is none, or too few were seen.
func (r *rounding) seen() time.Duration {
	if r.times < fewTimes || r.unit < 1e3 {
		return 0
	}
	return time.Duration(r.unit)
}
