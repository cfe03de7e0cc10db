package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"
)

type lines struct {
	telegraf.Logger
	said []string
}

func (l *lines) Error(args ...any) { l.said = append(l.said, fmt.Sprint(args...)) }
func (l *lines) Warn(args ...any)  { l.Error(args...) }
func (l *lines) Info(args ...any)  { l.Error(args...) }
func (l *lines) Debug(args ...any) { l.Error(args...) }
func (l *lines) Trace(args ...any) { l.Error(args...) }

// All methods of a logger are guarded: Telegraf's log takes what it is given.
func TestLogger(t *testing.T) {
	RememberBasic("me", "GuardCanary")
	out := &lines{}
	l := Logger(out)
	require.Equal(t, l, Logger(l))
	for _, say := range []func(...any){l.Error, l.Warn, l.Info, l.Debug, l.Trace} {
		say("x ", "GuardCanary\x1b[2J\n", 7)
	}
	for _, say := range []func(string, ...any){l.Errorf, l.Warnf, l.Infof, l.Debugf, l.Tracef} {
		say("x %s%d", "GuardCanary\x1b[2J\n", 7)
	}
	require.Len(t, out.said, 10)
	for _, text := range out.said {
		require.Equal(t, `x ***\x1b[2J\n7`, text)
	}
}

func TestError(t *testing.T) {
	require.NoError(t, Error(nil))
	err := Error(fmt.Errorf("open\n%w", fs.ErrNotExist))
	require.EqualError(t, err, `open\nfile does not exist`)
	require.ErrorIs(t, err, fs.ErrNotExist)
	plain := errors.New("plain")
	require.Equal(t, plain, Error(plain))
}
