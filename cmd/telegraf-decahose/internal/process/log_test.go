package process

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestLogLine(t *testing.T) {
	require.Equal(t, "E! a\\nb\\rc\\x00d\n", string(line('E', "a\nb\rc\x00d")))
	require.Equal(t, "I! \\xff\n", string(line('I', "\xff")))
	long := line('W', strings.Repeat("é", 5000))
	require.LessOrEqual(t, len(long), MaxLine)
	require.True(t, utf8.Valid(long))
	require.True(t, strings.HasSuffix(string(long), "…\n"))
	require.Equal(t, 1, strings.Count(string(long), "\n"))
}

// A reader of stderr that stopped holds nobody up; what was dropped is told when it reads again.
func TestStuckStderr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		l := NewLog()
		l.Begin(write)
		for i := range 2 * logQueue {
			l.Print('I', fmt.Sprint(i))
		}
		l.flushWithin(time.Second) // in vain, but not for ever
		var wg sync.WaitGroup
		wg.Go(func() {
			l.flushWithin(time.Minute)
			write.Close()
		})
		text, err := io.ReadAll(read)
		require.NoError(t, err)
		require.Contains(t, string(text), "I! 0\nW! ")
		require.Regexp(t, `W! \d+ log lines were dropped because stderr was not read`, string(text))
		close(l.queue)
		wg.Wait()
	})
}

func TestTelegrafLines(t *testing.T) {
	for line, want := range map[string]string{
		"2026-01-02T15:04:05Z I! [inputs.x] (category=inputs,plugin=x) text (a=b) more": "I! [inputs.x] text (a=b) more\n",
		"2026-01-02T15:04:05Z W! (category=,plugin=) text":                              "W! text\n",
		"2026-01-02T15:04:05Z D! text":                                                  "",
		`2026-01-02T15:04:05Z W! Secret "@{a-b:c}" contains invalid`: "W! A secret holds what looks like a reference to a secret store, " +
			"with characters that are not allowed in one\n",
		"": "",
	} {
		l := NewLog()
		_, err := telegrafLines{l}.Write([]byte(line + "\n"))
		require.NoError(t, err)
		close(l.queue)
		require.Equal(t, want, string((<-l.queue).line))
	}
}
