package operator

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
)

// someDocument has gaps as somebody on call sees them in a bad night.
func someDocument() gapsDocument {
	at := func(minute int) time.Time { return time.Date(2026, 1, 2, 18, minute, 0, 0, time.UTC) }
	expires := at(33).Add(120 * time.Hour)
	return gapsDocument{Streams: []streamGaps{{StreamLabel: "prod", Now: at(47), Gaps: []gapLine{
		{Partition: 1, From: at(33), To: at(47), Minutes: 14, State: "open", Cause: "http_503", Dark: true,
			NextStep: "reconnect (next try 18:47:35, http_503), then backfill 5 minutes and Replay", ExpiresAt: &expires},
		{Partition: 2, From: at(3), To: at(5), Minutes: 2, State: "recovered", Cause: "eof", FilledBy: "backfill", Tweets: 7200, NextStep: "done"},
	}}}}
}

// A table fits the terminal: what is wider has fewer columns, then its text in several lines; -wide has all of it.
func TestTableFits(t *testing.T) {
	const all = `
PARTITION  FROM               TO                 MINUTES  STATE      CAUSE     FILLED BY  TWEETS  NEXT STEP                                                                    EXPIRES IN
        1  2026-01-02T18:33Z  still dark              14  open       http_503                  0  reconnect (next try 18:47:35, http_503), then backfill 5 minutes and Replay     119h46m
        2  2026-01-02T18:03Z  2026-01-02T18:05Z        2  recovered  eof       backfill     7200  done
`
	for _, test := range []struct {
		width int
		wide  bool
		want  string
	}{
		{80, false, `
PARTITION  FROM               MINUTES  STATE      CAUSE     NEXT STEP
        1  2026-01-02T18:33Z       14  open       http_503  reconnect (next try
                                                            18:47:35, http_503),
                                                            then backfill 5
                                                            minutes and Replay
        2  2026-01-02T18:03Z        2  recovered  eof       done
`},
		{120, false, `
PARTITION  FROM               MINUTES  STATE      CAUSE     NEXT STEP
        1  2026-01-02T18:33Z       14  open       http_503  reconnect (next try 18:47:35, http_503), then backfill 5
                                                            minutes and Replay
        2  2026-01-02T18:03Z        2  recovered  eof       done
`},
		{200, false, all}, {80, true, all}, {0, false, all},
	} {
		var out bytes.Buffer
		c := &Console{stdout: &out, width: test.width}
		require.NoError(t, c.gapTable(someDocument(), 1, test.wide))
		require.Equal(t, test.want, "\n"+out.String(), "%d", test.width)
		if test.width > 0 && !test.wide {
			require.LessOrEqual(t, text.LongestLineLen(out.String()), test.width)
		}
	}
}

// States have colours on a terminal, which take no room.
func TestTableColors(t *testing.T) {
	var plain, colored bytes.Buffer
	require.NoError(t, (&Console{stdout: &plain, width: 80}).gapTable(someDocument(), 1, false))
	require.NoError(t, (&Console{stdout: &colored, width: 80, color: true}).gapTable(someDocument(), 1, false))
	require.Contains(t, colored.String(), "\x1b[33mopen\x1b[0m")
	require.Contains(t, colored.String(), "\x1b[32mrecovered\x1b[0m")
	require.Equal(t, plain.String(), text.StripEscape(colored.String()))
}

// What does not fit a terminal is nothing to colour.
func TestNoTerminalNoColor(t *testing.T) {
	c := New(&bytes.Buffer{}, &bytes.Buffer{})
	require.Zero(t, c.width)
	require.False(t, c.color)
}

// The tables of all commands fit 80 columns.
func TestReconcileTableFits(t *testing.T) {
	stored := int64(578)
	a := auditResult{Audit: "pg", Minutes: []reconcileLine{{Minute: minuteTime(noon), Emitted: 3600, Stored: &stored, Missing: 3022,
		Repairs: 2, State: "unrepaired", Why: "two repairs did not bring the rest: X has it no more, or the store refuses it"}}}
	for _, width := range []int{80, 120, 200} {
		var out bytes.Buffer
		require.NoError(t, (&Console{stdout: &out, width: width}).printAudit(&a, false))
		table, _, _ := strings.Cut(out.String(), "audit pg")
		require.LessOrEqual(t, text.LongestLineLen(table), width, table)
		require.Equal(t, width == 200, strings.Contains(table, "REPAIRS"), table)
	}
}

// A progress bar and its text stay within the line, whose last column is left free.
func TestBarFits(t *testing.T) {
	for _, terminal := range []int{40, 60, 80, 120, 200} {
		width, room := layout(terminal)
		require.GreaterOrEqual(t, width, 5)
		if terminal >= 60 {
			require.LessOrEqual(t, barFrame+width+room, terminal)
		}
	}
	require.Equal(t, "2026-01-02T10:20Z...", shortened("2026-01-02T10:20Z to 2026-01-02T11:20Z", 20))
	require.Equal(t, "short", shortened("short", 5))
	require.Empty(t, shortened("short", 3))
}
