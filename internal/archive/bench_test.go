//go:build unix

package archive

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	tweets "github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// minuteLines are the Tweets of a minute of the simulator's World, 600 a second, as the input emits them with all fields.
var minuteLines = sync.OnceValue(func() (lines [][]byte) {
	truth := world.New(world.Config{Seed: 20, Rate: 600})
	schema, err := encode.NewSchema("prod", nil, nil, encode.Keep)
	if err != nil {
		panic(err)
	}
	p := tweets.NewParser(false)
	var t tweets.Tweet
	for one := range truth.Tweets(time.UnixMilli(noon.Milli()), time.UnixMilli((noon + 1).Milli())) {
		p.Reset()
		if err := p.Parse(truth.AppendRecord(nil, one.ID), &t); err != nil {
			panic(err)
		}
		t.ReceivedAt = noon.Nano() + int64(len(lines))
		lines = append(lines, encode.AppendTweet(nil, &t, schema))
	}
	return lines
})

// cpuTime is what this process took so far, user and system, whatever else the machine does.
func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// moved is the line of minuteLines in another minute.
func moved(b *testing.B, l []byte, m timeline.Minute) []byte {
	if m == noon {
		return l
	}
	var batch Batch
	require.NoError(b, batch.Add(l))
	id := batch.entries[0].id + snowflake.First(m.Milli()) - snowflake.First(noon.Milli())
	field := batch.line.Field(idField)
	at := cap(l) - cap(field)
	text := fmt.Appendf(nil, "%s%di%s", l[:at], id, l[at+len(field):])
	var restored Batch
	require.NoError(b, restored.Add(text))
	return restored.buf
}

// BenchmarkWrite is what a Tweet costs from its line to its place in a segment on disk: parsed, journalled and synced in
// batches of 1000, sorted, compressed, synced. An operation is one Tweet.
func BenchmarkWrite(b *testing.B) {
	for _, level := range []int{1, 3, 7} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			lines := minuteLines()
			o := options(b.TempDir())
			o.Level = level
			w, err := NewWriter(b.TempDir(), o, clock)
			require.NoError(b, err)
			raw := 0
			cpu := cpuTime()
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; {
				batch := new(Batch)
				for ; batch.Len() < 1000 && n < b.N && (batch.Len() == 0 || n%len(lines) != 0); n++ {
					require.NoError(b, batch.Add(lines[n%len(lines)]))
					raw += len(lines[n%len(lines)])
				}
				require.NoError(b, w.Write(batch, clock))
				if n%len(lines) == 0 || n == b.N {
					require.NoError(b, w.SealAll(clock))
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/Tweet")
			s := w.Stats()
			b.ReportMetric(float64(s.Bytes)/float64(s.Tweets), "bytes/Tweet")
			b.ReportMetric(float64(raw)/float64(s.Bytes), "ratio")
			require.NoError(b, w.Close())
		})
	}
}

// BenchmarkReadHour reads an hour at 600 Tweets/s, each Tweet checked and as it was emitted. An operation is the hour.
func BenchmarkReadHour(b *testing.B) {
	dir := b.TempDir()
	w, err := NewWriter(dir, options(dir), clock)
	require.NoError(b, err)
	n := 0
	for m := noon; m < noon+60; m++ {
		batch := new(Batch)
		for _, l := range minuteLines() {
			require.NoError(b, batch.Add(moved(b, l, m)))
		}
		n += batch.Len()
		require.NoError(b, w.Write(batch, clock))
		require.NoError(b, w.SealAll(clock))
	}
	require.NoError(b, w.Close())
	a := open(b, dir)
	cpu := cpuTime()
	for b.Loop() {
		got := 0
		for m := noon; m < noon+60; m++ {
			require.NoError(b, a.Read(context.Background(), "prod", m, func(snowflake.ID, []byte) error { got++; return nil }))
		}
		require.Equal(b, n, got)
	}
	b.ReportMetric(float64(cpuTime()-cpu)/1e9/float64(b.N), "cpu-s/hour")
	b.ReportMetric(float64(n), "Tweets")
}
