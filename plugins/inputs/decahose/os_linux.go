package decahose

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since the boot of the host, suspension included.
func uptime() (time.Duration, bool) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}

// bootID names this boot of the host; empty where it is not known.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// whoami is the user of this process, by number.
func whoami() string { return strconv.Itoa(os.Geteuid()) }

// foreign says what is odd about who owns the directory and may write there; empty: nothing.
func foreign(dir string) string {
	var st unix.Stat_t
	switch err := unix.Stat(dir, &st); {
	case err != nil:
		return ""
	case int(st.Uid) != os.Geteuid():
		return fmt.Sprintf("belongs to user %d, and this process runs as user %d: what one of them writes the other cannot", st.Uid, os.Geteuid())
	case st.Mode&0o022 != 0:
		return fmt.Sprintf("has mode %04o: other users can change what is in it (chmod 0700)", st.Mode&0o7777)
	}
	return ""
}
