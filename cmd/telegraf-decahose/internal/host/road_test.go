package host

import (
	"strings"
	"testing"
	"time"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/models"
	"github.com/stretchr/testify/require"
)

func TestDirect(t *testing.T) {
	plain := func() *models.InputConfig { return &models.InputConfig{TimeSource: "metric"} }
	require.True(t, direct(plain(), 0))
	require.False(t, direct(plain(), 1), "global tags")
	for name, change := range map[string]func(*models.InputConfig){
		"override":  func(c *models.InputConfig) { c.NameOverride = "x" },
		"prefix":    func(c *models.InputConfig) { c.MeasurementPrefix = "x" },
		"suffix":    func(c *models.InputConfig) { c.MeasurementSuffix = "x" },
		"tags":      func(c *models.InputConfig) { c.Tags = map[string]string{"a": "b"} },
		"precision": func(c *models.InputConfig) { c.Precision = time.Second },
		"time":      func(c *models.InputConfig) { c.TimeSource = "collection_end" },
		"filter": func(c *models.InputConfig) {
			c.Filter.NameDrop = []string{"x"}
			require.NoError(t, c.Filter.Compile())
		},
	} {
		c := plain()
		change(c)
		require.False(t, direct(c, 0), name)
	}
}

// A metric that line protocol cannot hold is refused and counted, and holds nothing up.
func TestRejectedMetric(t *testing.T) {
	log := process.NewLog()
	r := &road{log: log, metrics: make(chan telegraf.Metric, 2), input: &models.RunningInput{Config: &models.InputConfig{Name: "decahose"}}}
	good := metric.New("m", nil, map[string]any{"f": 1}, time.Unix(0, 5))
	r.metrics <- good
	lines, group := r.collect(metric.New("", nil, map[string]any{"f": 1}, time.Unix(0, 5)))
	require.Equal(t, "m f=1i 5\n", string(lines))
	require.Equal(t, []telegraf.Metric{good}, group)
	require.Equal(t, 1, r.rejected)
	var said strings.Builder
	log.Drain(&said)
	require.Contains(t, said.String(), "W! [inputs.decahose] 1 metrics could not be written")
}
