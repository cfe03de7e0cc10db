package world

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// PlayConfig of a Play.
type PlayConfig struct {
	Path       string // a file of records, one a line, or a directory of *.json, *.jsonl and *.txt files
	Seed       uint64
	Rate       float64 // as in Config
	Partitions int     // as in Config
}

// Play is a Source of recorded Tweets, native or Activity Streams, stamped anew: each gets a new id
// and the time of that id, and is otherwise as recorded. Which record an id gets is a function of
// seed and id. Safe for concurrent use.
type Play struct {
	arrivals
	templates []template
}

// template is a record cut where the stamps go.
type template struct {
	parts  [][]byte
	stamps []stamp // between parts
}

// stamp writes one value of a new id.
type stamp func(b []byte, id snowflake.ID) []byte

// playMaxFile bounds what is read of one file, in bytes.
const playMaxFile = 1 << 30

// NewPlay reads the records. What is not a Tweet (notices, deletes, invalid JSON) is passed over; no
// Tweet at all is an error.
func NewPlay(cfg PlayConfig) (*Play, error) {
	p := &Play{arrivals: arrivals{seed: cfg.Seed, rate: max(0, cmp.Or(cfg.Rate, 400)), partitions: cmp.Or(cfg.Partitions, 2)}}
	files, err := recordFiles(cfg.Path)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := p.load(f); err != nil {
			return nil, err
		}
	}
	if len(p.templates) == 0 {
		return nil, fmt.Errorf("read records of %s: no Tweet in %d files", cfg.Path, len(files))
	}
	return p, nil
}

func recordFiles(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var files []string
	for _, e := range entries {
		if slices.Contains([]string{".json", ".jsonl", ".txt"}, filepath.Ext(e.Name())) && !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, nil
}

// load takes a file as one record a line or, failing that, as JSON values one after the other.
func (p *Play) load(file string) error {
	if st, err := os.Stat(file); err != nil || st.Size() > playMaxFile {
		return fmt.Errorf("read records of %s: larger than %d bytes or gone", file, playMaxFile)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var record json.RawMessage
		if d.Decode(&record) != nil {
			return nil //nolint:nilerr // the end, or what is no JSON: the records stop here
		}
		var line bytes.Buffer
		if json.Compact(&line, record) != nil {
			continue
		}
		if t, ok := newTemplate(line.Bytes()); ok {
			p.templates = append(p.templates, t)
		}
	}
}

// newTemplate cuts a record; ok says that it is a Tweet.
func newTemplate(record []byte) (t template, ok bool) {
	d := json.NewDecoder(bytes.NewReader(record))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return t, false
	}
	cut := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return t, false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return t, false
		}
		write := stampOf(key, value)
		if write == nil {
			continue
		}
		end := int(d.InputOffset())
		t.parts = append(t.parts, record[cut:end-len(value)])
		t.stamps = append(t.stamps, write)
		cut, ok = end, ok || key == "id"
	}
	t.parts = append(t.parts, record[cut:])
	return t, ok
}

const activityID = "tag:search.twitter.com,2005:"

// stampOf is how the value of a top-level key is renewed; nil: it stays.
func stampOf(key json.Token, value []byte) stamp {
	quoted := len(value) > 0 && value[0] == '"'
	switch {
	case key == "id" && strings.HasPrefix(string(value), `"`+activityID):
		return func(b []byte, id snowflake.ID) []byte {
			return append(appendInt(append(b, `"`+activityID...), int64(id)), '"')
		}
	case key == "id" && !quoted && len(value) > 8:
		return func(b []byte, id snowflake.ID) []byte { return appendInt(b, int64(id)) }
	case key == "id_str":
		return func(b []byte, id snowflake.ID) []byte { return append(appendInt(append(b, '"'), int64(id)), '"') }
	case key == "timestamp_ms":
		return func(b []byte, id snowflake.ID) []byte { return append(appendInt(append(b, '"'), id.Milli()), '"') }
	case key == "created_at":
		return func(b []byte, id snowflake.ID) []byte { return appendTime(b, id.Milli()) }
	case key == "postedTime":
		return func(b []byte, id snowflake.ID) []byte { return id.Time().AppendFormat(append(b, '"'), postedTime) }
	}
	return nil
}

const postedTime = `2006-01-02T15:04:05.000Z"`

// Records is how many recorded Tweets are played.
func (p *Play) Records() int { return len(p.templates) }

// Partitions implements Source.
func (p *Play) Partitions() int { return p.partitions }

// Milli implements Source.
func (p *Play) Milli(dst []Tweet, ms int64, factor float64) []Tweet {
	return p.milli(dst, p, ms, factor)
}

// Span implements Source.
func (p *Play) Span(dst []Tweet, from, to int64, factor float64) []Tweet {
	return p.span(dst, p, from, to, factor)
}

// AppendRecord implements Source.
func (p *Play) AppendRecord(dst []byte, id snowflake.ID) []byte {
	r := rng.New(p.seed, rng.SaltPlay, uint64(id))
	t := &p.templates[r.N(len(p.templates))]
	for i, write := range t.stamps {
		dst = write(append(dst, t.parts[i]...), id)
	}
	return append(dst, t.parts[len(t.stamps)]...)
}
