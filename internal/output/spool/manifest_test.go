package spool

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

func TestManifest(t *testing.T) {
	for name, tweets := range map[string][]Tweet{
		"none":     nil,
		"one":      {{ledger.Sent{ID: 1, Partition: 1}, 9}},
		"any":      {{ledger.Sent{ID: math.MaxInt64, Partition: math.MinInt32}, 0}, {ledger.Sent{ID: math.MinInt64, Partition: math.MaxInt32}, math.MaxInt}},
		"same end": {{ledger.Sent{ID: 5}, 3}, {ledger.Sent{ID: 4}, 3}},
	} {
		got, err := decode(encode(nil, tweets))
		require.NoError(t, err, name)
		require.Len(t, got, len(tweets), name)
		for i := range tweets {
			require.Equal(t, tweets[i], got[i], name)
		}
	}
	m := newMaker(1).entry(500, 540)
	b := encode(nil, m.Tweets)
	require.Less(t, len(b), 500*10)
	for n := 1; n < len(b); n += 7 {
		if got, err := decode(b[:n]); err == nil {
			require.Equal(t, m.Tweets[:len(got)], got)
		}
	}
	for _, bad := range [][]byte{{0x80}, {2}, {2, 2}, {2, 2, 0x80}, {2, 0xff, 0xff, 0xff, 0xff, 0x7f, 1},
		append(encode(nil, []Tweet{{End: math.MaxInt}}), 0, 0, 1)} {
		_, err := decode(bad)
		require.ErrorIs(t, err, errManifest, "%x", bad)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 2, 9, 1, 0, 0})
	f.Add(encode(nil, newMaker(1).entry(20, 100).Tweets))
	f.Fuzz(func(t *testing.T, b []byte) {
		tweets, err := decode(b)
		if err != nil {
			require.Nil(t, tweets)
			return
		}
		end := 0
		for _, tw := range tweets {
			require.GreaterOrEqual(t, tw.End, end)
			end = tw.End
		}
		again, err := decode(encode(nil, tweets))
		require.NoError(t, err)
		require.Equal(t, tweets, again)
	})
}
