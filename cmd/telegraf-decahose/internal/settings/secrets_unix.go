//go:build unix

package settings

import (
	"github.com/influxdata/telegraf/config"
	"golang.org/x/sys/unix"
)

// enoughLocked is the lockable memory, in bytes, below which Telegraf's protection of secrets is
// switched off: it hangs for ever when a page cannot be locked.
const enoughLocked = 256 << 10

// protectSecrets leaves Telegraf's protection of secrets on only where enough memory can be locked for it.
func protectSecrets() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err == nil && limit.Cur < enoughLocked {
		config.DisableSecretProtection()
	}
}
