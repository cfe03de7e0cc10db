package clitest

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

// RequireLogLines wants every line of stderr as the contract has it.
func RequireLogLines(t *testing.T, stderr string) {
	t.Helper()
	for s := bufio.NewScanner(strings.NewReader(stderr)); s.Scan(); {
		require.Regexp(t, `^[EWID]! \S`, s.Text())
		require.Less(t, len(s.Text()), process.MaxLine)
	}
}
