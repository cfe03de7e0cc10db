package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// fileStore is files of line protocol. They are read from begin to end for each question about another time.
type fileStore struct {
	cfg      *Config
	from, to timeline.Minute // what ids holds
	ids      map[timeline.Minute][]snowflake.ID
	rounds   rounding
}

func openFiles(c *Config) (*fileStore, error) {
	for _, pattern := range c.Files {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("file pattern %q: %w", pattern, err)
		}
	}
	return &fileStore{cfg: c}, nil
}

func (s *fileStore) Rounds() time.Duration { return 0 } // a file overwrites nothing

func (s *fileStore) Close() error { return nil }

func (s *fileStore) Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	if err := s.read(ctx, from, to); err != nil {
		return nil, err
	}
	counts := make(map[timeline.Minute]int64, len(s.ids))
	for m, ids := range s.ids {
		counts[m] = int64(len(ids))
	}
	return counts, nil
}

func (s *fileStore) IDs(ctx context.Context, m timeline.Minute) ([]snowflake.ID, error) {
	if m < s.from || m >= s.to {
		if err := s.read(ctx, m, m+1); err != nil {
			return nil, err
		}
	}
	return s.ids[m], nil
}

// slack is how much later than its own time says a file may have been written.
const slack = time.Hour

// read takes the ids of the minutes from all files.
func (s *fileStore) read(ctx context.Context, from, to timeline.Minute) error {
	s.from, s.to, s.ids = 0, 0, make(map[timeline.Minute][]snowflake.ID)
	found := 0
	for _, pattern := range s.cfg.Files {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("file pattern %q: %w", pattern, err)
		}
		for _, path := range paths {
			found++
			if err := s.readFile(ctx, path, from, to); err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("no file is there of %q", s.cfg.Files)
	}
	for m, ids := range s.ids {
		slices.Sort(ids)
		s.ids[m] = slices.Compact(ids)
	}
	s.from, s.to = from, to
	return nil
}

func (s *fileStore) readFile(ctx context.Context, path string, from, to timeline.Minute) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	if info.ModTime().Before(time.UnixMilli(from.Milli()).Add(-slack)) {
		return nil // nothing of that time can be in it
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l := &lines{in: untilDone{ctx, f}}
	for {
		p, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.take(&p, from, to); err != nil {
			return err
		}
	}
}

// untilDone stops reading when ctx is done.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// take keeps a Tweet that is asked for. Without the field id its time stands for it, unless times are rounded.
func (s *fileStore) take(p *landed, from, to timeline.Minute) error {
	if string(p.name) != s.cfg.Table || string(p.label) != s.cfg.StreamLabel || !p.hasID && !p.hasTime {
		return nil
	}
	if !p.hasID {
		s.rounds.look([]int64{p.ns})
		if s.rounds.seen() > 0 {
			return fmt.Errorf("%w: Tweets have no field id, and their times are rounded to %v", ErrNoIDs, s.rounds.seen())
		}
		p.id = snowflake.FromNano(p.ns)
	}
	if m := timeline.MinuteOf(p.id.Milli()); from <= m && m < to {
		s.ids[m] = append(s.ids[m], p.id)
	}
	return nil
}
