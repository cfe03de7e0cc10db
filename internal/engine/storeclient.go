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

// maxWaiting is how many events may wait for ids to be loaded before no more records are taken.
const maxWaiting = 64

// storeClient is the engine's dealing with the store. The engine's goroutine owns it; two goroutines, which may block on the
// disk, hear of work through the channels and answer through back.
type storeClient struct {
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

func (c *storeClient) crowded() bool { return c.waits >= maxWaiting }

// idle reports whether nothing is under way.
func (c *storeClient) idle() bool { return c.busy == 0 && c.waits == 0 && len(c.wanted) == 0 }

// wait puts an event aside until ids were loaded.
func (c *storeClient) wait(m message) {
	c.waiting[m.Conn] = append(c.waiting[m.Conn], m)
	c.waits++
}

// drop takes out what waits of a connection.
func (c *storeClient) drop(conn int) []message {
	waited := c.waiting[conn]
	delete(c.waiting, conn)
	c.waits -= len(waited)
	return waited
}

func (c *storeClient) end() {
	close(c.commits)
	close(c.loads)
}

// openStore starts the two goroutines that touch the disk.
func (r *run) openStore() {
	r.store = storeClient{commits: make(chan *ledger.Commit, 1), loads: make(chan timeline.Minute, 1), back: make(chan core.Event),
		waiting: map[int][]message{}}
	if r.cfg.Store == nil {
		return
	}
	r.wg.Go(r.committing)
	r.wg.Go(r.loading)
}

// requestStore gives away what the core wants durable or loaded.
func (r *run) requestStore() {
	c := &r.store
	c.wanted = append(c.wanted, r.ready.Load...)
	if r.ready.Commit != nil {
		c.busy++
		c.committing = time.Now()
		c.commits <- r.ready.Commit // has room: the core gives the next one only when this one is back
	}
	r.loadNext()
}

// loadNext gives the loader one more minute, if it has none.
func (r *run) loadNext() {
	c := &r.store
	if len(c.wanted) == 0 {
		return
	}
	select {
	case c.loads <- c.wanted[0]:
		c.wanted = c.wanted[1:]
		c.busy++
	default:
	}
}

// storeAnswered folds what came from the disk, and lets those go on that waited for it.
func (r *run) storeAnswered(ev core.Event) {
	if ev.Kind != core.Ordered {
		r.store.busy--
	}
	if ev.Kind == core.Committed {
		r.store.committing = time.Time{}
	}
	r.step(ev)
	if ev.Kind != core.Loaded {
		return
	}
	r.loadNext()
	r.goOnAll()
}

func (r *run) goOnAll() {
	for conn := range r.store.waiting {
		r.goOn(conn)
	}
}

// goOn takes the events of a connection that waited, up to the next that has to.
func (r *run) goOn(conn int) {
	c := &r.store
	for len(c.waiting[conn]) > 0 {
		m := c.waiting[conn][0]
		c.waiting[conn] = c.waiting[conn][1:]
		c.waits--
		if !r.carryOut(m) {
			c.waiting[conn] = slices.Insert(c.waiting[conn], 0, m)
			c.waits++
			return
		}
	}
	if len(c.waiting[conn]) == 0 {
		delete(c.waiting, conn)
	}
}

// committing is the goroutine that writes state, and looks for orders.
func (r *run) committing() {
	tick := time.NewTicker(r.cfg.OrdersInterval)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case c, ok := <-r.store.commits:
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
	for m := range r.store.loads {
		ids, err := r.load(m)
		r.answer(core.Event{Kind: core.Loaded, Minute: m, IDs: ids, Err: text(err)})
	}
}

const (
	// maxLoadTries and loadRetryDelay are for a lack of descriptors or memory: the ids are there, and each that is not read is a
	// Tweet that may be emitted again.
	maxLoadTries   = 10
	loadRetryDelay = time.Second
)

// load tries again what may pass.
func (r *run) load(m timeline.Minute) (ids []snowflake.ID, err error) {
	for range maxLoadTries {
		ids, err = r.cfg.Store.Load(m, nil)
		if err == nil || errors.Is(err, store.ErrDamaged) {
			break
		}
		select {
		case <-time.After(loadRetryDelay):
		case <-r.gone:
			return ids, err
		}
	}
	return ids, err
}

func (r *run) answer(ev core.Event) {
	select {
	case r.store.back <- ev:
	case <-r.gone:
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
