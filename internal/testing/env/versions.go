//go:build unix

package env

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// What Telegraf can do only since a version, of all that tests and documents rely on. docs/install.md tells users of the same.
const (
	// LevelsSince: inputs.execd reads the level off each line of its child's stderr. Before, all of them are errors
	// (influxdata/telegraf#15834).
	LevelsSince = "1.32.0"
	// RefusalsSince: outputs.influxdb_v2 tells which metrics its server refused for good, by 400, 422 and the like, and an
	// input learns that they were not written. Before, they count as written (influxdata/telegraf#16146, #16388).
	RefusalsSince = "1.33.1"
	// InstancesSince: inputs.internal knows per_instance. Before, Telegraf does not start with it (influxdata/telegraf#17312).
	InstancesSince = "1.36.0"
)

// TelegrafHas says whether the stock agent of the tests can do what came with that version.
func TelegrafHas(since string) bool { return compareVersions(stockVersion(), since) >= 0 }

// compareVersions is that of two x.y.z; what is no number counts as 0.
func compareVersions(a, b string) int {
	numbers := func(version string) []int {
		n := make([]int, 3)
		_, _ = fmt.Sscanf(version, "%d.%d.%d", &n[0], &n[1], &n[2])
		return n
	}
	return slices.Compare(numbers(a), numbers(b))
}

var flattened = regexp.MustCompile(`^(.* )E! (\[inputs\.execd\] )stderr: ("([EWIDT]! ).*")$`)

// restoreLevel turns a line of a Telegraf before LevelsSince into what a later one logs: its child's own level and text.
func restoreLevel(line string) string {
	m := flattened.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	said, err := strconv.Unquote(m[3])
	if err != nil {
		return line
	}
	return m[1] + m[4] + m[2] + said[len(m[4]):]
}
