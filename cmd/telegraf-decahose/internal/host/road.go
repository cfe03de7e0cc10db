package host

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/telegraf/plugins/serializers/influx"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

// road is how the Tweets of one input reach stdout: straight, by the plugin's own lines, or
// through Telegraf's accumulator where the input's table has settings that Telegraf applies there.
type road struct {
	input  *models.RunningInput
	acc    telegraf.Accumulator
	writer *encode.Writer
	log    *process.Log

	metrics  chan telegraf.Metric
	give     context.Context // done: what is left in metrics is refused
	giveUp   context.CancelFunc
	wg       sync.WaitGroup
	rejected int       // metrics that cannot be written as line protocol
	told     time.Time // when the log last said so
}

const (
	// roadQueue is how many metrics wait between accumulator and serializer.
	roadQueue = 1000
	// roadBytes and roadDelay bound what is collected before it is written.
	roadBytes = 64 << 10
	roadDelay = 20 * time.Millisecond
)

func newRoad(ri *models.RunningInput, w *encode.Writer, log *process.Log) *road {
	r := &road{input: ri, writer: w, log: log, metrics: make(chan telegraf.Metric, roadQueue)}
	r.give, r.giveUp = context.WithCancel(context.Background()) //nolint:gosec // the drain's timer calls it, or the process ends
	r.acc = agent.NewAccumulator(ri, r.metrics)
	r.acc.SetPrecision(max(ri.Config.Precision, time.Nanosecond))
	return r
}

// direct says whether none of Telegraf's own settings would change a metric of this input.
func direct(c *models.InputConfig, globalTags int) bool {
	named := c.NameOverride != "" || c.MeasurementPrefix != "" || c.MeasurementSuffix != ""
	timed := c.Precision > time.Nanosecond || c.TimeSource != "metric"
	return !named && !timed && len(c.Tags) == 0 && globalTags == 0 && !c.Filter.IsActive()
}

// start begins the input; it does not wait for X.
func (r *road) start(globalTags int, stdout *os.File) error {
	d := r.input.Input.(*decahose.Decahose)
	d.Host = &decahose.Host{Drained: func(ctx context.Context) bool { return wasRead(ctx, stdout) }}
	if direct(r.input.Config, globalTags) {
		d.Host.Writer = r.writer
	}
	r.wg.Go(r.carry)
	return r.input.Start(r.acc)
}

// stop returns when the input has ended and what it emitted is with the writer, or given up.
func (r *road) stop() {
	t := time.AfterFunc(drainLimit, r.giveUp)
	defer t.Stop()
	r.input.Stop()
	close(r.metrics) // the input does not touch its accumulator after Stop
	r.wg.Wait()
}

// carry is the goroutine from accumulator to writer.
func (r *road) carry() {
	for m := range r.metrics {
		lines, group := r.collect(m)
		err := r.writer.Write(r.give, lines)
		for _, m := range group {
			if err != nil {
				m.Reject()
				continue
			}
			m.Accept()
		}
	}
}

// collect serializes first and what comes soon after it.
func (r *road) collect(first telegraf.Metric) (lines []byte, group []telegraf.Metric) {
	t := time.NewTimer(roadDelay)
	defer t.Stop()
	s := &influx.Serializer{}
	for m, ok := first, true; ok; {
		if b, err := s.Serialize(m); err != nil {
			r.reject(m, err)
		} else {
			lines, group = append(lines, b...), append(group, m)
		}
		if len(lines) >= roadBytes {
			break
		}
		select {
		case m, ok = <-r.metrics:
		case <-t.C:
			ok = false
		}
	}
	return lines, group
}

// reject counts a metric that line protocol cannot hold, such as one with no field but NaN.
func (r *road) reject(m telegraf.Metric, err error) {
	m.Reject()
	r.rejected++
	if time.Since(r.told) > time.Minute {
		r.told = time.Now()
		r.log.Print('W', fmt.Sprintf("[%s] %d metrics could not be written as line protocol, the last because of: %v",
			r.input.LogName(), r.rejected, err))
	}
}
