package lineproto_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
)

// A string of line protocol may hold newlines; a line ends at one that is in no string.
func ExampleCutter() {
	text := []byte("m text=\"two\nlines\" 1\nm n=1i 2\n")
	var c lineproto.Cutter
	for len(text) > 0 {
		n, whole := c.Next(text)
		fmt.Printf("%q %v\n", text[:n], whole)
		text = text[n:]
	}
	// Output:
	// "m text=\"two\nlines\" 1\n" true
	// "m n=1i 2\n" true
}
