//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// shelve writes a configuration of the output, and returns it with its directory.
func shelve(t *testing.T, more ...string) (conf, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "archive")
	conf = filepath.Join(t.TempDir(), "archive.conf")
	lines := append([]string{"[[outputs.decahose_archive]]", fmt.Sprintf("url = %q", dir)}, more...)
	require.NoError(t, os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return conf, dir
}

// tweetMinute is when the Tweets of these tests were written.
var tweetMinute = timeline.MinuteOf(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC).UnixMilli())

// tweetLineOf is the n-th Tweet of that minute.
func tweetLineOf(n int, text string) string {
	id := snowflake.First(tweetMinute.Milli()+int64(n)) | snowflake.ID(n%900)
	ns, _ := id.Nano()
	return fmt.Sprintf("decahose_tweet,kind=original,stream_label=prod id=%di,text=\"%s\" %d\n", id, text, ns)
}

// archived are the lines in the archive of that minute.
func archived(t *testing.T, dir string) (lines []string) {
	t.Helper()
	a, err := archive.Open(dir, archive.Options{})
	require.NoError(t, err)
	require.NoError(t, a.Read(context.Background(), "prod", tweetMinute, func(_ snowflake.ID, line []byte) error {
		lines = append(lines, string(line))
		return nil
	}))
	require.NoError(t, a.Close())
	return lines
}

// TestArchiveFromStdin: newlines in strings, a line of megabytes, bad lines and metrics that are no Tweets stop nothing.
func TestArchiveFromStdin(t *testing.T) {
	conf, dir := shelve(t)
	c := spawn(t, nil, "-config", conf).collect()
	want := []string{
		tweetLineOf(1, "two\nlines\r\nand \\\"quotes\\\" \\\\n"),
		tweetLineOf(2, "\ndecahose_tweet,stream_label=prod id=7i 7\n"),
		tweetLineOf(3, strings.Repeat("long ", 1<<19)),
		tweetLineOf(4, "last"),
	}
	for _, line := range []string{
		want[0], "rubbish\n", "# comment\n", "\n", "cpu usage=1 17\n", want[1],
		"decahose_tweet,stream_label=prod id=5i,text=\"" + strings.Repeat("x", 16<<20) + "\" 5\n",
		want[2], "decahose_tweet id=9i 9\n", want[0], want[3], "decahose_tweet,stream_label=prod id=8i,text=\"torn",
	} {
		_, err := c.stdin.Write([]byte(line))
		require.NoError(t, err)
	}
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
	require.Equal(t, want, archived(t, dir))
	require.Empty(t, c.lines.String())
	clitest.RequireLogLines(t, c.stderr.String())
	require.Contains(t, c.stderr.String(), "W! [outputs.decahose_archive] 1 metrics were not stored, the last because it is not named decahose_tweet")
	require.Contains(t, c.stderr.String(), "1 lines could not be read")
}

// TestArchivePausedTweet: a Tweet that comes in several lines with a pause between is one; the rest is not waited for for ever.
func TestArchivePausedTweet(t *testing.T) {
	conf, dir := shelve(t)
	c := spawn(t, nil, "-config", conf).collect()
	first, second := tweetLineOf(1, "written at once"), tweetLineOf(2, "cut")
	series, at, _ := strings.Cut(second, " id=")
	rest := at[strings.LastIndexByte(at, ' '):]
	_, err := c.stdin.Write([]byte(first + second))
	require.NoError(t, err)
	journal := func(text string) func() bool {
		return func() bool {
			found, _ := filepath.Glob(filepath.Join(archive.Spool(dir), "*.journal"))
			b := []byte{}
			if len(found) > 0 {
				b, _ = os.ReadFile(found[0])
			}
			return bytes.Contains(b, []byte(text))
		}
	}
	c.waitFor("what came before", journal("written at once"))
	require.False(t, journal("cut")())
	_, err = c.stdin.Write([]byte(series + " user_id=7i" + rest))
	require.NoError(t, err)
	c.waitFor("the end of the wait", journal("cut"))
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
	require.Equal(t, []string{first, strings.TrimSuffix(second, rest) + ",user_id=7i" + rest}, archived(t, dir))
}

// TestArchiveSignal reads what Telegraf still flushes when it got the same signal.
func TestArchiveSignal(t *testing.T) {
	conf, dir := shelve(t, `non_tweets = "pass"`)
	c := spawn(t, nil, "-config", conf).collect()
	_, err := c.stdin.Write([]byte(tweetLineOf(1, "before") + "cpu usage=1 17\n"))
	require.NoError(t, err)
	c.waitFor("the journal", func() bool {
		found, _ := filepath.Glob(filepath.Join(archive.Spool(dir), "*.journal"))
		return len(found) > 0
	})
	c.signal(syscall.SIGTERM)
	_, err = c.stdin.Write([]byte(tweetLineOf(2, "after")))
	require.NoError(t, err)
	c.exits(process.ExitStopped, contractLimit)
	require.Len(t, archived(t, dir), 2)
	require.Empty(t, c.stderr.String())
}

// TestArchiveSignalInAStream: stdin that never pauses does not hold up the stop.
func TestArchiveSignalInAStream(t *testing.T) {
	conf, dir := shelve(t)
	c := spawn(t, nil, "-config", conf).collect()
	c.wg.Go(func() { // ends with the child
		for n := 0; ; n = (n + 1) % 5_000 { // few, so that what is to be written at the stop is little
			if _, err := c.stdin.Write([]byte(tweetLineOf(n, "again"))); err != nil {
				return
			}
		}
	})
	c.waitFor("the journal", func() bool {
		found, _ := filepath.Glob(filepath.Join(archive.Spool(dir), "*.journal"))
		return len(found) > 0
	})
	c.signal(syscall.SIGTERM)
	c.exits(process.ExitStopped, contractLimit)
	require.NotEmpty(t, archived(t, dir))
}

// TestArchiveKilled loses nothing of what it had taken when it was killed.
func TestArchiveKilled(t *testing.T) {
	conf, dir := shelve(t)
	c := spawn(t, nil, "-config", conf).collect()
	_, err := c.stdin.Write([]byte(tweetLineOf(1, "taken")))
	require.NoError(t, err)
	c.waitFor("the journal", func() bool {
		found, _ := filepath.Glob(filepath.Join(archive.Spool(dir), "*.journal"))
		if len(found) == 0 {
			return false
		}
		b, _ := os.ReadFile(found[0])
		return bytes.Contains(b, []byte("taken"))
	})
	c.kill()
	require.Empty(t, archived(t, dir))
	c = spawn(t, nil, "-config", conf).collect()
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
	require.Equal(t, []string{tweetLineOf(1, "taken")}, archived(t, dir))
}

// TestArchiveFullDisk takes no more from stdin until there is room, and loses nothing.
func TestArchiveFullDisk(t *testing.T) {
	disk := smalldisk.Mount(t, "2m")
	dir := filepath.Join(disk, "archive")
	conf := filepath.Join(t.TempDir(), "archive.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "[[outputs.decahose_archive]]\nurl = %q\n", dir), 0o600))
	c := spawn(t, nil, "-config", conf).collect()
	c.waitFor("the spool", func() bool { _, err := os.Stat(filepath.Join(archive.Spool(dir), "writer")); return err == nil })
	ballast := filepath.Join(disk, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 2<<20), 0o600) // as much as there is room for
	want := []string{tweetLineOf(1, strings.Repeat("wait ", 10_000)), tweetLineOf(2, "behind it")}
	_, err := c.stdin.Write([]byte(want[0] + want[1]))
	require.NoError(t, err)
	c.waitFor("a word about it", func() bool { return strings.Contains(c.stderr.String(), "it is tried again, and stdin waits") })
	require.Contains(t, c.stderr.String(), "no space left on device")
	require.NoError(t, os.Remove(ballast))
	c.waitFor("the journal", func() bool {
		found, _ := filepath.Glob(filepath.Join(archive.Spool(dir), "*.journal"))
		return len(found) > 0
	})
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
	require.Equal(t, want, archived(t, dir))
}

func TestArchiveCheck(t *testing.T) {
	conf, dir := shelve(t)
	c := spawn(t, nil, "-config", conf, "-check").collect()
	c.exits(process.ExitStopped, patience)
	c.waitEmitted("configuration ok", 1)
	require.NoDirExists(t, dir)
	conf = filepath.Join(t.TempDir(), "bucket.conf")
	require.NoError(t, os.WriteFile(conf, []byte("[[outputs.decahose_archive]]\nurl = \"s3://tweets?region=eu&endpoint=http://127.0.0.1:1\"\n"+
		"access_key = \"AKID\"\nsecret_key = \"SECRET\"\n"), 0o600))
	c = spawn(t, nil, "-config", conf, "-check").collect()
	c.exits(process.ExitFailure, patience)
	require.Contains(t, c.stderr.String(), "check the archive: list bucket tweets: ")
	require.Contains(t, c.stderr.String(), "connection refused")
	require.NotContains(t, c.stderr.String(), "SECRET")
	conf, _ = shelve(t, `spool_directory = "/dev/null/x"`)
	c = spawn(t, nil, "-config", conf).collect()
	c.exits(process.ExitFailure, patience)
	require.Contains(t, c.stderr.String(), "E! open archive: open spool /dev/null/x: ")
}

// TestArchiveCommands looks into an archive of two segments, one of them damaged later.
func TestArchiveCommands(t *testing.T) {
	conf, dir := shelve(t)
	for n := range 2 {
		c := spawn(t, nil, "-config", conf).collect()
		_, err := c.stdin.Write([]byte(tweetLineOf(1, "both\ntimes") + tweetLineOf(2+n, "once")))
		require.NoError(t, err)
		require.NoError(t, c.stdin.Close())
		c.exits(process.ExitStopped, contractLimit)
	}
	d := &command{t: t}
	d.runs(process.ExitStopped, "archive", "ls", "-url", dir)
	require.Regexp(t, `(?s)^STREAM  MINUTE +TWEETS +BYTES +WRITER +SEALED\nprod +\S+ +2 +\d+  [0-9a-f]{8}  \S+\nprod .*\n$`, d.stdout.String())
	d.runs(process.ExitStopped, "archive", "count", "-config", conf)
	require.Regexp(t, `prod +1 +3\n`, d.stdout.String())
	d.runs(process.ExitStopped, "archive", "count", "-json", "-url", dir)
	require.Contains(t, d.stdout.String(), `"tweets": 3`)
	d.runs(process.ExitStopped, "archive", "cat", "-url", "file://"+dir)
	require.Equal(t, 1, strings.Count(d.stdout.String(), tweetLineOf(1, "both\ntimes")))
	require.Equal(t, 4, strings.Count(d.stdout.String(), "\n"))
	d.runs(process.ExitStopped, "archive", "cat", "-json", "-url", dir, "-from", "2026-01-02T12:00Z", "-to", "2026-01-02T12:01Z")
	require.Contains(t, d.stdout.String(), `{"name":"decahose_tweet","tags":{"kind":"original","stream_label":"prod"},"fields":{"id":`)
	require.Contains(t, d.stdout.String(), `"text":"both\ntimes"},"time":`)
	require.Equal(t, 3, strings.Count(d.stdout.String(), "\n"))
	d.runs(process.ExitStopped, "archive", "cat", "-url", dir, "-stream_label", "other")
	require.Empty(t, d.stdout.String())
	d.runs(process.ExitStopped, "archive", "verify", "-url", dir)
	require.Regexp(t, `^2 segments, 4 Tweets, \d+ bytes: 0 damaged\n$`, d.stdout.String())
	found, err := filepath.Glob(filepath.Join(dir, "prod", "*", "*", "*"))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(found[0], 100))
	d.runs(process.ExitFailure, "archive", "verify", "-url", dir)
	require.Contains(t, d.stdout.String(), filepath.Base(found[0])+": damaged")
	require.Contains(t, d.stderr.String(), "E! 1 of 2 segments are damaged")
	d.runs(process.ExitFailure, "archive", "cat", "-url", dir)
	require.Equal(t, 2, strings.Count(d.stdout.String(), "decahose_tweet"))
	d.runs(process.ExitUsage, "archive", "ls")
	d.runs(process.ExitUsage, "archive", "nonsense")
	d.runs(process.ExitUsage, "archive", "ls", "-url", "ftp://x")
	d.runs(process.ExitFailure, "archive", "ls", "-url", dir+"/nowhere")
}
