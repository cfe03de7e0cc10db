package stream

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What follows markup, or bytes that no JSON begins with, is not read; blanks tell nothing.
func TestWhatABodyBeginsWith(t *testing.T) {
	for _, test := range []struct {
		data          string
		begun, stream bool
		strict        bool // whether it is one where the encoding's label was wrong
	}{
		{"", false, true, true},
		{"\r\n \t\n", false, true, true},
		{"\n{\"id\":1}", true, true, true},
		{"Too Many Requests", true, true, false},
		{"[{\"id\":1}]", true, true, false},
		{"\n<!DOCTYPE html>", true, false, false},
		{"\x1f\x8b\x08", true, false, false},
		{"\x7fELF", true, false, false},
		{"\xef\xbb\xbf{", true, false, false},
	} {
		for strict, stream := range map[bool]bool{false: test.stream, true: test.strict} {
			p := proof{strict: strict}
			err := p.begin([]byte(test.data))
			require.Equal(t, test.begun, p.begun, "%q", test.data)
			if stream {
				require.NoError(t, err, "%q, strict: %v", test.data, strict)
			} else {
				require.ErrorIs(t, err, errNoStream, "%q, strict: %v", test.data, strict)
			}
		}
	}
}
