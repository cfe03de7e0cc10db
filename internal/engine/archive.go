package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Source is an archive of another site, see internal/archive. It is read by one goroutine at a time.
type Source interface {
	Minutes(ctx context.Context, label string, from, to timeline.Minute) ([]archive.Summary, error)
	Read(ctx context.Context, label string, m timeline.Minute, tweet func(id snowflake.ID, line []byte) error) error
}

// Archive is one that gaps are filled from.
type Archive struct {
	Source  Source
	Schema  *encode.Schema // what its lines must be written after
	Timeout time.Duration  // for its list of minutes, and for 64 KiB of Tweets
}

// ends of a reading.
var (
	errSlow  = errors.New("nothing came within the timeout")
	errHangs = errors.New("an earlier reading of it still hangs")
)

// read starts the reading of an archive; its goroutine ends with it.
func (r *run) read(a core.Ask) {
	s, ctx := r.session(r.requests, a.Conn)
	re := &reading{session: s, from: r.cfg.Archives[a.Archive], label: r.cfg.Core.StreamLabel, ctx: ctx}
	r.wg.Go(func() {
		re.work(ctx, func() core.End {
			busy := &r.reading[a.Archive]
			if !busy.CompareAndSwap(false, true) {
				return re.ending(errHangs)
			}
			defer busy.Store(false)
			return re.ending(re.minutes(a.Query))
		})
	})
}

// reading reads minutes of an archive and sends them as events. Its goroutine owns it.
type reading struct {
	*session
	from   Archive
	label  string
	ctx    context.Context // ends when nothing comes for too long
	slow   *time.Timer     // runs while the archive is waited for
	batch  *wire.Batch
	opened bool
	sent   int64 // Tweets of the minute
	bad    int64 // lines of the minute that are damaged
	why    error // of the first of them
}

// minutes reads those that are asked for, one after the other, and the one behind them, by which the last is judged.
func (re *reading) minutes(q refill.Request) error {
	re.slow = time.AfterFunc(re.from.Timeout, func() { re.cancel(errSlow) })
	defer re.slow.Stop()
	held, err := re.from.Source.Minutes(re.ctx, re.label, q.From, q.To+1)
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	re.opened = true
	re.Opened()
	tweets := make(map[timeline.Minute]int64, len(held))
	for _, s := range held {
		tweets[s.Minute] = s.Tweets
	}
	re.batch = re.Batch()
	failures := 0
	for m := q.From; m <= q.To; m++ {
		err := re.minute(m, tweets[m])
		if err == nil || errors.Is(err, archive.ErrDamaged) {
			failures = 0
		} else if failures++; failures == maxReadFailures || re.ends(err) {
			return err
		}
		re.sendUnclocked(core.Event{Kind: core.Read, Minute: m, Err: oneLine(err)})
	}
	return nil
}

// maxReadFailures in a row are the archive's, and not of single minutes.
const maxReadFailures = 3

// ends reports whether an error is about all that follows.
func (re *reading) ends(err error) bool {
	return context.Cause(re.ctx) != nil || errors.Is(err, encode.ErrOther) || errors.Is(err, fs.ErrPermission)
}

// minute reads one, of which the archive's index promises so many Tweets.
func (re *reading) minute(m timeline.Minute, promised int64) error {
	re.sent, re.bad, re.why = 0, 0, nil
	re.slow.Reset(re.from.Timeout)
	err := re.from.Source.Read(re.ctx, re.label, m, func(id snowflake.ID, line []byte) error { return re.tweet(m, id, line) })
	if cause := context.Cause(re.ctx); err != nil && cause != nil {
		err = cause
	}
	re.flush()
	switch {
	case err != nil:
		return err
	case re.bad > 0:
		return fmt.Errorf("%d lines: %w: %w", re.bad, re.why, archive.ErrDamaged)
	case re.sent < promised:
		return fmt.Errorf("%d of %d Tweets came: %w", re.sent, promised, archive.ErrDamaged)
	}
	return nil
}

// tweet takes one line. One of another schema ends the reading: all of them will be.
func (re *reading) tweet(m timeline.Minute, id snowflake.ID, line []byte) error {
	if err := context.Cause(re.ctx); err != nil {
		return err
	}
	err := re.from.Schema.Check(line, id)
	if err == nil && timeline.MinuteOf(id.Milli()) != m {
		err = fmt.Errorf("id %d is not of this minute", id)
	}
	if errors.Is(err, encode.ErrOther) {
		return err
	}
	if err != nil {
		if re.bad++; re.why == nil {
			re.why = err
		}
		return nil
	}
	re.batch.Add(id, line)
	re.sent++
	if re.batch.Full() {
		re.flush()
	}
	return nil
}

func (re *reading) flush() {
	if len(re.batch.Frames) == 0 {
		return
	}
	full := re.batch
	re.batch = re.Batch()
	re.sendUnclocked(core.Event{Kind: core.Received, Batch: full})
}

// sendUnclocked sends an event. While the engine does not take it, the archive is not the slow side.
func (re *reading) sendUnclocked(ev core.Event) {
	re.slow.Stop()
	re.send(ev)
	re.slow.Reset(re.from.Timeout)
}

// ending names why a reading ended.
func (re *reading) ending(err error) core.End {
	end := core.End{Class: core.ReadThrough, Opened: re.opened, Detail: oneLine(err)}
	cause := context.Cause(re.ctx)
	switch {
	case err == nil:
	case errors.Is(cause, errSlow), errors.Is(err, context.DeadlineExceeded):
		end.Class = "timeout"
	case cause != nil:
		end.Class = "stop"
	case errors.Is(err, encode.ErrOther):
		end.Class = core.OtherSchema
	case errors.Is(err, fs.ErrPermission):
		end.Class = core.Denied
	default:
		end.Class = "unreachable"
	}
	return end
}

// oneLine is an error in one line; empty: there is none.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
