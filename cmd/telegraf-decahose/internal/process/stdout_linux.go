package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// ClosedStdout reports whether the process was started without stdout: Go's runtime has then opened /dev/null in its place,
// for reading too, and whatever is written there counts as written.
func ClosedStdout() bool {
	var st, null unix.Stat_t
	if unix.Fstat(1, &st) != nil || unix.Stat(os.DevNull, &null) != nil {
		return true
	}
	flags, err := unix.FcntlInt(1, unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == null.Rdev
}
