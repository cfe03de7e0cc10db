package ledger

import (
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
