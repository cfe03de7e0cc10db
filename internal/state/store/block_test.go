package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func packOne(c *codec, m timeline.Minute, ids []snowflake.ID) (packed []byte) {
	return c.append(nil, 1, m, ids, func(int, header) {})
}

func TestBlocks(t *testing.T) {
	c := newCodec()
	defer c.close()
	m := timeline.Minute(29_000_000)
	rng := rand.New(rand.NewPCG(1, 1))
	for name, ids := range map[string][]snowflake.ID{
		"one":        {snowflake.First(m.Milli())},
		"many":       idsIn(rng, m.Span(), 5000),
		"repeated":   {7 << 22, 7 << 22, 8 << 22},
		"far apart":  {math.MinInt64 / 2, -1, 0, 1, math.MaxInt64 / 4},
		"other hour": {snowflake.First(0), snowflake.First(m.Milli())},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(ids)
			b := packOne(c, m, ids)
			require.Equal(t, before, ids)
			h, ok := parseHeader(b)
			require.True(t, ok)
			require.Equal(t, m, h.minute)
			got, err := c.unpack(h, b[headerLen:], nil)
			require.NoError(t, err)
			slices.Sort(before)
			require.Equal(t, slices.Compact(before), got)
		})
	}
}

// TestBytesPerID is the bound that the size of the state rests on: 200 ids a second, two partitions, a block every 5 s.
func TestBytesPerID(t *testing.T) {
	c := newCodec()
	defer c.close()
	m := timeline.Minute(29_000_000)
	rng := rand.New(rand.NewPCG(2, 2))
	five := timeline.Span{From: m.Milli(), To: m.Milli() + 5000}
	random := packOne(c, m, idsIn(rng, five, 500))
	nodes := idsIn(rng, five, 500)
	for i := range nodes { // a few dozen nodes, low sequences
		nodes[i] = nodes[i]>>lowBits<<lowBits | snowflake.ID(rng.IntN(40))<<12 | snowflake.ID(rng.IntN(3))
	}
	few := packOne(c, m, nodes)
	minute := packOne(c, m, idsIn(rng, m.Span(), 6000))
	t.Logf("bytes per id: random %.2f, few nodes %.2f, merged random %.2f",
		float64(len(random))/500, float64(len(few))/500, float64(len(minute))/6000)
	require.LessOrEqual(t, len(random), 4*500)
	require.LessOrEqual(t, len(few), 3*500)
	require.LessOrEqual(t, len(minute), 4*6000)
}

func FuzzBlock(f *testing.F) {
	c := newCodec()
	rng := rand.New(rand.NewPCG(3, 3))
	good := packOne(c, 29_000_000, idsIn(rng, timeline.Minute(29_000_000).Span(), 50))
	f.Add(good)
	f.Add(append([]byte("noise DHi"), append(slices.Clone(good), good[:70]...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, fixed := range [2]bool{false, true} {
			if fixed { // so that the checks behind the checksums are reached
				b = withSums(b)
			}
			blocks, _, err := hop(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			for _, x := range blocks {
				ids, err := c.unpack(x.header, b[x.offset+headerLen:x.end()], nil)
				if err == nil {
					require.Len(t, ids, x.count)
					require.True(t, slices.IsSorted(ids))
				} else {
					require.Empty(t, ids)
				}
			}
		}
	})
}

// withSums makes b a block whose checksums hold.
func withSums(b []byte) []byte {
	if len(b) < headerLen {
		return b
	}
	b = slices.Clone(b)
	copy(b, magic)
	b[4] = blockVersion
	binary.BigEndian.PutUint32(b[20:], uint32(len(b)-headerLen))
	binary.BigEndian.PutUint32(b[32:], crc32.Checksum(b[headerLen:], castagnoli))
	binary.BigEndian.PutUint32(b[36:], crc32.Checksum(b[:36], castagnoli))
	return b
}
