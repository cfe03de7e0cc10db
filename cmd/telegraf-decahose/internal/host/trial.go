package host

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

// furthestParent bounds the search for the Telegraf that runs us: a shell or sudo may stand between.
const furthestParent = 4

// ancestor is what is known of one of the processes above us.
type ancestor struct {
	parent int
	args   []string // the program's name first
}

// trialOf is the flag that makes of the run of the nearest Telegraf above the process a trial. look reads an ancestor;
// one that cannot be read is none.
func trialOf(pid int, look func(pid int) (ancestor, bool)) string {
	for range furthestParent {
		p, ok := look(pid)
		if !ok || len(p.args) == 0 {
			return ""
		}
		if strings.HasPrefix(filepath.Base(p.args[0]), "telegraf") {
			return decahose.TrialFlag(p.args[1:])
		}
		pid = p.parent
	}
	return ""
}

// SitOut says once that Telegraf only tries its configuration, and waits for the end: inputs.execd would start another
// process, which would say it again. Nothing is booked and X is not asked.
func SitOut(flag string, log *process.Log, ask *Requests) int {
	log.Print('E', decahose.TrialText(flag))
	var reading sync.WaitGroup
	ask.begin(&reading)
	for {
		select {
		case <-ask.polls:
		case <-ask.ended:
			return process.ExitUsage
		case <-ask.Stops:
			return process.ExitUsage
		}
	}
}

// Trial is the flag by which the Telegraf above only tries its configuration; empty where it runs it, or where none is above.
func Trial() string { return trialOf(os.Getppid(), lookAt) }
