//go:build unix

package env

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
)

// Metric is one metric as Telegraf wrote it to a file.
type Metric struct {
	Name   string
	Time   time.Time
	Tags   map[string]string
	Fields map[string]any
}

// ID is the field id of a Tweet; 0 if there is none.
func (m Metric) ID() int64 {
	id, _ := m.Fields["id"].(int64)
	return id
}

// Int is an integer field; 0 if there is none.
func (m Metric) Int(field string) int64 {
	n, _ := m.Fields[field].(int64)
	return n
}

// Each reads line protocol from r with the parser that inputs.execd uses, until r ends. It stops at
// the first thing that is no metric: nothing that lands may be unreadable. A last line without its
// newline is one that was cut while it was written, and an error too.
func Each(r io.Reader, hear func(Metric)) error {
	parser := influx.NewStreamParser(r)
	for {
		m, err := parser.Next()
		if errors.Is(err, influx.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		hear(fromTelegraf(m))
	}
}

func fromTelegraf(m telegraf.Metric) Metric {
	return Metric{Name: m.Name(), Time: m.Time(), Tags: m.Tags(), Fields: m.Fields()}
}

// ReadMetrics reads a whole file of metrics.
func ReadMetrics(path string) ([]Metric, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // an output makes its file at the first write
	}
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer f.Close()
	var all []Metric
	err = Each(f, func(m Metric) { all = append(all, m) })
	return all, err
}

// Follow reads a file as it grows, as `tail -f` does: at its end Read waits. After Finish is called
// Read returns io.EOF at the end.
type Follow struct {
	path   string
	file   *os.File
	finish chan struct{}
}

// NewFollow follows path, which need not exist yet.
func NewFollow(path string) *Follow { return &Follow{path: path, finish: make(chan struct{})} }

// Finish says that the file grows no more. Call it once.
func (f *Follow) Finish() { close(f.finish) }

// Read implements io.Reader.
func (f *Follow) Read(p []byte) (int, error) {
	for {
		over := false
		select {
		case <-f.finish:
			over = true // looked at before the read: what was written before Finish is still read
		default:
		}
		n, err := f.try(p)
		if n > 0 || err != nil {
			return n, err
		}
		if over {
			return 0, io.EOF
		}
		select {
		case <-f.finish:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// try reads what there is; nothing at the end of the file, or while there is no file.
func (f *Follow) try(p []byte) (int, error) {
	if f.file == nil {
		file, err := os.Open(f.path)
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("follow: %w", err)
		}
		f.file = file
	}
	n, err := f.file.Read(p)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
