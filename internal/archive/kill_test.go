//go:build unix

package archive

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// writingIn is the environment variable that makes the test binary write to the archive in that directory until it is
// killed, and print what was acknowledged. writingFrom is the first Tweet.
const (
	writingIn   = "ARCHIVE_TEST_WRITE"
	writingFrom = "ARCHIVE_TEST_FROM"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writingIn); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

const perWrite = 7

func writeForEver(dir string) {
	w, err := NewWriter(dir, options(dir), clock)
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	from, _ := strconv.Atoi(os.Getenv(writingFrom))
	for now := clock; ; from, now = from+perWrite, now.Add(5*time.Second) {
		b := new(Batch)
		for i := from; i < from+perWrite; i++ {
			_, text := tweetIn(spread(i), i)
			if err := b.Add([]byte(text)); err != nil {
				fmt.Println("failed", err)
				return
			}
		}
		err := w.Write(b, now)
		if err == nil {
			fmt.Println(from + perWrite)
			err = w.Seal(now) // a segment each twelve writes
		}
		if err != nil {
			fmt.Println("failed", err)
			return
		}
	}
}

// TestKill kills a process that writes, several times; what it said that it had written is there, once.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(2, 2))
	acknowledged := 0
	for range 6 {
		acknowledged = writeAndKill(t, dir, acknowledged, 20+rng.IntN(100))
		requireFirst(t, dir, acknowledged)
	}
}

// writeAndKill kills the process when it said so much, and returns how many Tweets are acknowledged.
func writeAndKill(t *testing.T, dir string, from, lines int) (acknowledged int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writingIn+"="+dir, writingFrom+"="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		if number, err := strconv.Atoi(said.Text()); err == nil {
			acknowledged = max(acknowledged, number)
		} else {
			require.Greater(t, n, lines, said.Text())
		}
		if n == lines {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	return acknowledged
}

// requireFirst wants the first n Tweets of spread in the archive, after the journal was taken up; beyond, it may hold what
// was not acknowledged any more.
func requireFirst(t *testing.T, dir string, n int) {
	t.Helper()
	w := newWriter(t, dir)
	finish(t, w)
	there := make(map[snowflake.ID]string)
	for m := noon; m < noon+3; m++ {
		got, err := held(t, open(t, dir), m)
		require.NoError(t, err)
		maps.Copy(there, got)
	}
	for i := range n {
		id, text := tweetIn(spread(i), i)
		require.Equal(t, text, there[id], i)
	}
	require.Less(t, len(there), n+2*perWrite, "nothing was made up")
	for _, note := range w.Notes() {
		require.Contains(t, note, "cut short")
	}
}
