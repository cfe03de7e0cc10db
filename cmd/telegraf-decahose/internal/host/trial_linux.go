package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// lookAt reads what the kernel says of a process; /proc may hide those of others.
func lookAt(pid int) (p ancestor, ok bool) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return p, false
	}
	p.args = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p, false
	}
	_, rest, _ := bytes.Cut(status, []byte("\nPPid:"))
	field, _, _ := bytes.Cut(rest, []byte("\n"))
	p.parent, err = strconv.Atoi(string(bytes.TrimSpace(field)))
	return p, err == nil
}
