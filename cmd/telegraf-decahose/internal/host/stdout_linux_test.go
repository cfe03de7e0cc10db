package host

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWasRead: only an empty pipe whose reader lives was read.
func TestWasRead(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*lingerStep)
	defer cancel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.True(t, wasRead(ctx, writer), "nothing was written")
	_, err = writer.WriteString("line\n")
	require.NoError(t, err)
	require.False(t, wasRead(ctx, writer), "nobody reads")
	_, err = reader.Read(make([]byte, 10))
	require.NoError(t, err)
	require.True(t, wasRead(t.Context(), writer))
	require.NoError(t, reader.Close())
	require.False(t, wasRead(t.Context(), writer), "the reader may have died with it")
	require.NoError(t, writer.Close())
}
