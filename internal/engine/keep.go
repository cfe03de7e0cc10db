package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// waitMost is how many events may wait for ids to be loaded before no more records are taken.
const waitMost = 64

// keep is the engine's dealing with the store. The engine's goroutine owns it; two goroutines, which may block on the
// disk, hear of work through the channels and answer through back.
type keep struct {
	commits chan *ledger.Commit
	loads   chan timeline.Minute
	back    chan core.Event // Committed, Loaded, Ordered

	wanted []timeline.Minute // to be loaded
	busy   int               // commits and loads that are not back
	// committing is when the commit was given away that is not back; zero: none is.
	committing time.Time
	waiting    map[int][]message
	waits      int // events in waiting
}

func (k *keep) crowded() bool { return k.waits >= waitMost }

// idle reports whether nothing is under way.
func (k *keep) idle() bool { return k.busy == 0 && k.waits == 0 && len(k.wanted) == 0 }

// wait puts an event aside until ids were loaded.
func (k *keep) wait(m message) {
	k.waiting[m.Conn] = append(k.waiting[m.Conn], m)
	k.waits++
}

// drop takes out what waits of a connection.
func (k *keep) drop(conn int) []message {
	waited := k.waiting[conn]
	delete(k.waiting, conn)
	k.waits -= len(waited)
	return waited
}

func (k *keep) end() {
	close(k.commits)
	close(k.loads)
}

// startKeeping starts the two goroutines that touch the disk.
func (r *run) startKeeping() {
	r.keep = keep{commits: make(chan *ledger.Commit, 1), loads: make(chan timeline.Minute, 1), back: make(chan core.Event),
		waiting: map[int][]message{}}
	if r.cfg.Store == nil {
		return
	}
	r.wg.Go(r.committing)
	r.wg.Go(r.loading)
}

// store gives away what the core wants durable or loaded.
func (r *run) store() {
	k := &r.keep
	k.wanted = append(k.wanted, r.ready.Load...)
	if r.ready.Commit != nil {
		k.busy++
		k.committing = time.Now()
		k.commits <- r.ready.Commit // has room: the core gives the next one only when this one is back
	}
	r.loadNext()
}

// loadNext gives the loader one more minute, if it has none.
func (r *run) loadNext() {
	k := &r.keep
	if len(k.wanted) == 0 {
		return
	}
	select {
	case k.loads <- k.wanted[0]:
		k.wanted = k.wanted[1:]
		k.busy++
	default:
	}
}

// kept folds what came from the disk, and lets those go on that waited for it.
func (r *run) kept(ev core.Event) {
	if ev.Kind != core.Ordered {
		r.keep.busy--
	}
	if ev.Kind == core.Committed {
		r.keep.committing = time.Time{}
	}
	r.step(ev)
	if ev.Kind != core.Loaded {
		return
	}
	r.loadNext()
	r.goOnAll()
}

func (r *run) goOnAll() {
	for conn := range r.keep.waiting {
		r.goOn(conn)
	}
}

// goOn takes the events of a connection that waited, up to the next that has to.
func (r *run) goOn(conn int) {
	k := &r.keep
	for len(k.waiting[conn]) > 0 {
		m := k.waiting[conn][0]
		k.waiting[conn] = k.waiting[conn][1:]
		k.waits--
		if !r.carryOut(m) {
			k.waiting[conn] = slices.Insert(k.waiting[conn], 0, m)
			k.waits++
			return
		}
	}
	if len(k.waiting[conn]) == 0 {
		delete(k.waiting, conn)
	}
}

// committing is the goroutine that writes state, and looks for orders.
func (r *run) committing() {
	tick := time.NewTicker(r.cfg.OrdersEvery)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case c, ok := <-r.keep.commits:
			if !ok {
				return
			}
			err := r.cfg.Store.Commit(c)
			r.answer(core.Event{Kind: core.Committed, Err: text(err), Bytes: r.cfg.Store.Bytes()})
		case <-tick.C:
			if fresh := r.orders(&last); len(fresh) > 0 {
				r.answer(core.Event{Kind: core.Ordered, Orders: fresh})
			}
		}
	}
}

// orders are those that came since the last look. A store that cannot be read has none: its commits say so.
func (r *run) orders(last *int64) (fresh []ledger.Order) {
	all, _ := r.cfg.Store.Orders()
	for _, o := range all {
		if o.ID > *last {
			fresh = append(fresh, o)
		}
	}
	for _, o := range fresh {
		*last = max(*last, o.ID)
	}
	return fresh
}

// loading is the goroutine that reads ids.
func (r *run) loading() {
	for m := range r.keep.loads {
		ids, err := r.load(m)
		r.answer(core.Event{Kind: core.Loaded, Minute: m, IDs: ids, Err: text(err)})
	}
}

const (
	// loadTries and loadPause are for a lack of descriptors or memory: the ids are there, and each that is not read is a
	// Tweet that may be emitted again.
	loadTries = 10
	loadPause = time.Second
)

// load tries again what may pass.
func (r *run) load(m timeline.Minute) (ids []snowflake.ID, err error) {
	for range loadTries {
		ids, err = r.cfg.Store.Load(m, nil)
		if err == nil || errors.Is(err, store.ErrDamaged) {
			break
		}
		select {
		case <-time.After(loadPause):
		case <-r.gone:
			return ids, err
		}
	}
	return ids, err
}

func (r *run) answer(ev core.Event) {
	select {
	case r.keep.back <- ev:
	case <-r.gone:
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
