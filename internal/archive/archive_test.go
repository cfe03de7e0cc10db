package archive

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 500)
	write(t, w, noon+1, 0, 20)
	write(t, w, noon, 400, 1000) // a hundred a second time
	finish(t, w)
	a := open(t, "file://"+filepath.ToSlash(dir))
	requireHeld(t, a, noon, 1000)
	requireHeld(t, a, noon+1, 20)
	requireHeld(t, a, noon+2, 0)
	list, err := a.Minutes(context.Background(), "prod", noon-100, noon+100)
	require.NoError(t, err)
	require.Len(t, list, 2)
	list, err = a.Minutes(context.Background(), "other", noon-100, noon+100)
	require.NoError(t, err)
	require.Empty(t, list)
	require.Len(t, segments(t, dir), 2)
	left, err := journalFiles(Spool(dir))
	require.NoError(t, err)
	require.Empty(t, left)
	s := w.Stats()
	require.Equal(t, Stats{Tweets: 1020, Duplicates: 100, Segments: 2, Bytes: s.Bytes}, s)
}

// TestCommonTools reads a segment with zstd, line by line.
func TestCommonTools(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("there is no zstd command")
	}
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 7000) // several frames
	finish(t, w)
	out, err := exec.Command(zstd, "-dc", segments(t, dir)[0]).Output()
	require.NoError(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
	require.Len(t, lines, 7000)
	var l lineproto.Line
	for _, line := range lines {
		require.NoError(t, l.Parse(line))
		require.Equal(t, "decahose_tweet", string(l.Name))
	}
	test, err := exec.Command(zstd, "-t", segments(t, dir)[0]).CombinedOutput()
	require.NoError(t, err, string(test))
}

func TestInterval(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 10)
	require.NoError(t, w.Seal(clock.Add(59*time.Second)))
	require.Empty(t, segments(t, dir))
	require.NoError(t, w.Seal(clock.Add(time.Minute)))
	require.Len(t, segments(t, dir), 1)
	write(t, w, noon, 5, 12) // late: another segment, and five Tweets a second time
	finish(t, w)
	require.Len(t, segments(t, dir), 2)
	requireHeld(t, open(t, dir), noon, 12)
}

// TestOpenLimit seals the largest segment early rather than hold more in memory.
func TestOpenLimit(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.OpenLimit = 100_000
	w, err := NewWriter(dir, o, clock)
	require.NoError(t, err)
	write(t, w, noon+1, 0, 5)
	for i := 0; i < 1000; i += 50 {
		write(t, w, noon, i, i+50)
		require.LessOrEqual(t, w.opened, o.OpenLimit)
	}
	require.NotNil(t, w.open[key{"prod", noon + 1}], "the small one stays open")
	finish(t, w)
	require.Greater(t, len(segments(t, dir)), 3)
	requireHeld(t, open(t, dir), noon, 1000)
	requireHeld(t, open(t, dir), noon+1, 5)
}

// TestWriters has two writers, one at each site, write to one place; what both got is there once.
func TestWriters(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.Spool = filepath.Join(t.TempDir(), "b")
	a := newWriter(t, dir)
	b, err := NewWriter(dir, o, clock)
	require.NoError(t, err)
	require.NotEqual(t, a.id, b.id)
	write(t, a, noon, 0, 100)
	write(t, b, noon, 0, 100)
	write(t, a, noon+1, 0, 60)
	write(t, b, noon+1, 40, 100)
	finish(t, a)
	finish(t, b)
	require.Len(t, segments(t, dir), 4)
	requireHeld(t, open(t, dir), noon, 100)
	requireHeld(t, open(t, dir), noon+1, 100)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	_, err := NewWriter(dir, options(dir), clock)
	require.ErrorIs(t, err, errLocked)
	id := w.id
	finish(t, w)
	w = newWriter(t, dir)
	require.Equal(t, id, w.id)
	finish(t, w)
}

func TestLabels(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	for _, label := range []string{"..", ".spool", "a/b", "a b", "ü=,"} {
		b := new(Batch)
		_, text := labelled(strings.NewReplacer(" ", `\ `, ",", `\,`, "=", `\=`).Replace(label), noon, 1)
		require.NoError(t, b.Add([]byte(text)))
		require.NoError(t, w.Write(b, clock))
	}
	finish(t, w)
	for _, label := range []string{"..", ".spool", "a/b", "a b", "ü=,"} {
		list, err := open(t, dir).Minutes(context.Background(), label, noon, noon+1)
		require.NoError(t, err)
		require.Len(t, list, 1, label)
		n := 0
		require.NoError(t, open(t, dir).Read(context.Background(), label, noon, func(snowflake.ID, []byte) error { n++; return nil }))
		require.Equal(t, 1, n)
	}
	require.NotContains(t, segments(t, filepath.Dir(dir))[0], "..")
}

// Whoever can put a file into an archive or a bucket names it: what the plugin would not write is no segment.
func TestNamesOfOthers(t *testing.T) {
	const rest = "/2026-01-02/15/2026-01-02T1504Z_1_0123456789abcdef_2_aaaaaaaa-1.lp.zst"
	_, ok := parseName("prod" + rest)
	require.True(t, ok)
	for _, label := range []string{"%1B%5D0%3Bowned%07", "a%0Ab", "%C2%9B31m", "%E2%80%AEtxt", "%FF", "a%E2%80%8Bb"} {
		_, ok := parseName(label + rest)
		require.False(t, ok, label)
	}
	require.ErrorIs(t, new(Batch).Add([]byte("decahose_tweet,stream_label=a\u202eb id=2028077791958974471i\n")), ErrNotTweet)
}

// TestDamage cuts a segment at every place, and flips bits in it.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 40)
	finish(t, w)
	path := segments(t, dir)[0]
	sound, err := os.ReadFile(path)
	require.NoError(t, err)
	a := open(t, dir)
	for cut := 0; cut < len(sound); cut += 7 {
		require.NoError(t, os.WriteFile(path, sound[:cut], fileMode))
		got, err := held(t, a, noon)
		require.ErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, filepath.Base(path))
		require.Empty(t, got)
		list, err := a.Minutes(context.Background(), "prod", noon, noon+1)
		require.ErrorIs(t, err, ErrDamaged)
		require.Empty(t, list)
	}
	for at := range sound {
		flipped := bytes.Clone(sound)
		flipped[at] ^= 1 << (at % 8)
		require.NoError(t, os.WriteFile(path, flipped, fileMode))
		got, err := held(t, a, noon)
		require.ErrorIs(t, err, ErrDamaged, at)
		for id, text := range got {
			require.Contains(t, text, "decahose_tweet")
			require.NotZero(t, id)
		}
	}
}

// TestDamagedFrame delivers what is sound of a segment.
func TestDamagedFrame(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 7000)
	finish(t, w)
	path := segments(t, dir)[0]
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	h, err := parseHeader(b)
	require.NoError(t, err)
	require.Greater(t, len(h.frames), 2)
	b[h.length+h.frames[0].length+100] ^= 1
	require.NoError(t, os.WriteFile(path, b, fileMode))
	got, err := held(t, open(t, dir), noon)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "frame 2 of")
	require.Len(t, got, 7000-h.frames[1].tweets)
}

// TestDamagedBeside takes the Tweets of a damaged segment from another writer's.
func TestDamagedBeside(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.Spool = t.TempDir()
	a := newWriter(t, dir)
	b, err := NewWriter(dir, o, clock)
	require.NoError(t, err)
	write(t, a, noon, 0, 100)
	write(t, b, noon, 0, 90)
	finish(t, a)
	finish(t, b)
	damaged := segments(t, dir)[0]
	require.NoError(t, os.Truncate(damaged, 1000))
	got, err := held(t, open(t, dir), noon)
	require.ErrorIs(t, err, ErrDamaged)
	require.GreaterOrEqual(t, len(got), 90)
	list, err := open(t, dir).Minutes(context.Background(), "prod", noon, noon+1)
	require.ErrorIs(t, err, ErrDamaged)
	require.Len(t, list, 1)
	require.EqualValues(t, len(got), list[0].Tweets)
}

func TestReadStops(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 40)
	finish(t, w)
	n, enough := 0, errors.New("enough")
	err := open(t, dir).Read(context.Background(), "prod", noon, func(snowflake.ID, []byte) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	require.Equal(t, enough, err)
	require.Equal(t, 3, n)
}

// TestGone has retention remove a segment between the listing and the reading.
func TestGone(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 40)
	write(t, w, noon+1, 0, 40)
	require.NoError(t, w.Seal(clock.Add(time.Hour)))
	a := open(t, dir)
	names, err := a.names(context.Background(), "prod", noon, noon+1)
	require.NoError(t, err)
	removed, err := w.Retain(context.Background(), Retention{Size: 1}, clock)
	require.NoError(t, err)
	require.Equal(t, 2, removed)
	require.Empty(t, segments(t, dir))
	require.ErrorIs(t, a.readSegment(context.Background(), names[0], &reading{}), ErrDamaged)
	_, err = a.idsOf(context.Background(), names[0])
	require.ErrorIs(t, err, errGone)
	write(t, w, noon, 0, 40) // its directory was removed with it
	finish(t, w)
	requireHeld(t, a, noon, 40)
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	for i := range 10 {
		m := noon - 9 + timeline.Minute(i)
		write(t, w, m, 0, 10)
	}
	require.NoError(t, w.Seal(clock.Add(time.Hour)))
	now := time.UnixMilli((noon + 1).Milli())
	retain := func(r Retention, now time.Time) int {
		n, err := w.Retain(context.Background(), r, now)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, retain(Retention{}, now))
	require.Zero(t, retain(Retention{Age: time.Hour, Size: 1 << 30}, now))
	require.Zero(t, retain(Retention{Age: time.Hour}, now.AddDate(20, 0, 0)), "a clock twenty years ahead")
	require.Equal(t, 4, retain(Retention{Age: 5 * time.Minute}, now))
	require.Len(t, segments(t, dir), 6)
	info, err := os.Stat(segments(t, dir)[0])
	require.NoError(t, err)
	require.GreaterOrEqual(t, retain(Retention{Size: 2*info.Size() + 100}, now), 3)
	requireHeld(t, open(t, dir), noon, 10)
	finish(t, w)
}

// TestRetentionHeedsNoLie: ids of years ahead, with a clock that is as wrong, do not empty an archive.
func TestRetentionHeedsNoLie(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	for i := range 10 {
		write(t, w, noon-9+timeline.Minute(i), 0, 10)
	}
	ahead := timeline.Minute(20 * 365 * 24 * 60)
	for i := range 3 {
		write(t, w, noon+ahead-timeline.Minute(20*i), 0, 1)
	}
	require.NoError(t, w.Seal(clock.Add(time.Hour)))
	n, err := w.Retain(context.Background(), Retention{Age: time.Hour}, clock.AddDate(20, 1, 0))
	require.NoError(t, err)
	require.Zero(t, n)
	requireHeld(t, open(t, dir), noon, 10)
	finish(t, w)
}

// TestOpenSegmentsAreBounded: Tweets that are each of a minute of its own keep no more open than others.
func TestOpenSegmentsAreBounded(t *testing.T) {
	w := newWriter(t, t.TempDir())
	w.o.OpenLimit = 20 * segmentCost
	for i := range timeline.Minute(100) {
		write(t, w, noon+i*1000, 0, 1)
		require.LessOrEqual(t, len(w.open), 20)
	}
	finish(t, w)
	require.Zero(t, w.opened)
}

// TestFarOff keeps Tweets of whatever time in the minute of their ids, and tells an archive that is not there from an empty one.
func TestFarOff(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	years := []timeline.Minute{timeline.CeilMinute(snowflake.Epoch), noon, timeline.MinuteOf(time.Date(2079, 12, 31, 23, 59, 0, 0, time.UTC).UnixMilli())}
	for _, m := range years {
		write(t, w, m, 0, 5)
	}
	finish(t, w)
	for _, m := range years {
		requireHeld(t, open(t, dir), m, 5)
	}
	_, err := open(t, filepath.Join(dir, "gone")).Minutes(context.Background(), "prod", noon, noon+1)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotErrorIs(t, err, ErrDamaged)
}

func TestBatchRefuses(t *testing.T) {
	for line, tweet := range map[string]bool{
		"cpu usage=1 1": true, "decahose_tweet id=5i 1": true, "decahose_tweet,stream_label=p id=5 1": true,
		"decahose_tweet,stream_label=p id=-5i 1": true, "decahose_tweet,stream_label=p text=\"x\"": true,
		"decahose_tweet,stream_label=p text=\"x\" 5": true, "decahose_tweet,stream_label=p id=0i": true,
		"decahose_volume,stream_label=p n=1i 5": true, "decahose_tweet,stream_label=p id=": false, "rubbish": false,
	} {
		b := new(Batch)
		err := b.Add([]byte(line))
		require.Error(t, err, line)
		require.Equal(t, tweet, errors.Is(err, ErrNotTweet), line)
		require.Zero(t, b.Len())
	}
}

// TestRestored gives a Tweet the time that stands for it, where a precision took its nanoseconds, and finds the id in the
// time where there is no field.
func TestRestored(t *testing.T) {
	id, text := tweetIn(noon, 1)
	space := strings.LastIndexByte(text, ' ')
	for _, changed := range []string{text[:space] + " 17\n", text[:space], text[:space] + "\n", text[:len(text)-4] + "000"} {
		b := new(Batch)
		require.NoError(t, b.Add([]byte(changed)))
		require.Equal(t, 1, b.Restored, changed)
		require.Equal(t, string(lineproto.AppendFolded(nil, []byte(text))), string(b.buf))
	}
	b := new(Batch)
	require.NoError(t, b.Add([]byte("decahose_tweet,stream_label=p lang=\"en\""+text[space:])))
	require.Equal(t, id, b.entries[0].id)
	require.Zero(t, b.Restored)
}

func TestParseURL(t *testing.T) {
	for _, url := range []string{"file:///var/lib/x", "/var/lib/x", "archive", "s3://bucket/prefix?region=eu-west-1"} {
		require.NoError(t, ParseURL(url), url)
	}
	for _, url := range []string{"", "file://host/x", "file:///x?a=b", "ftp://x", "s3:///x", "s3://user:pw@bucket", "s3://%zz"} {
		err := ParseURL(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "pw")
	}
}

func TestNames(t *testing.T) {
	n := name{label: "a/b c", minute: noon, tweets: 12, digest: 0xff, size: 34, writer: "0123abcd", sealed: 5}
	require.Equal(t, "a%2Fb%20c/2026-07-01/12/2026-07-01T1200Z_12_00000000000000ff_34_0123abcd-5.lp.zst", n.path())
	back, ok := parseName(n.path())
	require.True(t, ok)
	require.Equal(t, n, back)
	for _, wrong := range []string{"", "x", strings.Replace(n.path(), "_12_", "_012_", 1), strings.Replace(n.path(), "/12/", "/13/", 1), n.path() + "x"} {
		_, ok := parseName(wrong)
		require.False(t, ok, wrong)
	}
}

// FuzzSegment: whatever a segment holds, reading it neither panics nor delivers what was not written.
func FuzzSegment(f *testing.F) {
	var lines []line
	written := make(map[string]bool)
	var digest uint64
	for i := range 30 {
		id, text := tweetIn(noon, i)
		lines = append(lines, line{id, lineproto.AppendFolded(nil, []byte(text))})
		written[text] = true
		digest += ledger.Digest(id)
	}
	enc := newEncoder(1)
	h, body := encodeSegment(enc, "prod", noon, 7, lines)
	f.Add(body)
	f.Add(body[:len(body)-5])
	a := &Archive{dec: newDecoder()}
	n := found{name{label: "prod", minute: noon, tweets: int64(h.tweets), digest: digest, size: int64(len(body))}, int64(len(body))}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &reading{label: "prod", minute: noon, seen: make(map[snowflake.ID]struct{})}
		r.tweet = func(_ snowflake.ID, line []byte) error {
			require.True(t, written[string(line)])
			return nil
		}
		if err := a.readBody(n, b, r); err == nil {
			require.Len(t, r.seen, 30)
		}
		if h, err := parseHeader(b); err == nil {
			_, _ = h.ids(b)
		}
	})
}

// TestASegmentIsReadAsItsHeaderSays has a segment go on for a terabyte behind its end.
func TestASegmentIsReadAsItsHeaderSays(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 7000)
	finish(t, w)
	path := segments(t, dir)[0]
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(headBytes))
	require.NoError(t, os.Truncate(path, 1<<40))
	got, err := held(t, open(t, dir), noon)
	require.ErrorIs(t, err, errLength)
	require.Len(t, got, 7000)
}
