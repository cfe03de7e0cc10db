package audit

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func lacking(m timeline.Minute, emitted int64, ids ...snowflake.ID) Line {
	l := Line{Minute: m, State: Missing, Emitted: emitted, Stored: emitted - int64(len(ids)), Missing: int64(len(ids))}
	for _, id := range ids {
		l.Lacking = append(l.Lacking, ledger.Sent{ID: id})
	}
	return l
}

func equal(m timeline.Minute) Line { return Line{Minute: m, State: Equal, Emitted: 100, Stored: 100} }

// TestOneLookRepairsNothing: what is missing is repaired once two looks found it so, the settle time apart.
func TestOneLookRepairsNothing(t *testing.T) {
	const settle = time.Minute
	ids := idsOf(noon, 3)
	var w Watch
	lines := []Line{lacking(noon, 100, ids...), equal(noon + 1)}
	require.Empty(t, w.Look(lines, now))
	require.Empty(t, w.Ripe(lines, now, settle))
	require.Empty(t, w.Look(lines, now.Add(settle-1)))
	require.Empty(t, w.Ripe(lines, now.Add(settle-1), settle))
	more := []Line{lacking(noon, 100, append(ids, idsOf(noon, 4)[3])...), equal(noon + 1)}
	require.Empty(t, w.Look(more, now.Add(settle)))
	ripe := w.Ripe(more, now.Add(settle), settle)
	require.Len(t, ripe, 1)
	require.Len(t, ripe[0].Lacking, 3, "the fourth was missed once only")
	require.Len(t, more[0].Lacking, 4)
}

// TestWhatComesByItselfIsNotRepaired: while the store catches up nobody can tell what is lost from what waits.
func TestWhatComesByItselfIsNotRepaired(t *testing.T) {
	const settle = time.Minute
	ids := idsOf(noon, 9)
	var w Watch
	require.Empty(t, w.Look([]Line{lacking(noon, 100, ids...), equal(noon + 1)}, now))
	lines := []Line{lacking(noon, 100, ids[4:]...), equal(noon + 1)}
	at := now.Add(settle)
	require.Contains(t, w.Look(lines, at), "4 Tweets that seemed to be missing have come")
	require.Empty(t, w.Ripe(lines, at, settle))
	require.Empty(t, w.Look(lines, at.Add(settle)))
	require.Len(t, w.Ripe(lines, at.Add(settle), settle), 1)

	counts := []Line{{Minute: noon, State: Missing, Emitted: 100, Stored: 90, Missing: 10}, equal(noon + 1)} // no ids
	w = Watch{}
	require.Empty(t, w.Look(counts, now))
	counts[0].Missing = 5
	require.Contains(t, w.Look(counts, at), "5 Tweets")
}

// TestAFailedLookBeginsAnew: between two looks the store was away, and Tweets waited for it.
func TestAFailedLookBeginsAnew(t *testing.T) {
	lines := []Line{lacking(noon, 100, idsOf(noon, 3)...), equal(noon + 1)}
	var w Watch
	require.Empty(t, w.Look(lines, now))
	w.Failed()
	at := now.Add(time.Minute)
	require.Empty(t, w.Look(lines, at))
	require.Empty(t, w.Ripe(lines, at, time.Minute))
}

// TestNewestMinutesMissing: an output that stands still is behind, however long that lasts.
func TestNewestMinutesMissing(t *testing.T) {
	lines := []Line{equal(noon), lacking(noon+1, 4, idsOf(noon+1, 3)...), {Minute: noon + 2, State: Settling, Stored: -1}}
	var w Watch
	for k := range 3 {
		at := now.Add(time.Duration(k) * time.Hour)
		require.Contains(t, w.Look(lines, at), "the newest minutes are not stored either")
		require.Empty(t, w.Ripe(lines, at, time.Minute))
	}
}

// TestRotatedFiles: files that are renamed while they are read are read all the same, and one that is cut is told.
func TestRotatedFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tweets.lp")
	line := "decahose_tweet,stream_label=prod id=" + strconv.FormatInt(int64(idsOf(noon, 1)[0]), 10) + "i 1\n"
	require.NoError(t, os.WriteFile(path, []byte(line), 0o600))
	s, err := openFiles(&Config{StreamLabel: "prod", Table: DefaultTable, Files: []string{filepath.Join(dir, "*.lp")}})
	require.NoError(t, err)
	files, err := s.gather(noon)
	require.NoError(t, err)
	require.NoError(t, os.Rename(path, filepath.Join(dir, "tweets.1.lp")))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	s.ids = map[timeline.Minute][]snowflake.ID{}
	require.NoError(t, s.readFile(t.Context(), &files[0], noon, noon+1))
	require.Len(t, s.ids[noon], 1)
	require.NoError(t, os.Truncate(filepath.Join(dir, "tweets.1.lp"), 0))
	require.ErrorIs(t, s.readFile(t.Context(), &files[0], noon, noon+1), errMoved)
	closeAll(files)
}
