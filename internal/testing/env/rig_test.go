//go:build unix

package env

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEachKeepsWhatTextHolds(t *testing.T) {
	text := "a\nb\r\n\"c\" \\ \x00 😀 x,y=1 z=2 3\n"
	line := `decahose_tweet,kind=original id=7i,text="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `" 12` + "\n"
	var got []Metric
	require.NoError(t, Each(strings.NewReader(line+line), func(m Metric) { got = append(got, m) }))
	require.Len(t, got, 2)
	require.Equal(t, text, got[1].Fields["text"])
	require.Equal(t, int64(7), got[1].ID())
	require.Equal(t, int64(12), got[1].Time.UnixNano())
}

func TestEachReportsWhatIsNoMetric(t *testing.T) {
	require.Error(t, Each(strings.NewReader("m x=1 1\nno metric\n"), func(Metric) {}))
	require.Error(t, Each(strings.NewReader("m x=1 1\nm x="), func(Metric) {}))
}

func TestFollowReadsWhatIsWrittenLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := NewFollow(path)
	seen := make(chan int64)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_ = Each(f, func(m Metric) { seen <- m.ID() })
		close(seen)
	})
	out, err := os.Create(path)
	require.NoError(t, err)
	for _, line := range []string{"m id=1i 1\n", "m id=2i 2\n"} {
		_, err = out.WriteString(line)
		require.NoError(t, err)
		<-seen
	}
	_, err = out.WriteString("m id=3i 3\n")
	require.NoError(t, err)
	f.Finish()
	require.Equal(t, int64(3), <-seen)
	_, open := <-seen
	require.False(t, open)
}

func TestProcessStopsWithAllItStarted(t *testing.T) {
	p, err := Start([]string{"sh", "-c", "echo up >&2; sleep 60 & wait"}, nil, nil)
	require.NoError(t, err)
	defer p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, p.Log.Wait(ctx, "up"))
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	require.True(t, Until(ctx, func() bool { return p.Child("sleep") > 0 }))
	_, err = p.Stop(ctx)
	require.ErrorContains(t, err, "left running")
	require.True(t, Until(ctx, func() bool { return len(p.Members()) == 0 }))
}

func TestParseStat(t *testing.T) {
	m, group := parseStat([]byte("12 (a (b) c) S 1 34 5 0"))
	require.Equal(t, Member{12, "a (b) c"}, m)
	require.Equal(t, 34, group)
	_, group = parseStat([]byte("12 (gone) Z 1 34 5 0"))
	require.Zero(t, group)
}

// Levels read the same under a Telegraf that has none, and only there is a line changed.
func TestLogRestoresLevels(t *testing.T) {
	const flat = `2026-11-30T01:02:18Z E! [inputs.execd] stderr: "W! [inputs.decahose] no \"x\"\\n"`
	const leveled = `2026-11-30T01:02:18Z W! [inputs.execd] [inputs.decahose] no "x"\n`
	const panics, ends = `E! [inputs.execd] stderr: "panic: x"`, `E! [inputs.execd] Process quit`
	for _, c := range []struct{ version, logged, want string }{
		{"1.30.3", flat, leveled},
		{"1.31.12", flat, leveled},
		{"1.31.12", panics, panics},
		{"1.31.12", ends, ends},
		{"1.32.0", flat, flat},
		{"", flat, flat},
	} {
		t.Setenv("TELEGRAF_VERSION", c.version)
		p, err := Start([]string{"printf", `%s\n`, c.logged}, nil, nil)
		require.NoError(t, err)
		<-p.Done()
		require.Equal(t, c.want, p.Log.Text(), c.version)
	}
}
