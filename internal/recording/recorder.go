package recording

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
)

const (
	// maxBlock is how much is gathered before the disk gets it, and flushInterval how long that takes at most.
	maxBlock      = 64 << 10
	flushInterval = time.Second
	// maxWaiting bytes wait for the disk, in maxBlocks blocks: some minutes of a busy stream. A disk that takes no more for so
	// long is left alone.
	maxWaiting = 4 << 20
	maxBlocks  = 1024
	maxFree    = 4 // blocks wait for another use
	// files is how many share the limit, about: each begins anew, so the oldest can go.
	files = 8
)

// MaxMemory bounds what a Recorder keeps, in bytes: what waits for the disk, in blocks with room for twice as much, and blocks that are
// free or being made.
const MaxMemory = 2*maxWaiting + 2*maxFree*maxBlock

// MinLimit is the least that a ring of files needs.
const MinLimit = 1 << 20

// Config of a Recorder.
type Config struct {
	Directory string // made with mode 0700; one that others may look into is refused
	Limit     int64  // bytes of all recordings in it; MinLimit at least
	Program   string // the version of this program
	// Say tells the operator, on the goroutine of Stepped or of Run.
	Say func(level byte, text string)
}

// Status is how a recording stands.
type Status struct {
	Events     int64  `json:"events"`            // that were given to the disk
	Unrecorded int64  `json:"unrecorded"`        // since it was stopped
	Bytes      int64  `json:"bytes"`             // of the files
	Stopped    string `json:"stopped,omitempty"` // why; empty: it goes on
}

// Recorder writes what happens to one core. Begins and Stepped are those of engine.Listener.
type Recorder struct {
	cfg    Config
	core   core.Config
	enc    *encoder
	stands *standing
	block  block
	step   []byte // content of a frame
	file   int    // the number of the one being written
	size   int64  // of it
	flush  time.Time
	told   bool

	blocks chan block
	free   chan []byte
	ring   *ring
	lock   *dirlock.Lock

	stopped                   atomic.Pointer[string]
	waiting                   atomic.Int64 // bytes that Run has not written
	events, unrecorded, bytes atomic.Int64
}

// block is a piece of a file; first says that a new one begins with it.
type block struct {
	data   []byte
	first  bool
	file   int
	events int64
}

// New takes the directory. Run must be called then, and Close at the end.
func New(cfg Config) (*Recorder, error) {
	ring, err := openRing(cfg.Directory, cfg.Limit)
	if err != nil {
		return nil, err
	}
	r := &Recorder{cfg: cfg, enc: newEncoder(), blocks: make(chan block, maxBlocks), free: make(chan []byte, maxFree), ring: ring}
	if r.lock, err = dirlock.Take(cfg.Directory); err != nil {
		ring.close()
		return nil, fmt.Errorf("directory of recordings: %w", err)
	}
	return r, nil
}

// Begins hears what the core is given.
func (r *Recorder) Begins(c core.Config) { r.core, r.stands = c, newStanding(c) }

// Stepped records an event, and what the core made of it. It never waits.
func (r *Recorder) Stepped(now time.Time, ev core.Event, out *core.Ready) {
	if r.stopped.Load() != nil { // for good: what stands is wanted no more
		r.unrecorded.Add(1)
		r.tell()
		return
	}
	r.stands.stepped(&ev, out)
	if r.file == 0 {
		r.begin(now, &ev, r.first(now, ev.Wall))
	}
	r.step = r.enc.step(r.step[:0], now, &ev, out)
	before := len(r.block.data)
	r.block.data = appendFrame(r.block.data, frameStep, r.step)
	r.size += int64(len(r.block.data) - before)
	r.block.events++
	if len(r.block.data) >= maxBlock || !now.Before(r.flush) || ev.Kind == core.Final {
		r.hand(now)
	}
	if r.size >= r.cfg.Limit/files && ev.Kind != core.Final {
		r.hand(now)
		r.begin(now, &ev, r.stands.begin(r.core, now, ev.Wall))
	}
}

// first is the beginning of the first file: just what the core was given, unless that is too much.
func (r *Recorder) first(now time.Time, wall int64) *Begin {
	b := &Begin{Exact: true, Now: now.UnixNano(), Wall: wall, Config: plain(r.core)}
	if past := b.Config.Past; past != nil && past.Spooled != nil && len(past.Spooled.Waiting) > 1<<16 {
		return newStanding(r.core).begin(r.core, now, wall) // what waits in the spool is many files long
	}
	return b
}

func (r *Recorder) begin(now time.Time, ev *core.Event, b *Begin) {
	r.file++
	b.File, b.Program = r.file, r.cfg.Program
	data := b.encode()
	if most := min(maxFrame, r.cfg.Limit/2); int64(len(data)) > most && b.Exact {
		b = newStanding(r.core).begin(r.core, now, ev.Wall)
		b.File, b.Program = r.file, r.cfg.Program
		data = b.encode()
	}
	r.enc.begin(now, ev.Wall)
	r.size = int64(len(data))
	r.block = block{data: data, first: true, file: r.file}
	r.flush = now.Add(flushInterval)
}

// hand gives the block to Run. Where too many wait already, nothing more is recorded.
func (r *Recorder) hand(now time.Time) {
	r.flush = now.Add(flushInterval)
	if len(r.block.data) == 0 {
		return
	}
	if size := int64(len(r.block.data)); r.waiting.Add(size) > maxWaiting+size || !r.send() {
		r.unrecorded.Add(r.block.events)
		r.stop("the disk takes less than comes")
		r.tell()
	}
	r.block = block{}
	select {
	case data := <-r.free:
		r.block.data = data[:0]
	default:
	}
}

func (r *Recorder) send() bool {
	select {
	case r.blocks <- r.block:
		return true
	default:
		return false
	}
}

// stop ends the recording for this process: what follows a hole could not be decided again.
func (r *Recorder) stop(why string) { r.stopped.CompareAndSwap(nil, &why) }

func (r *Recorder) tell() {
	if !r.told {
		r.told = true
		r.cfg.Say('W', "debug: events are not recorded any more: "+*r.stopped.Load()+"; the stream goes on")
	}
}

// Run writes until Close. It has a goroutine of its own, and waits for the disk.
func (r *Recorder) Run() {
	defer r.ring.close()
	for b := range r.blocks {
		r.waiting.Add(-int64(len(b.data)))
		if r.stopped.Load() != nil {
			r.unrecorded.Add(b.events)
			continue
		}
		if err := r.ring.write(b); err != nil {
			r.unrecorded.Add(b.events)
			r.stop(err.Error())
			continue
		}
		r.events.Add(b.events)
		r.bytes.Store(r.ring.total)
		select {
		case r.free <- b.data:
		default:
		}
	}
}

// Close has the rest written, and Run end. Nothing may be stepped any more. It does not wait for the disk.
func (r *Recorder) Close() {
	if r.block.events > 0 {
		r.hand(time.Time{})
	}
	if r.stopped.Load() != nil {
		r.tell()
	}
	close(r.blocks)
}

// Release lets another process have the directory, after Run.
func (r *Recorder) Release() error { return r.lock.Release() }

// Status may be asked for from any goroutine.
func (r *Recorder) Status() Status {
	s := Status{Events: r.events.Load(), Unrecorded: r.unrecorded.Load(), Bytes: r.bytes.Load()}
	if why := r.stopped.Load(); why != nil {
		s.Stopped = *why
	}
	return s
}

// modes of what is made.
const (
	dirMode  os.FileMode = 0o700
	fileMode os.FileMode = 0o600
)
