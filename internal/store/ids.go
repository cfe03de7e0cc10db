package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/durable"
	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
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
	size       int64 // end of the last block that counts: the next one goes here
	blocks     map[timeline.Minute][]block
	generation int  // counts up before and after the file is replaced: odd in between
	damaged    bool // holds a block that cannot be read; left as it is
}

func (x *hourIndex) add(b block) {
	x.blocks[b.minute] = append(x.blocks[b.minute], b)
	x.size = max(x.size, b.end())
}

// openIDs indexes the id files. What is unreadable is left out and noted.
func openIDs(dir string) (s *idStore, notes []string, err error) {
	s = &idStore{dir: dir, codec: newCodec(), hours: make(map[hour]*hourIndex)}
	hours, err := hoursIn(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range hours {
		x, note := readHour(dir, h)
		s.hours[h] = x
		if note != "" {
			notes = append(notes, note)
		}
	}
	return s, notes, nil
}

func readHour(dir string, h hour) (x *hourIndex, note string) {
	x = &hourIndex{blocks: make(map[timeline.Minute][]block)}
	blocks, size, skipped, err := readBlocks(h.path(dir))
	for _, b := range blocks {
		if hourOf(b.minute) == h {
			x.add(b)
		}
	}
	if err != nil {
		x.damaged, x.size = true, size // blocks may follow
		return x, fmt.Sprintf("id file %s: %v", h.name(), err)
	}
	if skipped > 0 {
		x.damaged = true
		return x, fmt.Sprintf("id file %s: %d bytes are unreadable; Tweets of that hour may come twice", h.name(), skipped)
	}
	return x, ""
}

func readBlocks(path string) (blocks []block, size, skipped int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	blocks, skipped, err = hop(f, info.Size())
	return blocks, info.Size(), skipped, err
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
		base := s.size(h)
		p.bytes = s.codec.append(p.bytes, set.Partition, set.Minute, set.IDs, func(offset int, head header) {
			p.blocks = append(p.blocks, block{header: head, offset: base + int64(offset)})
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

func (s *idStore) size(h hour) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.hours[h]; x != nil {
		return x.size
	}
	return 0
}

func (s *idStore) writeHour(p *pending) (created bool, err error) {
	at := s.size(p.hour)
	f, err := os.OpenFile(p.hour.path(s.dir), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil {
		return false, err
	} else if info.Size() > at { // a torn tail, or what never counted
		if err := f.Truncate(at); err != nil {
			return false, err
		}
	}
	if _, err := f.WriteAt(p.bytes, at); err != nil {
		return false, err
	}
	crashpoint.Here("ids-written")
	return at == 0, f.Sync()
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
			dst, err = s.read(hourOf(m).path(s.dir), blocks, dst[:start])
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

// read appends the ids of the blocks to dst; those that cannot be read are left out and make the error.
func (s *idStore) read(path string, blocks []block, dst []snowflake.ID) ([]snowflake.ID, error) {
	f, err := os.Open(path)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	lost := 0
	for _, b := range blocks {
		if dst, err = readBlock(s.codec, f, b, dst); err != nil {
			lost++
		}
	}
	if lost > 0 {
		return dst, fmt.Errorf("%w: %d of %d blocks of ids in %s are unreadable", ErrDamaged, lost, len(blocks), filepath.Base(path))
	}
	return dst, nil
}

func readBlock(c *codec, f *os.File, b block, dst []snowflake.ID) ([]snowflake.ID, error) {
	buf := make([]byte, headerLen+b.length)
	if _, err := f.ReadAt(buf, b.offset); err != nil {
		return dst, err
	}
	if h, ok := parseHeader(buf); !ok || h != b.header {
		return dst, errBlock
	}
	return c.unpack(b.header, buf[headerLen:], dst)
}
