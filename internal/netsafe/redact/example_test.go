package redact_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

func ExampleSecrets() {
	var none *redact.Secrets
	known := none.With("hunter2-and-more")
	fmt.Println(known.Hide("login with hunter2-and-more failed"))
	fmt.Println(known.Line("a server says \x1b[31mhunter2-and-more\nE! a forged line", 60))
	// Output:
	// login with *** failed
	// a server says \x1b[31m***\nE! a forged line
}
