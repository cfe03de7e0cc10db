package lineproto_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
)

// A torn line costs itself, and what the end of the file cuts is left out.
func ExampleReader() {
	r := lineproto.NewReader(strings.NewReader("m text=\"torn\nm text=\"two\nlines\" 1\nm text=\"being writ"))
	for {
		line, err := r.Next()
		if err != nil {
			fmt.Println(err, r.Malformed)
			return
		}
		fmt.Printf("%q\n", lineproto.Unquote(line.Field("text")))
	}
	// Output:
	// "two\nlines"
	// EOF 1
}

// What others write is taken; what no writer could go on with hides nothing of what is behind it.
func TestReader(t *testing.T) {
	for text, want := range map[string]struct {
		lines     int
		malformed int64
	}{
		"m f=\"a\\tb\",g=1x 5\n":             {1, 0},
		"m f=\"a\nm f=\"b\nm f=1 2\n":        {0, 1},
		"m f=1 2,x=\"open\nm f=1 2\n":        {1, 1},
		"m f=\"open\nm f=1 2\n":              {0, 0}, // a string that may go on
		"m f=\"open\nm f=1 2\n\\":            {0, 0},
		"nothing\n\n \n#m f=1\nm f=1\nm f=1": {1, 1},
		"#m f=1":                             {0, 0},
	} {
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			r, lines := lineproto.NewReader(in), 0
			var err error
			for _, err = r.Next(); err == nil; _, err = r.Next() {
				lines++
			}
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, want.lines, lines, text)
			require.Equal(t, want.malformed, r.Malformed, text)
		}
	}
	broken := errors.New("broken")
	_, err := lineproto.NewReader(iotest.ErrReader(broken)).Next()
	require.ErrorIs(t, err, broken)
}
