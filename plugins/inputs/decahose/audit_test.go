package decahose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

func secret(text string) config.Secret { return config.NewSecret([]byte(text)) }

func TestAuditOptions(t *testing.T) {
	sqlite := func(change func(a *Audit)) *Audit {
		a := &Audit{Type: "sqlite", DSN: secret("/tmp/a.db")}
		change(a)
		return a
	}
	influx := func(change func(a *Audit)) *Audit {
		a := &Audit{Type: "influxdb", URL: "http://127.0.0.1:8086", Database: "d"}
		change(a)
		return a
	}
	for name, c := range map[string]struct {
		a      *Audit
		option string // empty: it can be used
	}{
		"sqlite":                       {sqlite(func(*Audit) {}), ""},
		"no type":                      {sqlite(func(a *Audit) { a.Type = "" }), "audit.type"},
		"unknown type":                 {sqlite(func(a *Audit) { a.Type = "mongo" }), "audit.type"},
		"a name that is no tag":        {sqlite(func(a *Audit) { a.Name = "a\nb" }), "audit.name"},
		"no dsn":                       {&Audit{Type: "mysql"}, "audit.dsn"},
		"dsn twice":                    {sqlite(func(a *Audit) { a.DSNFile = "/tmp/x" }), "audit.dsn_file"},
		"no file of the dsn":           {&Audit{Type: "mysql", DSNFile: "/tmp/none/at/all"}, "audit.dsn_file"},
		"interval":                     {sqlite(func(a *Audit) { a.Interval = config.Duration(time.Millisecond) }), "audit.interval"},
		"settle":                       {sqlite(func(a *Audit) { a.Settle = -1 }), "audit.settle"},
		"window":                       {sqlite(func(a *Audit) { a.Window = config.Duration(time.Second) }), "audit.window"},
		"timeout":                      {sqlite(func(a *Audit) { a.Timeout = -1 }), "audit.timeout"},
		"ids_query alone":              {sqlite(func(a *Audit) { a.IDsQuery = "SELECT 1" }), "audit.count_query"},
		"files":                        {&Audit{Type: "file"}, "audit.files"},
		"a file":                       {&Audit{Type: "file", Files: []string{"/tmp/*.lp"}}, ""},
		"influx":                       {influx(func(*Audit) {}), ""},
		"influx without a database":    {influx(func(a *Audit) { a.Database = "" }), "audit.database"},
		"influx 2 without a bucket":    {influx(func(a *Audit) { a.Type, a.Organization = "influxdb_v2", "o" }), "audit.bucket"},
		"no url":                       {influx(func(a *Audit) { a.URL = "" }), "audit.url"},
		"a password in the url":        {influx(func(a *Audit) { a.URL = "http://u:p4ssw0rd@127.0.0.1" }), "audit.url"},
		"far away, in clear":           {influx(func(a *Audit) { a.URL = "http://db.example.com:8086" }), ""},
		"far away, in clear, password": {influx(func(a *Audit) { a.URL, a.Username, a.Password = "http://db.example.com", "u", secret("p4ssw0rd") }), "audit.url"},
		"far away, by TLS":             {influx(func(a *Audit) { a.URL, a.Token = "https://db.example.com", secret("p4ssw0rd") }), ""},
		"TLS":                          {influx(func(a *Audit) { a.TLSMinVersion = "TLS9" }), "audit.tls_min_version"},
	} {
		t.Run(name, func(t *testing.T) {
			d := valid()
			d.Audits = []*Audit{c.a}
			err := d.Init()
			if c.option == "" {
				require.NoError(t, err)
				require.NotEmpty(t, c.a.Name)
				require.NotZero(t, c.a.Interval)
				return
			}
			oe, ok := errors.AsType[*option.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.option, oe.Option)
			require.NotContains(t, err.Error(), "p4ssw0rd")
		})
	}
}

func TestAuditsTogether(t *testing.T) {
	d := valid()
	d.Audits = []*Audit{{Type: "file", Files: []string{"a"}}, {Type: "file", Files: []string{"b"}}}
	require.ErrorContains(t, d.Init(), "audit.name")
	d.Audits[1].Name = "b"
	require.NoError(t, d.Init())
	d.Audits[1].Repair, d.Recovery = true, "none"
	require.ErrorContains(t, d.Init(), "audit.repair")
}

// The loader of Telegraf's configuration reads the tables, and their secrets are told when they are asked for.
func TestAuditTables(t *testing.T) {
	ri := load(t, []byte(`[[inputs.decahose]]
  account = "demo"
  stream_label = "prod"
  username = "u"
  password = "p"
  [[inputs.decahose.audit]]
    type = "file"
    files = ["/tmp/a.lp"]
    settle = "1m"
    repair = true
  [[inputs.decahose.audit]]
    name = "pg"
    type = "postgresql"
    dsn = "postgres://u:p4ssw0rd@127.0.0.1:1/d"
    timeout = "2s"
`))
	d := ri.Input.(*Decahose)
	require.Len(t, d.Audits, 2)
	require.Equal(t, `"file", "pg"`, d.AuditNames())
	require.True(t, d.Audits[0].Repair)
	_, err := d.Audits[1].Open(t.Context(), "prod")
	require.ErrorContains(t, err, "reach the postgresql store")
	require.NotContains(t, err.Error(), "p4ssw0rd")
	now := time.Date(2026, 1, 1, 12, 0, 30, 0, time.UTC)
	ask := d.Audits[0].Ask(now)
	require.Equal(t, minuteOf(now.Add(-61*time.Minute)), ask.From)
	require.Equal(t, minuteOf(now)+1, ask.To)
}

// logKeeper keeps what is logged.
type logKeeper struct {
	quiet
	lines *[]string
}

func (h logKeeper) Warn(args ...any)  { *h.lines = append(*h.lines, "W! "+fmt.Sprint(args...)) }
func (h logKeeper) Error(args ...any) { *h.lines = append(*h.lines, "E! "+fmt.Sprint(args...)) }

// auditOf is an audit of a file, beside a state of which minute has ten Tweets, and the lines of the log.
func auditOf(t *testing.T, repaired int64) (w *auditing, path string, lines *[]string, ids []snowflake.ID) {
	t.Helper()
	d := valid()
	lines, path = &[]string{}, filepath.Join(t.TempDir(), "a.lp")
	d.Log, d.StateDirectory = logKeeper{lines: lines}, t.TempDir()
	d.Audits = []*Audit{{Type: "file", Files: []string{path}, Settle: config.Duration(time.Minute)}}
	require.NoError(t, d.Init())
	now := time.Now()
	m := minuteOf(now) - 20
	for i := range 10 {
		ids = append(ids, snowflake.First(m.Milli()+int64(i))|7)
	}
	s, _, err := store.Open(d.StateDir(), store.Options{Horizon: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 1, Moment: ledger.Moment{Wall: now.UnixNano(), Stream: now.UnixMilli()},
		IDs:        []ledger.IDs{{Partition: 1, Minute: m, IDs: ids}},
		Minutes:    []ledger.MinuteRecord{{Partition: 1, Minute: m, Received: 10, Unique: 10, Emitted: 10, State: ledger.Whole, Digest: ledger.Digest(ids...)}},
		Repairs:    []ledger.RepairRecord{{Minute: m, Times: repaired}},
		Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: m.Milli(), Position: now.UnixMilli()}}}))
	return &auditing{Audit: d.Audits[0], d: d,
		said: map[timeline.Minute]audit.Line{}, stuck: map[timeline.Minute]bool{}}, path, lines, ids
}

func lineOf(id snowflake.ID) string {
	return fmt.Sprintf("decahose_tweet,stream_label=prod/1 id=%di 5\n", id)
}

// fieldOf is a field of the last of the points with that name; of decahose_audit, of the minute that has Tweets.
func fieldOf(points []point.Point, name, key string) (v any) {
	for _, p := range points {
		for _, f := range p.Fields {
			if p.Name == name && f.Key == key && (name != "decahose_audit" || p.Fields[0].Value != int64(0)) {
				v = f.Value
			}
		}
	}
	return v
}

func TestAuditLooks(t *testing.T) {
	w, path, lines, ids := auditOf(t, 0)
	points := w.look(t.Context())
	require.Equal(t, []string{`W! audit "file": no file is there of ["` + path + `"]; tried again in 10m0s`}, *lines)
	require.Equal(t, false, fieldOf(points, "decahose_audit_run", "store_ok"))
	require.Equal(t, int64(1), fieldOf(points, "decahose_audit_run", "failures"))
	require.Nil(t, fieldOf(points, "decahose_alarm", "active"), "nobody knows")

	*lines = nil
	require.NoError(t, os.WriteFile(path, []byte(lineOf(ids[0])+lineOf(ids[4])), 0o600))
	points = w.look(t.Context())
	require.Len(t, *lines, 1)
	require.Contains(t, (*lines)[0], `W! audit "file": the store lacks 8 Tweets of 1 minute, first of`)
	require.Equal(t, true, fieldOf(points, "decahose_alarm", "active"))
	require.Equal(t, "warning", fieldOf(points, "decahose_alarm", "severity"))
	since := fieldOf(points, "decahose_alarm", "since")
	require.Equal(t, int64(8), fieldOf(points, "decahose_audit", "missing"))
	require.Equal(t, "missing", fieldOf(points, "decahose_audit", "state"))
	points = w.look(t.Context())
	require.Nil(t, fieldOf(points, "decahose_audit", "state"), "only what changed is told again")
	require.Equal(t, since, fieldOf(points, "decahose_alarm", "since"))

	var all strings.Builder
	for _, id := range ids {
		all.WriteString(lineOf(id))
	}
	*lines = nil
	require.NoError(t, os.WriteFile(path, []byte(all.String()), 0o600))
	points = w.look(t.Context())
	require.Empty(t, *lines)
	require.Equal(t, "equal", fieldOf(points, "decahose_audit", "state"))
	require.Equal(t, false, fieldOf(points, "decahose_alarm", "active"))
	require.Equal(t, int64(0), fieldOf(points, "decahose_alarm", "since"))
	require.Nil(t, fieldOf(w.look(t.Context()), "decahose_alarm", "active"), "its end is told once")
}

// A minute that stays short after two repairs is an error, once, and an alarm as long as it lasts.
func TestAuditGivesUp(t *testing.T) {
	w, path, lines, ids := auditOf(t, ledger.RepairsMost)
	require.NoError(t, os.WriteFile(path, []byte(lineOf(ids[0])), 0o600))
	points := w.look(t.Context())
	require.Len(t, *lines, 1)
	require.True(t, strings.HasPrefix((*lines)[0], "E! "), *lines)
	require.Contains(t, (*lines)[0], "1 minute short after 2 repairs and not repaired again")
	require.Equal(t, "critical", fieldOf(points, "decahose_alarm", "severity"))
	require.Equal(t, "unrepaired", fieldOf(points, "decahose_audit", "state"))
	w.look(t.Context())
	require.Len(t, *lines, 2)
	require.True(t, strings.HasPrefix((*lines)[1], "W! "), *lines)
}

// The points of an audit leave beside the counters, and the stop does not wait for a store.
func TestAuditEmits(t *testing.T) {
	s := serve(t, []byte(`{"id_str":"2006515714013294593","text":"x"}`+"\n"))
	ri := load(t, fmt.Appendf(nil, `[[inputs.decahose]]
  account = "demo"
  stream_label = "prod"
  username = "u"
  password = "p"
  stream_url = %q
  [[inputs.decahose.audit]]
    type = "file"
    files = ["/nowhere/at/all"]
    interval = "1s"
`, s.URL))
	c, in := &collector{}, make(chan telegraf.Metric, 100)
	var wg sync.WaitGroup
	wg.Go(func() { c.run(in) })
	require.NoError(t, ri.Start(agent.NewAccumulator(ri, in)))
	require.Eventually(t, func() bool {
		runs, _ := c.field("decahose_audit_run", "runs").(int64)
		return runs > 0
	}, 20*time.Second, 20*time.Millisecond)
	ri.Stop()
	close(in)
	wg.Wait()
	require.NotNil(t, c.field("decahose_audit_run", "store_ok"))
}
