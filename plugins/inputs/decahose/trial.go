package decahose

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// TrialFlag is the flag of a Telegraf's command line, as written, that makes of its run a trial: --test and --test-wait
// write to no output, --once stops before its outputs have taken what a stream brings. Empty: it is no trial.
// args are without the program's name. Telegraf takes a flag with one or two dashes, its value behind a space or "=".
func TrialFlag(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			return ""
		}
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		switch name {
		case "test", "once":
			if on, err := strconv.ParseBool(value); !given || err == nil && on {
				return arg
			}
		case "test-wait":
			if !given && i+1 < len(args) {
				value = args[i+1]
			}
			if seconds, err := strconv.Atoi(value); err == nil && seconds != 0 {
				return arg
			}
		}
	}
	return ""
}

// TrialText says why the plugin does not run in a trial: each Tweet would be booked as emitted, and X be asked for none of
// them again, though no store has it.
func TrialText(flag string) string {
	return fmt.Sprintf("Telegraf runs with %s, so Tweets would count as emitted that no output gets: the plugin does nothing in a trial;"+
		" telegraf-decahose -check tries its configuration", flag)
}

// checkTrial refuses a trial of the Telegraf that we are compiled into. The host looks after the other.
func (d *Decahose) checkTrial(args []string) error {
	if flag := TrialFlag(args); flag != "" && !d.hosted() {
		return fmt.Errorf("%s", TrialText(flag))
	}
	return nil
}

func commandLine() []string { return os.Args[1:] }
