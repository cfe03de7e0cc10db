//go:build linux

package operator

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// rig is where an operator sits: a configuration, state below its directory, and a console.
type rig struct {
	t              *testing.T
	conf, state    string
	stdout, stderr bytes.Buffer
	console        *Console
}

// newRig has an input for each label; the console's time is noon, and it waits for nothing longer than a millisecond.
func newRig(t *testing.T, labels ...string) *rig {
	d := &rig{t: t, state: t.TempDir()}
	d.conf = filepath.Join(d.state, "x.conf")
	var text strings.Builder
	for _, label := range labels {
		fmt.Fprintf(&text, "[[inputs.decahose]]\naccount = \"example\"\nstream_label = %q\nstate_directory = %q\n", label, d.state)
	}
	require.NoError(t, os.WriteFile(d.conf, []byte(text.String()), 0o600))
	d.console = New(&d.stdout, &d.stderr)
	d.console.now = func() time.Time { return minuteTime(noon) }
	d.console.poll, d.console.second = time.Millisecond, time.Millisecond
	return d
}

func (d *rig) dir(label string) string { return filepath.Join(d.state, "example_sample10_"+label) }

// runs a command and wants its exit code.
func (d *rig) runs(code int, args ...string) {
	d.t.Helper()
	d.stdout.Reset()
	d.stderr.Reset()
	got := d.run(append([]string{"telegraf-decahose"}, args...))
	require.Equal(d.t, code, got, "%s%s", d.stdout.String(), d.stderr.String())
	clitest.RequireLogLines(d.t, d.stderr.String())
}

// run has the command line in its barest form around the commands.
func (d *rig) run(args []string) int {
	app := &cli.App{
		Name: "telegraf-decahose", HideHelpCommand: true, HideVersion: true, Writer: &d.stdout, ErrWriter: &d.stderr,
		Flags: []cli.Flag{&cli.StringFlag{Name: "config"}}, Commands: d.console.Commands(),
		ExitErrHandler: func(*cli.Context, error) {},
	}
	err := app.Run(args)
	if exit, ok := errors.AsType[cli.ExitCoder](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		process.Say(&d.stderr, 'E', err.Error())
		return process.ExitUsage
	}
	return process.ExitStopped
}

// keep opens the state as the plugin does, with these rows in it.
func (d *rig) keep(label string, c ledger.Commit) *store.Store {
	d.t.Helper()
	s, _, err := store.Open(d.dir(label), store.Options{Horizon: 120 * time.Hour})
	require.NoError(d.t, err)
	c.Seq = 1
	c.Moment = ledger.Moment{Wall: noon.Nano(), Stream: noon.Milli()}
	require.NoError(d.t, s.Commit(&c))
	return s
}

// store leaves the rows to be found, with nobody running.
func (d *rig) store(label string, c ledger.Commit) {
	d.t.Helper()
	require.NoError(d.t, d.keep(label, c).Close())
}

func (d *rig) gaps(label string) []ledger.GapRecord {
	d.t.Helper()
	r, err := store.OpenReader(d.dir(label))
	require.NoError(d.t, err)
	defer r.Close()
	gaps, err := r.Gaps()
	require.NoError(d.t, err)
	return gaps
}

// read parses stdout, strictly.
func (d *rig) read(document any) {
	d.t.Helper()
	decoder := json.NewDecoder(&d.stdout)
	decoder.DisallowUnknownFields()
	require.NoError(d.t, decoder.Decode(document))
	require.False(d.t, decoder.More(), "one document")
}

func someGaps() ledger.Commit {
	filled := gapAt(2, -300, -290, ledger.GapRecovered)
	filled.FilledBy, filled.Tweets, filled.Asked = "replay", 1234, 1
	old := gapAt(1, -100, -90, ledger.GapOpen)
	old.Opened, old.Cause = (noon - 90).Nano(), "heartbeat"
	return ledger.Commit{Gaps: []ledger.GapRecord{gapAt(2, -10, -5, ledger.GapOpen), old, filled}, Steps: []ledger.StepRecord{
		{Partition: 1, First: noon - 100, Text: "Replay now", At: noon.Nano()}, {Partition: 2, First: noon - 10, Text: "Replay at 12:25Z", At: (noon + 25).Nano()}}}
}

func TestGaps(t *testing.T) {
	d := newRig(t, "prod")
	s := d.keep("prod", someGaps())
	defer s.Close()
	want := `
PARTITION  FROM               TO                 MINUTES  STATE  CAUSE      FILLED BY  TWEETS  NEXT STEP         EXPIRES IN
        1  2026-01-02T10:20Z  2026-01-02T10:30Z       10  open   heartbeat                  0  Replay now           118h19m
        2  2026-01-02T11:50Z  2026-01-02T11:55Z        5  open   eof                        0  Replay at 12:25Z     119h49m
`
	for _, args := range [][]string{
		{"-config", d.conf, "gaps"}, {"--config", d.conf, "gaps"}, {"gaps", "-config", d.conf}, {"gaps", "--config", d.conf},
		{"gaps", "-config", d.conf, "-stream_label", "prod"},
	} {
		d.runs(process.ExitStopped, args...)
		require.Equal(t, want, "\n"+d.stdout.String(), args)
		require.Empty(t, d.stderr.String())
	}
	d.runs(process.ExitStopped, "gaps", "-config", d.conf, "-all")
	require.Contains(t, d.stdout.String(), "        2  2026-01-02T07:00Z  2026-01-02T07:10Z       10  recovered  eof        replay       1234  done")
}

// A running plugin that cannot write its state says nothing new: the command says so.
func TestGapsOfAStateThatIsNotWritten(t *testing.T) {
	d := newRig(t, "prod")
	s := d.keep("prod", someGaps())
	defer s.Close()
	d.console.now = func() time.Time { return minuteTime(noon).Add(61 * time.Second) }
	d.runs(process.ExitStopped, "gaps", "-config", d.conf)
	require.Contains(t, d.stderr.String(), "the state was last written at 2026-01-02T12:00:00Z")
}

func TestGapsJSON(t *testing.T) {
	d := newRig(t, "prod", "other", "new")
	d.store("prod", someGaps())
	s := d.keep("other", ledger.Commit{})
	defer s.Close()
	d.runs(process.ExitStopped, "gaps", "-json", "-all", "-config", d.conf)
	require.Equal(t, 1, strings.Count(d.stderr.String(), `W! stream "prod": the plugin is not running`))
	require.Equal(t, 1, strings.Count(d.stderr.String(), `W! stream "new": `+d.dir("new")+": no state here"), d.stderr.String())
	var doc gapsDocument
	d.read(&doc)
	require.Len(t, doc.Streams, 2)
	require.Equal(t, streamGaps{StreamLabel: "other", Running: true, Now: minuteTime(noon), Gaps: []gapLine{}}, doc.Streams[1])
	prod := doc.Streams[0]
	require.False(t, prod.Running)
	require.Len(t, prod.Gaps, 3)
	at := func(m timeline.Minute) *time.Time { u := minuteTime(noon + m); return &u }
	expires := minuteTime(noon - 100).Add(120*time.Hour - 10*time.Second)
	require.Equal(t, gapLine{
		Partition: 1, From: *at(-100), To: *at(-90), Minutes: 10, State: "open", Cause: "heartbeat", Opened: at(-90),
		NextStep: "none: the plugin is not running", ExpiresAt: &expires,
	}, prod.Gaps[1])
	require.Equal(t, "recovered", prod.Gaps[0].State)
	d.runs(process.ExitStopped, "gaps", "-config", d.conf)
	require.Contains(t, d.stdout.String(), "STREAM  PARTITION")
	require.Contains(t, d.stdout.String(), "prod            1  ")
}

func TestNoGaps(t *testing.T) {
	d := newRig(t, "prod")
	d.store("prod", ledger.Commit{})
	d.runs(process.ExitStopped, "gaps", "-config", d.conf)
	require.Equal(t, "no gaps\n", d.stdout.String())
	require.Contains(t, d.stderr.String(), "W! stream \"prod\": the plugin is not running")
}

func TestCommandErrors(t *testing.T) {
	d := newRig(t, "prod", "other")
	bad := filepath.Join(d.state, "bad.conf")
	require.NoError(t, os.WriteFile(bad, []byte("[[inputs.decahose]]\naccount = \"a\"\nstream_label = \"l\"\nrecovery = \"x\"\n"), 0o600))
	none := filepath.Join(d.state, "none.conf")
	require.NoError(t, os.WriteFile(none, []byte("[[inputs.decahose]]\naccount = \"a\"\nstream_label = \"l\"\nrecovery = \"none\"\n"), 0o600))
	hour := []string{"-from", "-2h", "-to", "-1h"}
	for _, test := range []struct {
		code int
		args []string
		want string
	}{
		{process.ExitUsage, []string{"gaps"}, "E! -config FILE is missing"},
		{process.ExitUsage, []string{"gaps", "-config", "/nonexistent"}, "E! read configuration: open /nonexistent: no such file"},
		{process.ExitUsage, []string{"gaps", "-config", bad}, `bad.conf: line 4: option "recovery" is "x", must be one of`},
		{process.ExitUsage, []string{"gaps", "-bogus"}, "E! flag provided but not defined: -bogus"},
		{process.ExitUsage, []string{"gaps", "-config", d.conf, "more"}, `E! unknown argument "more"`},
		{process.ExitUsage, []string{"gaps", "-config", d.conf, "-stream_label", "x"}, `E! option "stream_label" is "x", must be one of "prod", "other"`},
		{process.ExitUsage, []string{"minutes", "-config", d.conf, "-from", "x"}, `E! -from: time "x" must be `},
		{process.ExitUsage, []string{"minutes", "-config", d.conf, "-from", "-1h", "-to", "-2h"}, "must be before -to"},
		{process.ExitUsage, []string{"recover", "-config", d.conf, "-from", "-1h"}, "E! -to TIME is missing"},
		{process.ExitUsage, append([]string{"recover", "-config", d.conf}, hour...), `-stream_label must be one of "prod", "other"`},
		{process.ExitUsage, append([]string{"recover", "-config", none}, hour...), `option "recovery" is "none"`},
		{process.ExitUsage, append([]string{"recover", "-config", d.conf, "-stream_label", "prod", "-partition", "3"}, hour...), `option "partition" is 3, must be one of [1 2]`},
		{process.ExitUsage, append([]string{"forget", "-config", d.conf, "-partition", "0"}, hour...), `option "partition" is 0, must be a number from 1 to 64`},
		{process.ExitUsage, append([]string{"forget", "-config", d.conf, "-partition", "65"}, hour...), `option "partition" is 65, must be a number from 1 to 64`},
		{process.ExitUsage, []string{"forget", "-config", d.conf, "-yes"}, "E! -from TIME is missing"},
		{process.ExitFailure, []string{"gaps", "-config", d.conf, "-stream_label", "prod"}, `E! stream "prod": ` + d.dir("prod") + ": no state here"},
		{process.ExitFailure, []string{"verify", "-config", d.conf}, `E! stream "other": `},
		{process.ExitFailure, append([]string{"forget", "-yes", "-config", d.conf, "-stream_label", "prod"}, hour...), `E! stream "prod": `},
		{process.ExitUsage, append([]string{"recover", "-config", d.conf, "-stream_label", "prod"}, hour...), `option "username" must be set`}, // asks X itself
		{process.ExitUsage, append([]string{"recover", "-json", "-config", d.conf, "-stream_label", "prod"}, hour...), "-output FILE"},
	} {
		d.runs(test.code, test.args...)
		require.Contains(t, d.stderr.String(), test.want, test.args)
		require.Equal(t, 1, strings.Count(d.stderr.String(), "E!"), d.stderr.String())
		require.Empty(t, d.stdout.String(), test.args)
	}
}

func TestCommandHelp(t *testing.T) {
	d := newRig(t, "prod")
	d.runs(process.ExitStopped, "-help")
	overview := d.stdout.String()
	for _, name := range []string{"gaps", "minutes", "recover", "verify", "forget"} {
		require.Contains(t, overview, "   "+name+" ")
		d.runs(process.ExitStopped, name, "-help")
		require.Contains(t, d.stdout.String(), "telegraf-decahose "+name+" -config FILE ")
		require.Contains(t, d.stdout.String(), "--json")
	}
}

// plugin plays the running one: it answers the first order that it finds, then does what is to be done.
func (d *rig) plugin(wg *sync.WaitGroup, s *store.Store, answer func(ledger.Order) ledger.Commit, more ...ledger.Commit) {
	wg.Go(func() {
		defer s.Close()
		var orders []ledger.Order
		for end := time.Now().Add(20 * time.Second); len(orders) == 0 && time.Now().Before(end); <-time.After(time.Millisecond) {
			var err error
			if orders, err = s.Orders(); err != nil {
				return
			}
		}
		if len(orders) == 0 {
			return
		}
		for i, c := range append([]ledger.Commit{answer(orders[0])}, more...) {
			c.Seq, c.Moment = uint64(i+2), ledger.Moment{Wall: noon.Nano(), Stream: noon.Milli()}
			if s.Commit(&c) != nil {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	})
}

func TestRecover(t *testing.T) {
	opened := func(o ledger.Order) ledger.Commit {
		return ledger.Commit{
			Answers: []ledger.Answer{{Order: o.ID, Text: "asking for " + string(o.Kind) + " " + o.From.String() + " " + o.To.String()}},
			Gaps:    []ledger.GapRecord{gapAt(1, -100, -40, ledger.GapOpen), gapAt(2, -100, -40, ledger.GapRequested)},
		}
	}
	settled := func(state ledger.GapState) ledger.Commit {
		return ledger.Commit{Gaps: []ledger.GapRecord{gapAt(1, -100, -40, ledger.GapRecovered), gapAt(2, -100, -40, state)}}
	}
	for name, test := range map[string]struct {
		args   []string
		more   []ledger.Commit
		code   int
		stdout string
		stderr string
	}{
		"all of it": {nil, []ledger.Commit{settled(ledger.GapRecovered)}, process.ExitStopped,
			"asking for recover 2026-01-02T10:20Z 2026-01-02T11:20Z\n60 minutes recovered, 0 lost\n", ""},
		"lost":      {nil, []ledger.Commit{settled(ledger.GapLost)}, process.ExitFailure, "0 minutes recovered, 60 lost\n", "60 of 60 minutes lost"},
		"no wait":   {[]string{"-no-wait"}, nil, process.ExitStopped, "asking for recover 2026-01-02T10:20Z 2026-01-02T11:20Z\n", ""},
		"partition": {[]string{"-partition", "1"}, []ledger.Commit{settled(ledger.GapRequested)}, process.ExitStopped, "60 minutes recovered, 0 lost\n", ""},
		"stopped":   {nil, nil, process.ExitFailure, "", "the plugin stopped with 60 of 60 minutes missing"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newRig(t, "prod")
			var wg sync.WaitGroup
			defer wg.Wait()
			d.plugin(&wg, d.keep("prod", ledger.Commit{}), opened, test.more...)
			d.runs(test.code, append([]string{"recover", "-config", d.conf, "-from", "-100m", "-to", "-40m"}, test.args...)...)
			require.Contains(t, d.stdout.String(), test.stdout)
			require.Contains(t, d.stderr.String(), test.stderr)
		})
	}
}

func TestRecoverJSON(t *testing.T) {
	d := newRig(t, "prod")
	var wg sync.WaitGroup
	defer wg.Wait()
	d.plugin(&wg, d.keep("prod", ledger.Commit{}), func(o ledger.Order) ledger.Commit {
		return ledger.Commit{Answers: []ledger.Answer{{Order: o.ID, Text: "done"}}}
	})
	d.runs(process.ExitStopped, "recover", "-config", d.conf, "-from", "-100m", "-to", "-40m", "-partition", "2", "-json")
	var docs wishDocuments
	d.read(&docs)
	require.Equal(t, []wishDocument{docs.wishDocument}, docs.Streams)
	doc := docs.wishDocument
	require.Positive(t, doc.Order)
	doc.Order = 0
	require.Equal(t, wishDocument{StreamLabel: "prod", From: minuteTime(noon - 100), To: minuteTime(noon - 40), Partition: 2, Answer: "done",
		Minutes: 60, Recovered: 60}, doc)
}

func TestRecoverRefused(t *testing.T) {
	d := newRig(t, "prod")
	var wg sync.WaitGroup
	defer wg.Wait()
	d.plugin(&wg, d.keep("prod", ledger.Commit{}), func(o ledger.Order) ledger.Commit {
		return ledger.Commit{Answers: []ledger.Answer{{Order: o.ID, Text: "too old", Err: true}}}
	})
	d.runs(process.ExitFailure, "recover", "-config", d.conf, "-from", "-100m", "-to", "-40m")
	require.Equal(t, "E! stream \"prod\": too old\n", d.stderr.String())
}

func TestNoAnswer(t *testing.T) {
	d := newRig(t, "prod")
	s := d.keep("prod", ledger.Commit{})
	defer s.Close()
	d.console.patience = -1
	d.runs(process.ExitFailure, "recover", "-config", d.conf, "-from", "-100m", "-to", "-40m")
	require.Contains(t, d.stderr.String(), "no answer within")
}

func TestForget(t *testing.T) {
	d := newRig(t, "prod")
	minute := ledger.MinuteRecord{Partition: 1, Minute: noon - 95, State: ledger.Missing, Connections: 1}
	outside := ledger.MinuteRecord{Partition: 1, Minute: noon - 91, State: ledger.Missing}
	c := someGaps()
	c.Minutes = []ledger.MinuteRecord{minute, outside}
	c.Partitions = []ledger.PartitionRecord{{Partition: 1, Begin: (noon - 500).Milli(), Position: noon.Milli()}}
	d.store("prod", c)
	args := []string{"forget", "-config", d.conf, "-from", "-98m", "-to", "-92m"}

	d.runs(process.ExitUsage, args...)
	require.Contains(t, d.stderr.String(), "-yes is missing: 6 minutes would be given up")
	d.console.ask = func(question string) bool {
		require.Equal(t, `Stream "prod", 2026-01-02T10:22Z to 2026-01-02T10:28Z: give 6 missing minutes up for good?`, question)
		return false
	}
	d.runs(process.ExitFailure, args...)
	require.Equal(t, "E! stream \"prod\": nothing was given up\n", d.stderr.String())
	require.Len(t, d.gaps("prod"), 3)
	d.console.ask = nil
	d.runs(process.ExitStopped, append(args, "-yes", "-json")...)
	var docs wishDocuments
	d.read(&docs)
	require.Equal(t, wishDocument{StreamLabel: "prod", From: minuteTime(noon - 98), To: minuteTime(noon - 92), Answer: "6 minutes given up",
		Minutes: 6, Lost: 6}, docs.Streams[0])

	require.Len(t, d.gaps("prod"), 5)
	d.runs(process.ExitStopped, "gaps", "-all", "-json", "-config", d.conf)
	var gaps gapsDocument
	d.read(&gaps)
	var states []string
	for _, l := range gaps.Streams[0].Gaps {
		if l.Partition == 1 {
			states = append(states, fmt.Sprint(l.State, " ", l.Minutes, " ", l.Cause))
		}
	}
	require.Equal(t, []string{"open 2 heartbeat", "lost 6 heartbeat", "open 2 heartbeat"}, states)
	d.runs(process.ExitFailure, append(args, "-yes")...)
	require.Contains(t, d.stderr.String(), "nothing is missing from")
}

func TestForgetting(t *testing.T) {
	past := &ledger.Past{
		Gaps: []ledger.GapRecord{gapAt(1, -20, -10, ledger.GapOpen)}, Connects: []int64{5}, Clean: true, Moment: ledger.Moment{Wall: 7},
		Partitions: []ledger.PartitionRecord{{Partition: 1}},
		Minutes: []ledger.MinuteRecord{
			{Partition: 1, Minute: noon - 21, State: ledger.Missing}, {Partition: 1, Minute: noon - 20, State: ledger.Missing},
			{Partition: 1, Minute: noon - 15, State: ledger.Missing}, {Partition: 2, Minute: noon - 20, State: ledger.Missing},
			{Partition: 1, Minute: noon - 19, State: ledger.Whole},
		},
	}
	c, minutes := forgetting(past, wish{from: noon - 30, to: noon - 15})
	require.Equal(t, 5, minutes)
	require.Equal(t, []ledger.MinuteRecord{{Partition: 1, Minute: noon - 20, State: ledger.Lost}}, c.Minutes)
	require.Equal(t, past.Moment, c.Moment)
	require.Equal(t, past.Connects, c.Connects)
	require.Equal(t, past.Partitions, c.Partitions)
	require.True(t, c.Clean)
}

func TestForgetAsksThePlugin(t *testing.T) {
	d := newRig(t, "prod")
	var wg sync.WaitGroup
	defer wg.Wait()
	d.plugin(&wg, d.keep("prod", someGaps()), func(o ledger.Order) ledger.Commit {
		return ledger.Commit{
			Answers: []ledger.Answer{{Order: o.ID, Text: fmt.Sprintf("%s %d", o.Kind, o.Partition)}},
			Gaps:    []ledger.GapRecord{gapAt(1, -100, -90, ledger.GapLost)},
		}
	})
	d.runs(process.ExitStopped, "forget", "-config", d.conf, "-from", "-100m", "-to", "-90m", "-yes", "-partition", "1")
	require.Equal(t, "forget 1\n", d.stdout.String())
}

func TestAskYes(t *testing.T) {
	for in, want := range map[string]bool{"y\n": true, "yes\n": true, "Y\n": true, "n\n": false, "\n": false, "": false, "yellow\n": false} {
		var out bytes.Buffer
		require.Equal(t, want, askYes(strings.NewReader(in), &out, "Really?"), in)
		require.Equal(t, "Really? [y/N] ", out.String())
	}
}

// A bar is drawn on a terminal only, and is gone in the end.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	c := &Console{stderr: &out}
	b := c.newBar("x")
	b.set(1, 2)
	b.say("y")
	b.end()
	require.Empty(t, out.String())
	c.terminal = true
	b = c.newBar("some words")
	b.set(0, 10)
	b.set(3, 10)
	b.set(2, 20)
	b.end()
	require.Contains(t, out.String(), "some words")
	require.NotContains(t, out.String(), "\n")
	require.True(t, strings.HasSuffix(out.String(), "\r"), "%q", out.String())
}

func TestVerify(t *testing.T) {
	d := newRig(t, "prod")
	id := snowflake.First(noon.Milli())
	c := someGaps()
	c.IDs = []ledger.IDs{{Partition: 1, Minute: noon, IDs: []snowflake.ID{id}}}
	c.Minutes = []ledger.MinuteRecord{{Partition: 1, Minute: noon, Received: 1, Unique: 1, Digest: ledger.Digest(id)}}
	d.store("prod", c)
	d.runs(process.ExitStopped, "verify", "-config", d.conf)
	require.Contains(t, d.stdout.String(), "prod: "+d.dir("prod")+": ")
	require.Contains(t, d.stdout.String(), ": 0 problems\n")
	d.runs(process.ExitStopped, "verify", "-config", d.conf, "-json")
	var doc verifyDocument
	d.read(&doc)
	require.Equal(t, "prod", doc.Streams[0].StreamLabel)
	require.Equal(t, 1, doc.Streams[0].IDs)
	require.GreaterOrEqual(t, doc.Streams[0].Rows, 5)

	require.NoError(t, os.RemoveAll(filepath.Join(d.dir("prod"), "ids")))
	d.damage("prod")
	d.runs(process.ExitFailure, "verify", "-config", d.conf)
	require.Contains(t, d.stdout.String(), "\n  gaps: 1 rows have a wrong checksum\n")
	require.Regexp(t, `^E! [1-9]\d* problems`, d.stderr.String())
}

// damage makes a gap's checksum wrong.
func (d *rig) damage(label string) {
	db, err := sql.Open("sqlite", filepath.Join(d.dir(label), "ledger.db"))
	require.NoError(d.t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE gaps SET tweets = 99 WHERE partition = 1")
	require.NoError(d.t, err)
}

// What can be read is shown, with a line about the rest.
func TestDamagedState(t *testing.T) {
	d := newRig(t, "prod")
	d.store("prod", someGaps())
	d.damage("prod")
	d.runs(process.ExitStopped, "gaps", "-config", d.conf)
	require.Equal(t, 2, strings.Count(d.stdout.String(), "\n"), "the header and the other gap")
	require.Equal(t, 1, strings.Count(d.stderr.String(), "W! stream \"prod\": what cannot be read is left out"))
}

func TestForgetLocked(t *testing.T) {
	d := newRig(t, "prod")
	s := d.keep("prod", someGaps())
	defer s.Close()
	all, err := d.console.inputs(d.conf)
	require.NoError(t, err)
	err = d.console.forgetAlone(nil, all[0], wish{from: noon - 100, to: noon - 90})
	require.ErrorIs(t, err, store.ErrLocked)
}
