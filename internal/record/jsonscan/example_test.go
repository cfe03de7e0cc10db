package jsonscan_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
)

func ExampleEnter() {
	b := []byte(`{"id": 7, "user": {"name": "x"}, "n": [1, 2]}`)
	for key, at, more := jsonscan.Enter(b, 0); more; {
		end := jsonscan.Skip(b, at)
		fmt.Printf("%s = %s\n", key, b[at:end])
		key, at, more = jsonscan.Next(b, end)
	}
	// Output:
	// id = 7
	// user = {"name": "x"}
	// n = [1, 2]
}
