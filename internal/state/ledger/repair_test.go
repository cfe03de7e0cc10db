package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSentText(t *testing.T) {
	for _, sent := range [][]Sent{nil, {{ID: 5}}, {{ID: 1, Partition: 2}, {ID: 1 << 62, Partition: 64}, {ID: 3}, {ID: 3, Partition: 1}}} {
		got, err := ParseSent(SentText(sent))
		require.NoError(t, err)
		require.ElementsMatch(t, sent, got)
	}
}

func TestParseSentOfDamage(t *testing.T) {
	sound := SentText([]Sent{{ID: 1 << 60, Partition: 1}, {ID: 1<<60 + 9}})
	for n := range sound {
		if sent, err := ParseSent(sound[:n]); err == nil {
			require.Less(t, len(sent), 2, sound[:n])
		}
	}
	for _, text := range []string{"!", "A", "AA=", "gA==", base64.StdEncoding.EncodeToString([]byte{2}), base64.StdEncoding.EncodeToString(binary.AppendVarint([]byte{2}, 1<<31))} {
		_, err := ParseSent(text)
		require.ErrorIs(t, err, errSent, text)
	}
	sent, err := ParseSent(base64.StdEncoding.EncodeToString(binary.AppendVarint([]byte{2}, 1<<31-1)))
	require.NoError(t, err)
	require.Equal(t, []Sent{{ID: 1, Partition: 1<<31 - 1}}, sent)
	require.Empty(t, SentText(nil))
}

// TestSentTextSorts, and leaves what it is given as it is.
func TestSentTextSorts(t *testing.T) {
	given := []Sent{{ID: 9}, {ID: 3, Partition: 2}, {ID: 5}}
	require.Equal(t, SentText([]Sent{{ID: 3, Partition: 2}, {ID: 5}, {ID: 9}}), SentText(given))
	require.Equal(t, []Sent{{ID: 9}, {ID: 3, Partition: 2}, {ID: 5}}, given)
}

func FuzzParseSent(f *testing.F) {
	f.Add(SentText([]Sent{{ID: 1 << 60, Partition: 1}, {ID: 1<<60 + 1}}))
	f.Add("/////////////w==")
	f.Add("!")
	f.Fuzz(func(t *testing.T, text string) {
		sent, err := ParseSent(text)
		if err != nil {
			return
		}
		again, err := ParseSent(SentText(sent))
		require.NoError(t, err)
		require.ElementsMatch(t, sent, again)
	})
}
