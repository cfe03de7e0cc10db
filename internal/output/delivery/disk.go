package delivery

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// spooler is what the delivery needs of a spool. Tests have one in memory.
type spooler interface {
	Append(e *spool.Entry) (int64, error)
	Read(id int64) (*spool.Entry, error)
	Remove(ids ...int64) error
	Refuse(t ledger.Sent, line []byte, why string) error
	Replace(id int64, parts ...*spool.Entry) ([]int64, error)
	Bytes() int64
}

// task is what a job is about.
type task uint8

const (
	store  task = iota // append a part
	read               // an entry
	remove             // entries
	cut                // put parts in an entry's place
	refuse             // one Tweet
)

// job is one use of the spool. It carries all that it needs, since the scheduler goes on meanwhile.
type job struct {
	task  task
	at    time.Time // not before; zero: at once
	p     *part
	entry int64          // to be read or cut
	parts []*part        // of cut
	forms []*spool.Entry // what is to be written; what was read
	gone  []removal      // to be removed
	sent  ledger.Sent    // to be put in quarantine, with line and why
	line  []byte
	why   string

	ids   []int64 // of forms
	bytes int64   // in the spool
	err   error
}

// do may block on the disk.
func (j *job) do(s spooler) {
	switch j.task {
	case store:
		j.ids = make([]int64, 1)
		j.ids[0], j.err = s.Append(j.forms[0])
	case read:
		j.forms = make([]*spool.Entry, 1)
		j.forms[0], j.err = s.Read(j.entry)
		if j.err == nil && len(j.forms[0].Tweets) != j.p.n {
			j.err = fmt.Errorf("read entry %d: %d Tweets, not %d", j.entry, len(j.forms[0].Tweets), j.p.n)
		}
	case remove:
		ids := make([]int64, len(j.gone))
		for i := range j.gone {
			ids[i] = j.gone[i].entry
		}
		j.err = s.Remove(ids...)
	case cut:
		j.ids, j.err = s.Replace(j.entry, j.forms...)
	case refuse:
		j.err = s.Refuse(j.sent, j.line, j.why)
	}
	j.bytes = s.Bytes()
}

// removal is an entry that need not be kept.
type removal struct {
	entry int64
	n     int       // Tweets
	at    time.Time // when it was written out
}

// maxRemove is how many entries one job removes.
const maxRemove = 256

// disk is what the scheduler knows of the spool, and wants of it. One job is in flight at a time.
type disk struct {
	jobs     []*job
	busy     bool
	spooled  int64 // Tweets
	bytes    int64
	gone     []removal // to be removed
	removing bool      // a job for it is there
	settling settling
}

// idle reports whether nothing is to be done.
func (k *disk) idle() bool { return !k.busy && len(k.jobs) == 0 && len(k.gone) == 0 }

// drop takes back the jobs that a stop overtakes, and returns their parts.
func (k *disk) drop() (all []*part) {
	k.jobs = slices.DeleteFunc(k.jobs, func(j *job) bool {
		if j.task == store || j.task == refuse {
			all = append(all, j.p)
		}
		return j.task != remove
	})
	return all
}

func (k *disk) wake(sooner func(time.Time)) {
	for _, j := range k.jobs {
		sooner(j.at)
	}
}

func (s *scheduler) push(j *job) { s.disk.jobs = append(s.disk.jobs, j) }

func (s *scheduler) store(p *part) { s.push(&job{task: store, p: p, forms: forms([]*part{p})}) }

func forms(parts []*part) []*spool.Entry {
	all := make([]*spool.Entry, len(parts))
	for i, p := range parts {
		all[i] = p.toEntry()
	}
	return all
}

// job returns the next thing to do with the spool, nil if there is none now.
func (s *scheduler) job(now time.Time) *job {
	k := &s.disk
	if k.busy {
		return nil
	}
	// what was accepted while it waited to be stored needs no storing
	k.jobs = slices.DeleteFunc(k.jobs, func(j *job) bool { return j.task == store && j.p.done })
	i := slices.IndexFunc(k.jobs, func(j *job) bool { return !now.Before(j.at) })
	if i < 0 {
		return nil
	}
	j := k.jobs[i]
	k.jobs = slices.Delete(k.jobs, i, i+1)
	k.busy = true
	return j
}

// forget has entries removed that were delivered, and have settled.
func (s *scheduler) forget(now time.Time) {
	k := &s.disk
	k.gone = append(k.gone, k.settling.settled(now, s.cfg)...)
	if len(k.gone) == 0 || k.removing {
		return
	}
	n := min(len(k.gone), maxRemove)
	s.push(&job{task: remove, gone: slices.Clone(k.gone[:n])})
	k.gone = slices.Delete(k.gone, 0, n)
	k.removing = true
}

// jobDone takes the result of a job, which may have failed.
func (s *scheduler) jobDone(now time.Time, j *job) {
	s.disk.busy = false
	s.disk.bytes = j.bytes
	if j.err != nil {
		s.failed(now, j)
		return
	}
	switch j.task {
	case store:
		s.log.spool.end()
		s.wasStored(now, j.p, j.ids[0])
	case read:
		s.reading--
		j.p.b = &Batch{Lines: j.forms[0].Lines, Tweets: j.forms[0].Tweets}
		s.ready([]*part{j.p})
	case remove:
		s.disk.removing = false
		for _, r := range j.gone {
			s.disk.spooled -= int64(r.n)
		}
	case cut:
		for i, p := range j.parts {
			p.entry = j.ids[i]
		}
		s.ready(j.parts)
	case refuse:
		s.quarantined(now, j.p, j.why)
	}
}

func (s *scheduler) wasStored(now time.Time, p *part, id int64) {
	p.entry = id
	s.disk.spooled += int64(p.n)
	switch {
	case s.offer != nil && s.offer.p == p:
		s.register(p.group)
		s.markSafe(p)
		s.recycle(p.b)
		p.b = nil
		s.stored = insert(s.stored, p)
		s.answerOffer(nil)
	case p.done: // delivered meanwhile, at a stop
		s.disk.gone = append(s.disk.gone, removal{entry: id, n: p.n})
	default:
		s.markSafe(p)
		if !s.stopping {
			s.wait(now, p)
		}
	}
}

// failed takes a job that the disk did not do, and retries it later. At a stop nothing is retried: what is lost then is
// fetched again.
func (s *scheduler) failed(now time.Time, j *job) {
	if j.task == store {
		s.notStored(now, j)
		return
	}
	s.log.disk.begin(j.err.Error())
	switch {
	case j.task == read:
		s.reading--
		j.p.tries++
		s.wait(now, j.p)
	case !s.stopping:
		j.at = now.Add(diskRetryDelay)
		s.push(j)
	case j.task == remove: // these are sent again after the next start
		s.disk.removing = false
	case j.task == refuse && j.p.entry == 0:
		s.store(j.p)
	}
}

func (s *scheduler) notStored(now time.Time, j *job) {
	s.log.spool.begin(j.err.Error())
	o := s.offer
	switch {
	case o == nil || o.p != j.p:
		if !s.stopping {
			s.wait(now, j.p)
		}
	case o.withdrawn || s.stopping:
		s.answerOffer(j.err)
	default:
		o.storing, o.failed, o.until = false, true, now.Add(diskRetryDelay)
	}
}
