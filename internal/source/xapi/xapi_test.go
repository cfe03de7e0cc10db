package xapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ExampleClassOf() {
	fmt.Println(ClassOf("This stream has exceeded the maximum allowed connections."))
	fmt.Println(ClassOf("Force closing connection to because it reached the maximum allowed backup (buffer size is ...)."))
	fmt.Println(ClassOf("Force closing connection for operational reasons"))
	fmt.Printf("%q\n", ClassOf("Replay Request Completed"))
	// Output:
	// too_many_connections
	// full_buffer
	// operational
	// ""
}

func TestClassOf(t *testing.T) {
	for message, want := range map[string]string{
		"":                        "",
		"TOO MANY CONNECTIONS":    TooManyConnections,
		"unable to keep up":       FullBuffer,
		"Full buffer":             FullBuffer,
		"for operational reasons": Operational,
		"operational":             "",
	} {
		require.Equal(t, want, ClassOf(message), message)
	}
}

// A time as X wants it is read back as the same minute.
func TestTimes(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 0, 0, time.UTC)
	for layout, want := range map[string]string{ReplayTime: "202602030405", RecoveryTime: "2026-02-03T04:05:00.000Z"} {
		require.Equal(t, want, at.Format(layout))
		back, err := time.Parse(layout, want)
		require.NoError(t, err)
		require.True(t, at.Equal(back))
	}
}
