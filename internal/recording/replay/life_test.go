package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// life is an engine that does as a program says, in a world without sense, and records it.
type life struct {
	t       testing.TB
	cfg     core.Config
	core    *core.Core
	out     core.Ready
	now     time.Time
	rec     *recording.Recorder
	dir     string
	lines   map[int]bool // connections and requests; those whose header came: true
	answers []core.Event
	ids     map[timeline.Minute][]snowflake.ID
	sent    []ledger.Sent
	orders  int64
	decided []string // what was decided in each step, in full
	wg      sync.WaitGroup
	reads   map[int]*core.Ask // readings under way, from the next minute on
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func lifeConfig() core.Config {
	return core.Config{StreamLabel: secretLabel, RecoveryHost: secretHost, Partitions: []int{1, 2}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute,
		ConnectTimeout: 10 * time.Second, DedupWindow: 10 * time.Minute, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, Seed: 7,
		State: true, FalseAlarms: 1, Acknowledged: true, Feedback: true,
		Recovery: refill.Rules{Method: refill.Replay, Window: 10 * time.Minute, Delay: time.Minute, Horizon: 2 * time.Hour, Jobs: 1, Limit: 5, Period: 5 * time.Minute},
		Archives: []refill.Copy{{Name: secretArchive, Delay: time.Minute, Horizon: 3 * time.Hour}},
		Started:  ledger.Moment{Wall: noon.UnixNano(), Boot: secretBoot, Uptime: 1e12}}
}

const (
	secretLabel   = "canaryLabel"
	secretHost    = "canaryHost"
	secretArchive = "canaryArchive"
	secretBoot    = "canaryBoot"
	secretText    = "canaryText"
)

func newLife(t testing.TB, cfg core.Config, limit int64) *life {
	l := &life{t: t, cfg: cfg, core: core.New(cfg), now: noon, lines: map[int]bool{}, ids: map[timeline.Minute][]snowflake.ID{}, dir: filepath.Join(t.TempDir(), "recordings")}
	rec, err := recording.New(recording.Config{Directory: l.dir, Limit: limit, Program: "test", Say: func(_ byte, text string) { t.Error(text) }})
	require.NoError(t, err)
	l.rec, l.reads = rec, map[int]*core.Ask{}
	l.wg.Go(rec.Run)
	rec.Begins(cfg)
	l.step(core.Event{Kind: core.Tick})
	return l
}

// end returns the files, oldest first.
func (l *life) end() (paths []string) {
	l.rec.Close()
	l.wg.Wait()
	require.NoError(l.t, l.rec.Release())
	paths, err := filepath.Glob(filepath.Join(l.dir, "*"+recording.Suffix))
	require.NoError(l.t, err)
	return paths
}

func (l *life) step(ev core.Event) {
	ev.Wall = l.now.Add(time.Hour).UnixNano()
	l.core.Step(l.now, ev, &l.out)
	l.rec.Stepped(l.now, ev, &l.out)
	l.decided = append(l.decided, full(&l.out))
	synctest.Wait() // for the disk
	if l.out.Wait {
		return
	}
	for _, c := range l.out.Close {
		if c.Leave {
			delete(l.lines, c.Conn)
		}
	}
	for _, c := range l.out.Connect {
		l.lines[c.Conn] = false
	}
	for _, a := range l.out.Requests {
		l.lines[a.Conn] = false
		if a.Archive != core.X {
			l.reads[a.Conn] = &a
		}
	}
	for _, m := range l.out.Load {
		l.answers = append(l.answers, core.Event{Kind: core.Loaded, Minute: m, IDs: l.ids[m]})
	}
	if k := l.out.Commit; k != nil {
		for _, g := range k.IDs {
			l.ids[g.Minute] = append(l.ids[g.Minute], g.IDs...)
		}
		l.answers = append(l.answers, core.Event{Kind: core.Committed, Bytes: 100})
	}
	if n := len(l.out.From); n > 0 {
		for i := range l.out.From {
			l.sent = append(l.sent, ledger.Sent{ID: l.out.Tweets[i].ID, Partition: l.out.From[i]})
		}
		l.answers = append(l.answers, core.Event{Kind: core.Written, Tweets: int64(n)})
	}
}

// full is all of a Ready but what Tweets and notes say of texts and names.
func full(out *core.Ready) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, out.Wait, out.Close, out.From, out.Load, out.Connect, out.Requests, out.Wake.UnixNano(), len(out.Notes), out.Feedback)
	for i := range out.Tweets {
		fmt.Fprintln(&b, out.Tweets[i].ID, out.Tweets[i].Repaired)
	}
	var points []string // those of minutes are in no order
	for i := range out.Points {
		points = append(points, fmt.Sprintln(out.Points[i].Name, out.Points[i].Tags[1:], out.Points[i].Fields, out.Points[i].Time))
	}
	slices.Sort(points)
	fmt.Fprintln(&b, points)
	if out.Commit != nil {
		k := *out.Commit
		k.Answers, k.Steps, k.Moment.Boot = nil, nil, ""
		k.Minutes, k.Copies, k.Deliveries = sorted(k.Minutes), sorted(k.Copies), sorted(k.Deliveries)
		fmt.Fprintf(&b, "%+v", k)
	}
	return strings.ReplaceAll(b.String(), secretText, "other")
}

// sorted puts rows in an order: a commit has them in none.
func sorted[T any](rows []T) []T {
	return slices.SortedFunc(slices.Values(rows), func(a, b T) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// answer lets store and outputs answer what waits, in part or all of it.
func (l *life) answer(n int) {
	for ; n > 0 && len(l.answers) > 0; n-- {
		ev := l.answers[0]
		l.answers = l.answers[1:]
		l.step(ev)
	}
}

var lifeEnds = []core.End{{Class: "eof"}, {Class: "reset", Detail: secretHost}, {Class: "heartbeat"}, {Class: "http_401", Status: 401, Message: secretText},
	{Class: "http_406", Status: 406, Message: "Invalid date " + secretText}, {Class: "http_429", Status: 429}, {Class: "http_503", Status: 503}, {Class: secretText}}

// act lets one thing happen.
func (l *life) act(what, how byte) {
	conn := int(how) % (len(l.core.Conns()) + l.core.Requests())
	headed, tried := l.lines[conn]
	switch what % 16 {
	case 0, 1:
		l.pass(time.Duration(how) * time.Second / 4)
	case 2, 3:
		l.openAll()
	case 4, 5, 6, 7:
		for c := range len(l.core.Conns()) + l.core.Requests() {
			if l.lines[c] {
				l.step(core.Event{Kind: core.Received, Conn: c, Batch: l.batch(c, what, how)})
			}
		}
		l.pass(time.Second)
	case 8:
		if headed {
			l.step(core.Event{Kind: core.Silent, Conn: conn})
		}
	case 9:
		if tried {
			end := lifeEnds[int(how)%len(lifeEnds)]
			end.Opened = headed
			delete(l.lines, conn)
			l.step(core.Event{Kind: core.Ended, Conn: conn, End: end})
		}
	case 10:
		l.step(core.Event{Kind: core.Poll, Full: how%3 == 0, Behind: how%5 == 0, Road: report.Road{State: "direct", Oldest: l.now}})
	case 11:
		l.orders++
		m := timeline.MinuteOf(l.now.UnixMilli()) - timeline.Minute(how%60)
		l.step(core.Event{Kind: core.Ordered, Orders: []ledger.Order{{ID: l.orders, Kind: []ledger.OrderKind{"recover", "forget", "repair", "again", secretText}[how%5],
			From: m, To: m + timeline.Minute(how%7), Sent: l.sent[:min(int(how), len(l.sent))]}}})
	case 12:
		n := min(int(how), len(l.sent))
		l.step(core.Event{Kind: core.Delivered, Sent: l.sent[:n/2], Refused: l.sent[n/2 : n]})
		l.sent = l.sent[n:]
	case 13:
		l.step(core.Event{Kind: core.Reported, Report: feedback.Report{Output: secretText + strconv.Itoa(int(how%3)), At: l.now.Add(time.Hour).UnixNano(),
			Added: int64(len(l.decided)), Written: int64(len(l.decided)) / 2, Dropped: int64(how / 64), Size: 10, Limit: 1000}})
	case 14:
		if len(l.answers) > 0 && l.answers[0].Kind == core.Committed && how%4 == 0 {
			l.answers[0].Err = secretText
		}
		l.answer(1)
	default:
		for conn, a := range l.reads {
			if m := a.Query.From; l.lines[conn] && m < a.Query.To {
				a.Query.From++
				l.step(core.Event{Kind: core.Read, Conn: conn, Minute: m, Err: []string{"", secretText}[how/128]})
			}
		}
	}
	if what%3 != 0 {
		l.answer(100)
	}
}

func (l *life) openAll() {
	for c := range len(l.core.Conns()) + l.core.Requests() {
		if headed, tried := l.lines[c]; tried && !headed {
			l.lines[c] = true
			l.step(core.Event{Kind: core.Opened, Conn: c})
		}
	}
}

// pass lets time pass, with ticks when the core wants them.
func (l *life) pass(d time.Duration) {
	end := l.now.Add(d)
	for l.out.Wake.Before(end) {
		l.now = l.out.Wake
		l.step(core.Event{Kind: core.Tick})
	}
	l.now = end
}

// batch holds Tweets around now or of long ago, copies, what is broken, and messages.
func (l *life) batch(c int, what, how byte) *wire.Batch {
	at, partition := l.now, 1
	if c < len(l.core.Conns()) {
		partition = l.core.Conns()[c].Partition
	} else {
		at = at.Add(-time.Duration(how%16) * time.Minute)
	}
	if how%7 == 5 {
		at = at.Add(-time.Duration(how) * time.Second)
	}
	b := &wire.Batch{Bytes: 100, WireBytes: 30, Heartbeats: 1}
	for k := range int(what)/4 + 3 {
		id := snowflake.First(at.UnixMilli()) + snowflake.ID(k)<<22*9 + snowflake.ID(partition)<<12
		text := secretText
		if how%17 == 1 {
			text += "\xff"
		}
		data := fmt.Appendf(nil, `{"id":%d,"text":%s,"user":{"name":%q}}`, id, `"`+text+`"`, secretText)
		switch (k + int(how)) % 23 {
		case 7:
			data = data[:len(data)-3]
		case 9:
			data = fmt.Appendf(nil, `{"id":%d,"delete":{"text":%q}}`, id, secretText)
		}
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Record, ID: id, Data: data})
	}
	if c > len(l.core.Conns()) { // an archive brings lines alone
		for i := range b.Frames {
			b.Frames[i].Data = []byte("decahose_tweet,stream_label=prod text=\"" + secretText + "\"")
		}
		return b
	}
	b.Frames = append(b.Frames, wire.Frame{Kind: wire.Malformed, Data: []byte("{" + secretText)})
	if n := int(how) / 4; how%4 == 0 && n < len(lifeNotices) {
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Notice, Data: []byte(lifeNotices[n])})
	}
	return b
}

var lifeNotices = []string{
	`{"error":{"message":"Forced Disconnect: Too many connections. ` + secretText + `"}}`,
	`{"warn":{"message":"full buffer ` + secretText + `"}}`,
	`{"info":{"message":"Replay Request Completed","activity_count":5}}`,
	`{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2026-01-01T12:01:00+00:00","` + secretText + `"]}}`,
	`{"error":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2026-01-01T12:02:00Z","toDate":"202601011204"}}}`,
	`{"title":"operational disconnect","detail":"` + secretText + `"}`,
	`{"errors":[{"title":"operational reasons","detail":"` + secretText + `"}]}`,
	`{"delete":{"status":{"id":1,"x":"` + secretText + `"}}}`,
	`{"error":"` + secretText + `"}`,
}

// requireSame decides the file again, and wants each decision to be the same, in full.
func requireSame(t testing.TB, path string, decided []string) {
	t.Helper()
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(body), "canary")
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	require.True(t, file.Begin().Exact)
	n := 0
	s, err := Play(file, func(p *Played) {
		require.Less(t, n, len(decided))
		require.Equal(t, decided[n], full(p.Ready), "step %d: %s", n, p.happened())
		require.NotContains(t, p.Line(), "canary")
		n++
	})
	require.NoError(t, err)
	require.Equal(t, len(decided), n)
	require.Equal(t, n, s.Steps)
	require.Zero(t, s.Differ)
	require.False(t, file.Cut())
}

// FuzzSameDecisions lets a life happen in any order, and decides its recording again: the same, and nothing of texts and names
// is in the file.
func FuzzSameDecisions(f *testing.F) {
	f.Add([]byte{2, 0, 0, 40, 2, 0, 0, 60, 4, 1, 4, 2, 4, 3, 5, 8, 6, 12, 9, 8, 2, 0, 12, 9, 13, 200, 11, 3, 10, 1})
	f.Add([]byte("connect, deliver, end, restart; connect, deliver, crash, replay; and again, until it holds"))
	f.Fuzz(func(t *testing.T, program []byte) { synctest.Test(t, func(t *testing.T) { sameDecisions(t, program) }) })
}

func sameDecisions(t *testing.T, program []byte) {
	l := newLife(t, lifeConfig(), 64<<20)
	for n := 0; len(program) >= 2 && n < 200; n++ {
		l.act(program[0], program[1])
		program = program[2:]
	}
	l.step(core.Event{Kind: core.Stop})
	l.step(core.Event{Kind: core.Final, Drained: true})
	paths := l.end()
	require.Len(t, paths, 1)
	requireSame(t, paths[0], l.decided)
}
