package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is what all cores and what this process with its children have used so far. Times of
// contenders mean little while other programs share cores and caches with them, so each part says how much
// they had.
type machine struct{ all, busy, own time.Duration }

// tick is the unit of /proc/stat.
const tick = 10 * time.Millisecond

func readMachine() machine {
	var m machine
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m // not Linux: others is then 0
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	var user, nice, system, idle, wait, irq, soft, steal time.Duration
	fmt.Sscanf(first, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal)
	m.busy = (user + nice + system + irq + soft + steal) * tick
	m.all = m.busy + (idle+wait)*tick
	var children unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &children) // fails for unknown arguments only
	m.own = cpuTime() + time.Duration(children.Utime.Nano()+children.Stime.Nano())
	return m
}

// others is the share of the machine that other programs had between two readings.
func (m machine) others(later machine) float64 {
	all := later.all - m.all
	if all <= 0 {
		return 0
	}
	return max(0, float64((later.busy-m.busy)-(later.own-m.own))/float64(all))
}
