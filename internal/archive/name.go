package archive

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Names of segments are the index: label/2026-01-02/15/2026-01-02T1504Z_<Tweets>_<digest>_<size>_<writer>-<sealed>.lp.zst
const (
	dayStyle    = "2006-01-02"
	hourStyle   = "15"
	minuteStyle = "2006-01-02T1504Z"
	suffix      = ".lp.zst"
)

// name is what the name of a segment says.
type name struct {
	label  string
	minute timeline.Minute
	tweets int64
	digest uint64
	size   int64
	writer string // 8 hexadecimal digits, other ones for each writer
	sealed int64  // Unix ms, no two of a writer alike
}

func (n *name) path() string {
	at := time.UnixMilli(n.minute.Milli()).UTC()
	return hourPath(n.label, n.minute) +
		fmt.Sprintf("%s_%d_%016x_%d_%s-%d", at.Format(minuteStyle), n.tweets, n.digest, n.size, n.writer, n.sealed) + suffix
}

// hourPath is the directory, or the beginning of the key, of the minute's hour.
func hourPath(label string, m timeline.Minute) string {
	at := time.UnixMilli(m.Milli()).UTC()
	return labelPath(label) + at.Format(dayStyle) + "/" + at.Format(hourStyle) + "/"
}

// labelPath makes the label one element of a path that is no hidden one.
func labelPath(label string) string {
	escaped := url.PathEscape(label)
	if strings.HasPrefix(escaped, ".") {
		escaped = "%2E" + escaped[1:]
	}
	return escaped + "/"
}

// isLabel reports whether a stream may be called so: no other label is written, and whoever can put a file there names it.
func isLabel(label string) bool { return label != "" && redact.Printable(label) }

var segmentName = regexp.MustCompile(`^([^/]+)/\d{4}-\d\d-\d\d/\d\d/(\d{4}-\d\d-\d\dT\d{4}Z)_(\d+)_([0-9a-f]{16})_(\d+)_([0-9a-f]{8})-(\d+)\.lp\.zst$`)

// parseName is the inverse of path; ok is false for what is no segment.
func parseName(path string) (n name, ok bool) {
	m := segmentName.FindStringSubmatch(path)
	if m == nil {
		return n, false
	}
	label, err := url.PathUnescape(m[1])
	if err != nil || !isLabel(label) {
		return n, false
	}
	at, err := time.Parse(minuteStyle, m[2])
	if err != nil {
		return n, false
	}
	n = name{label: label, minute: timeline.MinuteOf(at.UnixMilli()), writer: m[6]}
	n.tweets, _ = strconv.ParseInt(m[3], 10, 64)
	n.digest, _ = strconv.ParseUint(m[4], 16, 64)
	n.size, _ = strconv.ParseInt(m[5], 10, 64)
	n.sealed, _ = strconv.ParseInt(m[7], 10, 64)
	return n, n.path() == path
}
