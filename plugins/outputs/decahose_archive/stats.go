package decahose_archive

import (
	"sync/atomic"

	"github.com/influxdata/telegraf/selfstat"

	"github.com/decahose/telegraf-decahose/internal/archive"
)

// stats are the counters of internal_decahose_archive.
type stats struct {
	refused, passed, malformed, restored, parts, uploadErrors, removed atomic.Int64

	shown []func(archive.Stats) // give a value to what Telegraf collects
}

// register does nothing where nobody collects, such as under outputs.execd.
func (s *stats) register(c *selfstat.Collector) {
	if c == nil || s.shown != nil {
		return
	}
	for name, value := range map[string]func(archive.Stats) int64{
		"tweets":           func(w archive.Stats) int64 { return w.Tweets },
		"duplicates":       func(w archive.Stats) int64 { return w.Duplicates },
		"segments":         func(w archive.Stats) int64 { return w.Segments },
		"segment_bytes":    func(w archive.Stats) int64 { return w.Bytes },
		"uploads":          func(w archive.Stats) int64 { return w.Uploads },
		"spool_bytes":      func(w archive.Stats) int64 { return w.Waiting },
		"refused":          func(archive.Stats) int64 { return s.refused.Load() },
		"passed":           func(archive.Stats) int64 { return s.passed.Load() },
		"malformed":        func(archive.Stats) int64 { return s.malformed.Load() },
		"times_restored":   func(archive.Stats) int64 { return s.restored.Load() },
		"in_part":          func(archive.Stats) int64 { return s.parts.Load() },
		"upload_errors":    func(archive.Stats) int64 { return s.uploadErrors.Load() },
		"segments_removed": func(archive.Stats) int64 { return s.removed.Load() },
	} {
		stat := c.Register("decahose_archive", name, nil)
		s.shown = append(s.shown, func(w archive.Stats) { stat.Set(value(w)) })
	}
}

func (s *stats) show(w archive.Stats) {
	for _, set := range s.shown {
		set(w)
	}
}
