package decahose

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// StateDir is where the state of this stream is kept, below state_directory: one directory for each
// account, stream and label. After Init or InitState.
func (d *Decahose) StateDir() string {
	return filepath.Join(d.StateDirectory, stateName(d.Account, d.Stream, d.StreamLabel))
}

// longestState bounds the name of a state directory: file systems allow 255 bytes.
const longestState = 200

// stateName is different for different streams. Only the label keeps its underscores, so that it is
// clear where the account ends. A name that is too long ends with a digest of all of it.
func stateName(account, stream, label string) string {
	name := escape(account, "") + "_" + escape(stream, "") + "_" + escape(label, "_")
	if len(name) > longestState {
		digest := fmt.Sprintf("~%x", sha256.Sum256([]byte(name)))
		name = name[:longestState-len(digest)] + digest
	}
	return name
}

// escape writes all bytes but letters, digits, "-" and those in safe as %XX.
func escape(name, safe string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	var b strings.Builder
	for _, c := range []byte(name) {
		if strings.IndexByte(plain+safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// InitState sets the defaults and checks the options that say where the state is and what its gaps
// wait for. For commands, which need no credentials: those may be readable by the plugin's user only,
// or stand in its environment. A bad value comes back as *option.Error.
func (d *Decahose) InitState() error {
	d.setDependentDefaults()
	for _, check := range []func() error{d.checkStream, d.checkTimes, d.checkLimits, d.checkRecovery, d.checkArchives} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// RecoveryRules are the options recovery and recovery_… as the recovery package wants them.
func (d *Decahose) RecoveryRules() refill.Rules {
	r := refill.Rules{
		Window:  time.Duration(d.RecoveryWindow),
		Delay:   time.Duration(d.RecoveryDelay),
		Horizon: time.Duration(d.RecoveryHorizon),
		Jobs:    d.RecoveryJobs,
		Limit:   d.RecoveryLimit,
		Period:  time.Duration(d.RecoveryLimitPeriod),
	}
	switch d.Recovery {
	case "replay":
		r.Method = refill.Replay
	case "recovery":
		r.Method, r.ByPartition = refill.Recovery, d.RecoveryPartition
	}
	return r
}

// checkState says whether Start can keep state, and creates nothing: a check by root would leave a directory that the
// plugin's own user cannot write.
func (d *Decahose) checkState() error {
	dirs := []string{d.StateDirectory} // it is not written where the stream's own is there
	if info, err := os.Stat(d.StateDir()); err == nil && info.IsDir() {
		dirs = []string{d.StateDir(), filepath.Join(d.StateDir(), "ids")}
	}
	for _, dir := range dirs {
		if why := option.Unwritable(dir); why != "" {
			return d.badState(why)
		}
	}
	return nil
}

// CheckState says why Start would fail on what is in the state directory, and changes nothing. For the host's check, after
// Init.
func (d *Decahose) CheckState() error {
	switch err := store.CheckFiles(d.StateDir()); {
	case errors.Is(err, store.ErrNewer):
		return option.Bad("state_directory", d.StateDirectory, "one of this version or an older one; nothing was touched: "+err.Error())
	case err != nil:
		return d.badState(fmt.Sprintf("user %s: %v", whoami(), err))
	}
	if text := foreign(d.StateDir()); text != "" {
		d.Log.Warnf("Stream %s: the state directory %s %s", d.StreamLabel, d.StateDir(), text)
	}
	return nil
}

func (d *Decahose) badState(why string) error {
	return option.Bad("state_directory", d.StateDirectory, "a directory that can be created and written, with all that is in it: "+why)
}
