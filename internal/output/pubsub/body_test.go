package pubsub

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// FuzzBody reads a message in pieces of any size: it must be the JSON that a plain encoder makes.
func FuzzBody(f *testing.F) {
	for n := range 20 {
		f.Add(bytes.Repeat([]byte("\xff\x00a"), n)[:max(0, 3*n-n%3)], uint8(n))
	}
	f.Fuzz(func(t *testing.T, lines []byte, piece uint8) {
		m := &message{lines: lines}
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{m.body()}, make([]byte, int(piece)+1))
		require.NoError(t, err)
		require.Equal(t, m.size(), int64(got.Len()))
		var read struct {
			Message struct{ Data []byte }
		}
		require.NoError(t, json.Unmarshal(got.Bytes(), &read))
		require.True(t, bytes.Equal(lines, read.Message.Data))
	})
}

func TestBodyKeepsToTheRules(t *testing.T) {
	m := &message{lines: []byte("decahose_tweet id=5i 5\n")}
	text, err := io.ReadAll(m.body())
	require.NoError(t, err)
	require.Equal(t, `{"message":{"data":"ZGVjYWhvc2VfdHdlZXQgaWQ9NWkgNQo="}}`, string(text))
	require.NoError(t, iotest.TestReader(m.body(), text))
}

func TestEndedMessageIsNotRead(t *testing.T) {
	m := &message{lines: []byte("abc")}
	b := m.body()
	_, err := b.Read(make([]byte, 10))
	require.NoError(t, err)
	m.end()
	_, err = b.Read(make([]byte, 10))
	require.ErrorIs(t, err, errEnded)
}
