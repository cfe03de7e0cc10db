package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
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

// errMoved says that files were renamed, cut or replaced while they were looked at: what is not found may be there.
var errMoved = errors.New("files are being rotated: it cannot be told what they hold")

// tries is how often the files are gathered anew because they moved meanwhile.
const tries = 5

// openFile is a file of one moment. Whoever renames it afterwards takes nothing away.
type openFile struct {
	path string
	*os.File
	size int64
}

// gather opens all files of one moment that may hold Tweets of minute from or later: those that had the names before and
// behind the opening.
func (s *fileStore) gather(from timeline.Minute) ([]openFile, error) {
	for range tries {
		before, err := s.names(from)
		var files []openFile
		if err == nil {
			files, err = openAll(before)
		}
		if err == nil {
			var after []named
			if after, err = s.names(from); err == nil && same(before, after) {
				return files, nil
			}
		}
		closeAll(files)
		if err != nil && !errors.Is(err, errMoved) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errMoved
}

// named is a file as it was found.
type named struct {
	path string
	info os.FileInfo
}

// names are the files that the patterns match, each once, but for those that were last written long before.
func (s *fileStore) names(from timeline.Minute) (all []named, err error) {
	found := 0
	for _, pattern := range s.cfg.Files {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("file pattern %q: %w", pattern, err)
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, errMoved
			}
			if err != nil {
				return nil, err
			}
			found++
			old := info.ModTime().Before(time.UnixMilli(from.Milli()).Add(-slack)) // nothing of that time can be in it
			if !info.IsDir() && !old {
				all = append(all, named{path, info})
			}
		}
	}
	if found == 0 {
		return nil, fmt.Errorf("no file is there of %q", s.cfg.Files)
	}
	return all, nil
}

// same reports whether the same files have the same names.
func same(a, b []named) bool {
	return slices.EqualFunc(a, b, func(x, y named) bool { return x.path == y.path && os.SameFile(x.info, y.info) })
}

func openAll(names []named) (files []openFile, err error) {
	for _, n := range names {
		f, err := os.Open(n.path)
		if err != nil {
			return files, err
		}
		files = append(files, openFile{path: n.path, File: f})
		info, err := f.Stat()
		if err != nil {
			return files, err
		}
		if !os.SameFile(info, n.info) {
			return files, errMoved
		}
		files[len(files)-1].size = info.Size()
	}
	return files, nil
}

func closeAll(files []openFile) {
	for _, f := range files {
		_ = f.Close()
	}
}

// shrunk reports whether the file is shorter than it was: what was in it went elsewhere, as copytruncate does.
func (f *openFile) shrunk() bool {
	info, err := f.Stat()
	return err != nil || info.Size() < f.size
}

// read takes the ids of the minutes from all files.
func (s *fileStore) read(ctx context.Context, from, to timeline.Minute) error {
	s.from, s.to, s.ids = 0, 0, make(map[timeline.Minute][]snowflake.ID)
	files, err := s.gather(from)
	if err != nil {
		return err
	}
	defer closeAll(files)
	for i := range files {
		if err := s.readFile(ctx, &files[i], from, to); err != nil {
			return fmt.Errorf("read %s: %w", files[i].path, err)
		}
	}
	for m, ids := range s.ids {
		slices.Sort(ids)
		s.ids[m] = slices.Compact(ids)
	}
	s.from, s.to = from, to
	return nil
}

func (s *fileStore) readFile(ctx context.Context, f *openFile, from, to timeline.Minute) error {
	lines := lineproto.NewReader(untilDone{ctx, f})
	for {
		line, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF) && f.shrunk():
			return errMoved
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := s.take(landedOf(line), from, to); err != nil {
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
func (s *fileStore) take(p landed, from, to timeline.Minute) error {
	if p.name != s.cfg.Table || p.label != s.cfg.StreamLabel || !p.hasID && !p.hasTime {
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
