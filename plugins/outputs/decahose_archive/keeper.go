package decahose_archive

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/archive"
)

const (
	// sealEvery is how often it is looked whether a segment is due, and something waits for the bucket.
	sealEvery = time.Second
	// retainEvery is how often the whole archive is listed to see what may go.
	retainEvery = 10 * time.Minute
	// lastUpload bounds what a stop waits for the bucket.
	lastUpload = 1500 * time.Millisecond
	// uploadBackoff is the longest wait between two attempts to reach a bucket.
	uploadBackoff = time.Minute
)

// keep is the goroutine that owns the writer from Connect to Close.
func (a *Archive) keep(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		select {
		case r := <-a.requests:
			r.done <- a.writer.Write(r.batch, time.Now())
		case now := <-tick.C:
			if err := a.writer.Seal(now); err != nil {
				a.trouble.tell(a.Log.Errorf, "Segments stay open: %v", err)
			}
			a.stats.show(a.writer.Stats())
		case <-ctx.Done():
			return
		}
	}
}

// tidy is the goroutine that uploads, and removes what retention lets go.
func (a *Archive) tidy(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	var upload, retain time.Time // not before
	wait := sealEvery
	for {
		now := time.Now()
		if !now.Before(upload) {
			if err := a.writer.Upload(ctx); err == nil {
				wait = sealEvery
			} else if ctx.Err() == nil {
				wait = min(2*wait, uploadBackoff)
				a.stats.uploadErrors.Add(1)
				a.trouble.tell(a.Log.Errorf, "%d bytes wait for the bucket: %v", a.writer.Stats().Waiting, err)
			}
			upload = now.Add(wait)
		}
		if !now.Before(retain) {
			a.retain(ctx, now)
			retain = now.Add(retainEvery)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *Archive) retain(ctx context.Context, now time.Time) {
	r := archive.Retention{Age: time.Duration(a.RetentionAge), Size: int64(a.RetentionSize)}
	n, err := a.writer.Retain(ctx, r, now)
	a.stats.removed.Add(int64(n))
	if err != nil && ctx.Err() == nil {
		a.trouble.tell(a.Log.Errorf, "Old segments stay: %v", err)
	}
}

// trouble says each kind of it once a minute. It is safe for use by several goroutines.
type trouble struct {
	mu   sync.Mutex
	told map[string]time.Time // by format
}

func (t *trouble) tell(log func(string, ...any), format string, args ...any) {
	if t.due(format, time.Now()) {
		log("%s", fmt.Sprintf(format, args...))
	}
}

func (t *trouble) due(format string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.told[format]; ok && now.Sub(last) < time.Minute {
		return false
	}
	if t.told == nil {
		t.told = make(map[string]time.Time)
	}
	t.told[format] = now
	return true
}
