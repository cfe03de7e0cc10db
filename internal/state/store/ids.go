package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// idStore keeps the exact ids, in one append-only file per hour of their own time. No file stays open.
// append, prune and merge are for one goroutine, load for any.
type idStore struct {
	dir   string
	codec *codec

	mu    sync.Mutex // guards what follows; never held across I/O
	hours map[hour]*hourIndex
}

// hourIndex says where the ids of one hour are.
type hourIndex struct {
	beside     int   // the file that is written
	size       int64 // end of the last block in it that counts: the next one goes here
	blocks     map[timeline.Minute][]block
	generation int  // counts up before and after the file is replaced: odd in between
	damaged    bool // holds something that cannot be read or written; left as it is
}

func (x *hourIndex) add(b block) {
	x.blocks[b.minute] = append(x.blocks[b.minute], b)
	if b.beside > x.beside { // the one before cannot be used
		x.beside, x.size, x.damaged = b.beside, 0, true
	}
	if b.beside == x.beside {
		x.size = max(x.size, b.end())
	}
}

// openIDs indexes the id files. What is unreadable is left out and noted; an error is of the machine.
func openIDs(dir string) (s *idStore, notes []string, err error) {
	s = &idStore{dir: dir, codec: newCodec(), hours: make(map[hour]*hourIndex)}
	hours, err := hoursIn(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range hours {
		x := &hourIndex{blocks: make(map[timeline.Minute][]block)}
		s.hours[h] = x
		more, err := x.readFiles(newHourFiles(dir, h))
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, more...)
	}
	return s, notes, nil
}

func (x *hourIndex) readFiles(files *hourFiles) (notes []string, err error) {
	defer files.close()
	for n := range mostBeside + 1 {
		note, err := x.readFile(files, n)
		if err != nil {
			return nil, fmt.Errorf("id file %s: %w", files.hour.file(n), err)
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

// readFile indexes one file of the hour. One that is another user's ends the start: whoever gives it back saves the repeats of
// all its Tweets. What cannot be opened for another reason is written no more: what it holds is not known.
func (x *hourIndex) readFile(files *hourFiles, n int) (note string, err error) {
	h := files.hour
	blocks, size, skipped, err := files.list(n)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	for _, b := range blocks {
		if hourOf(b.minute) == h {
			x.add(b)
		}
	}
	switch {
	case err != nil && (!ofOneFile(err) || errors.Is(err, os.ErrPermission)):
		return "", err
	case err != nil && size == 0:
		x.beside, x.size, x.damaged = n+1, 0, true
		return fmt.Sprintf("id file %s cannot be read, and is left as it is: %v; Tweets of that hour may come twice", h.file(n), err), nil
	case err != nil:
		x.beside, x.size, x.damaged = n, size, true // blocks may follow
		return fmt.Sprintf("id file %s: %v", h.file(n), err), nil
	case skipped > 0:
		x.damaged = true
		return fmt.Sprintf("id file %s: %d bytes are unreadable; Tweets of that hour may come twice", h.file(n), skipped), nil
	}
	return "", nil
}

// ofOneFile reports whether an error is about one file, and the next one may be had: another user's, one that may not be
// changed, one on a bad sector. A lack of descriptors, memory or room is about all of them.
func ofOneFile(err error) bool {
	for _, of := range []error{os.ErrPermission, syscall.EIO, syscall.EISDIR, syscall.ELOOP, syscall.ENXIO, syscall.ESTALE, syscall.ETXTBSY} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// counts are how many ids are stored, by minute and partition.
func (s *idStore) counts() map[timeline.Minute]map[int]int {
	counts := make(map[timeline.Minute]map[int]int)
	for _, x := range s.hours {
		for m, blocks := range x.blocks {
			of := make(map[int]int, 2)
			for _, b := range blocks {
				of[b.partition] += b.count
			}
			counts[m] = of
		}
	}
	return counts
}

// pending is what was written of one hour and does not count yet.
type pending struct {
	hour   hour
	blocks []block
	bytes  []byte
}

// write appends the ids to their files and syncs them. They count only once accept is called: until then
// the next write goes over them.
func (s *idStore) write(sets []ledger.IDs) ([]*pending, error) {
	byHour := make(map[hour]*pending)
	for _, set := range sets {
		if len(set.IDs) == 0 {
			continue
		}
		h := hourOf(set.Minute)
		p := byHour[h]
		if p == nil {
			p = &pending{hour: h}
			byHour[h] = p
		}
		p.bytes = s.codec.append(p.bytes, set.Partition, set.Minute, set.IDs, func(offset int, head header) {
			p.blocks = append(p.blocks, block{header: head, offset: int64(offset)})
		})
	}
	written := slices.Collect(maps.Values(byHour))
	created := false
	for _, p := range written {
		fresh, err := s.writeHour(p)
		if err != nil {
			return nil, fmt.Errorf("append ids to %s: %w", p.hour.name(), err)
		}
		created = created || fresh
	}
	if created {
		return written, durable.Dir(filepath.Join(s.dir, idsDir))
	}
	return written, nil
}

// end is where the next ids of the hour go: which of its files, and where in it.
func (s *idStore) end(h hour) (beside int, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.hours[h]; x != nil {
		return x.beside, x.size
	}
	return 0, 0
}

// writeHour writes what is pending of one hour: to its file, or, where that one cannot be written, to one beside, so that
// one file does not hold up all other hours.
func (s *idStore) writeHour(p *pending) (created bool, err error) {
	n, at := s.end(p.hour)
	for ; n <= mostBeside; n, at = n+1, 0 {
		if err = writeIDs(p.hour.pathOf(s.dir, n), p.bytes, at); err == nil || !ofOneFile(err) {
			break
		}
	}
	if n > mostBeside && err == nil {
		err = fmt.Errorf("%d files of that hour cannot be used: %w", n, os.ErrPermission)
	}
	for i := range p.blocks {
		p.blocks[i].beside = n
		p.blocks[i].offset += at
	}
	return at == 0, err
}

func writeIDs(path string, b []byte, at int64) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() > at { // a torn tail, or what never counted
		if err := f.Truncate(at); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	crashpoint.Here("ids-written")
	return f.Sync()
}

// accept makes written ids count.
func (s *idStore) accept(written []*pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range written {
		x := s.hours[p.hour]
		if x == nil {
			x = &hourIndex{blocks: make(map[timeline.Minute][]block)}
			s.hours[p.hour] = x
		}
		for _, b := range p.blocks {
			x.add(b)
		}
	}
}

// load appends the ids of the minute to dst, sorted, each once.
func (s *idStore) load(m timeline.Minute, dst []snowflake.ID) ([]snowflake.ID, error) {
	start := len(dst)
	for {
		blocks, before := s.find(m)
		if before%2 == 1 {
			time.Sleep(time.Millisecond) // a rename is under way
			continue
		}
		var err error
		if len(blocks) > 0 {
			dst, err = s.read(hourOf(m), blocks, dst[:start])
		}
		if _, after := s.find(m); after == before {
			slices.Sort(dst[start:])
			return dst[:start+len(slices.Compact(dst[start:]))], err
		}
	}
}

func (s *idStore) find(m timeline.Minute) (blocks []block, generation int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.hours[hourOf(m)]
	if x == nil {
		return nil, -1
	}
	return slices.Clone(x.blocks[m]), x.generation
}

// read appends the ids of the blocks to dst; those that cannot be read are left out and make the error: ErrDamaged, or
// one of the machine, which may pass.
func (s *idStore) read(h hour, blocks []block, dst []snowflake.ID) ([]snowflake.ID, error) {
	files := newHourFiles(s.dir, h)
	defer files.close()
	lost := 0
	var why error
	for _, b := range blocks {
		var err error
		if dst, err = files.read(s.codec, b, dst); err == nil {
			continue
		}
		if !errors.Is(err, errBlock) && !ofOneFile(err) && !errors.Is(err, os.ErrNotExist) {
			return dst, fmt.Errorf("read ids: %w", err)
		}
		lost, why = lost+1, err
	}
	if lost > 0 {
		return dst, fmt.Errorf("%w: %d of %d blocks of ids in %s are unreadable: %w", ErrDamaged, lost, len(blocks), h.name(), why)
	}
	return dst, nil
}
