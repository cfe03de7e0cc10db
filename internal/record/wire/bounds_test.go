package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// read is one batch with all of in, as a connection's goroutine leaves it.
func read(in string) *Batch {
	s := NewScanner(DefaultLimit)
	s.Start(NewBatch())
	for in != "" {
		n := copy(s.Space(), in)
		s.Advance(n)
		in = in[n:]
	}
	s.End()
	return s.Take(NewBatch())
}

func TestSizeIsWhatTheBatchHolds(t *testing.T) {
	require.Equal(t, slabSize, NewBatch().Size())
	giant := read(`{"id":1,"text":"` + strings.Repeat("x", 1<<20) + "\"}\r\n")
	require.GreaterOrEqual(t, giant.Size(), 1<<20)
	require.LessOrEqual(t, giant.Size(), 3<<20)

	small := strings.Repeat(`{"id":1,"text":"`+strings.Repeat("x", 100)+"\"}\r\n", 500)
	both := read(small + `{"id":2,"text":"` + strings.Repeat("y", 1<<20) + "\"}\r\n")
	require.GreaterOrEqual(t, both.Size(), giant.Size()+slabSize, "the slabs that earlier frames point into, too")

	crowd := read(strings.Repeat("{}\r\n", 10_000))
	require.GreaterOrEqual(t, crowd.Size(), 10_000*frameSize)

	var b Batch
	for range 4 {
		b.Add(1, make([]byte, slabSize))
	}
	require.GreaterOrEqual(t, b.Size(), 4*slabSize)
}

func TestWhatBecameLargeIsNotKept(t *testing.T) {
	for _, in := range []string{
		`{"id":1,"text":"` + strings.Repeat("x", 1<<20) + "\"}\r\n",
		strings.Repeat("{}\r\n", 100_000),
		strings.Repeat("{}", 100_000) + "\r\n",
	} {
		b := read(in)
		b.Reset()
		require.LessOrEqual(t, b.Size(), keepSize+keepFrames*frameSize)
		require.GreaterOrEqual(t, cap(b.slab), slabSize)
		require.Zero(t, b.outgrown)
	}
}

func TestOneLineMakesFewFrames(t *testing.T) {
	tweet := func(i int) string { return fmt.Sprintf(`{"id":%d,"text":"x"}`, i+1) }
	var line strings.Builder
	for i := range gluedMost {
		line.WriteString(tweet(i))
	}
	require.Len(t, read(line.String()+"\r\n").Frames, gluedMost)

	b := read(line.String() + tweet(gluedMost) + tweet(gluedMost+1) + "\r\n")
	require.Len(t, b.Frames, gluedMost)
	require.Equal(t, tweet(gluedMost-1)+tweet(gluedMost)+tweet(gluedMost+1), string(b.Frames[gluedMost-1].Data),
		"what is left stays in one piece, which no strict parse takes")

	b = read(strings.Repeat("{}", DefaultLimit/2) + "\r\n")
	require.LessOrEqual(t, len(b.Frames), gluedMost)
	require.LessOrEqual(t, b.Size(), 3*DefaultLimit)
}

// bombs are records of n bytes that cost much to who is careless.
var bombs = map[string]func(n int) string{
	"glue":    func(n int) string { return strings.Repeat("{}", n/2) },
	"notices": func(n int) string { return strings.Repeat(`{"delete":{}}`, n/13) },
	"opening": func(n int) string { return strings.Repeat("{", n) },
	"spaces":  func(n int) string { return strings.Repeat("{ ", n/2) },
	"deep":    func(n int) string { return strings.Repeat(`{"a":`, n/6) + "1" + strings.Repeat("}", n/6) },
	"glued deep": func(n int) string {
		one := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
		return strings.Repeat(one, n/len(one))
	},
	"glued, open": func(n int) string { return strings.Repeat("{}", n/4) + strings.Repeat("{", n/2) },
	"digits":      func(n int) string { return `{"id":` + strings.Repeat("9", n) + "}" },
	"escapes":     func(n int) string { return `{"` + strings.Repeat(`\u0041`, n/6) + `":1}` },
	"keys":        func(n int) string { return `{"delete":1` + members(n) + "}" },
	"error's":     func(n int) string { return `{"error":{"message":"m"` + members(n) + "}}" },
	"minutes": func(n int) string {
		return `{"error":{"message":"m","minutes_failed":[1` + strings.Repeat(",1", n/2) + "]}}"
	},
	"problems":  func(n int) string { return `{"errors":[{"title":"t"}` + strings.Repeat(",{}", n/3) + "]}" },
	"count":     func(n int) string { return `{"info":{"activity_count":"` + strings.Repeat("1", n) + `"}}` },
	"long text": func(n int) string { return `{"info":{"message":"` + strings.Repeat("m", n) + `"}}` },
}

func members(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return b.String()
}

// TestARecordCostsItsLength: what reading a record and its messages allocates grows with it and no faster.
func TestARecordCostsItsLength(t *testing.T) {
	for name, bomb := range bombs {
		const n = 1 << 20
		line := bomb(n) + "\r\n"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b := read(line)
		for i := range b.Frames {
			if m, ok := ParseNotice(b.Frames[i].Data); ok {
				require.LessOrEqual(t, len(m.Message), textMost, name)
				require.LessOrEqual(t, len(m.MinutesFailed), listMost+1, name)
			}
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*n), name)
	}
}

func TestAListThatIsTooLongSaysNothing(t *testing.T) {
	list := func(n int) []byte {
		return []byte(`{"info":{"message":"m","minutes_failed":["202601010000"` + strings.Repeat(`,"202601010000"`, n-1) + "]}}")
	}
	m, ok := ParseNotice(list(listMost))
	require.True(t, ok)
	require.Equal(t, "202601010000", m.MinutesFailed[listMost-1])
	m, ok = ParseNotice(list(listMost + 1))
	require.True(t, ok)
	require.Equal(t, "…", m.MinutesFailed[listMost], "which is no minute, so that none counts as delivered for not being named")
	m, _ = ParseNotice(list(100 * listMost))
	require.Len(t, m.MinutesFailed, listMost+1)
}

// TestNothingIsQuadratic compares lengths, not clocks: sixteen times the length may cost some sixteen times as much, and
// would cost 256 times if anything were looked at again and again.
func TestNothingIsQuadratic(t *testing.T) {
	cost := func(line string) time.Duration {
		least := time.Hour
		for range 10 {
			began := time.Now()
			b := read(line)
			for i := range b.Frames {
				_, _ = ParseNotice(b.Frames[i].Data)
			}
			least = min(least, time.Since(began))
		}
		return least
	}
	for name, bomb := range bombs {
		short, long := cost(bomb(1<<14)+"\r\n"), cost(bomb(1<<18)+"\r\n")
		require.Less(t, long, 100*max(short, 30*time.Microsecond), "%s: %v, and %v for sixteen times as much", name, short, long)
	}
}
