package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// quickRate is that of the five days with -quick.
const quickRate = 20

// benchState measures what the state costs that is kept on disk, with five days of it there.
func benchState(b *bench) error {
	if _, err := b.product(); err != nil {
		return err
	}
	rate := float64(worldRate)
	if b.quick {
		rate = quickRate
	}
	b.section("state on disk, five days")
	state := filepath.Join(b.dir, "five-days")
	defer os.RemoveAll(state)
	h, err := b.fiveDays(state, rate)
	if err != nil {
		return err
	}
	for _, measure := range []func(string, *history) error{b.startUp, b.fullMemory, b.steady} {
		if err := measure(state, h); err != nil {
			return err
		}
	}
	if b.quick {
		return fmt.Errorf("with -quick the five days hold %d ids only", h.count)
	}
	return nil
}

// fiveDays writes the state of five days that ended an hour ago, and says what an id takes.
func (b *bench) fiveDays(state string, rate float64) (*history, error) {
	end := timeline.MinuteOf(time.Now().UnixMilli()) - 60
	h := &history{ids: newIDs(rate), from: end - timeline.Minute(horizon/time.Minute) + 60, to: end}
	dir := filepath.Join(state, stateName)
	start := time.Now()
	if err := h.write(dir); err != nil {
		return nil, err
	}
	all, err := bytesIn(dir)
	if err != nil {
		return nil, err
	}
	ids, err := bytesIn(filepath.Join(dir, "ids"))
	if err != nil {
		return nil, err
	}
	b.line("%-28s %8.1f M ids in %d minutes, written in %.0f s; %.0f MB, of them %.1f MB not ids", "five days less an hour",
		float64(h.count)/1e6, h.to-h.from, time.Since(start).Seconds(), float64(all)/1e6, float64(all-ids)/1e6)
	if b.quick {
		return h, nil
	}
	least, err := b.perID(200)
	if err != nil {
		return nil, err
	}
	perID := float64(ids) / float64(h.count)
	b.line("%-28s %8.2f bytes at %d ids/s, %.2f at 200, random nodes and sequences", "an id on disk", perID, worldRate, least)
	b.figure("state_bytes_per_id", max(perID, least))
	return h, nil
}

// perID is what an id takes at another rate, in hours that were merged.
func (b *bench) perID(rate float64) (float64, error) {
	dir, err := os.MkdirTemp(b.dir, "rate-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	now := timeline.MinuteOf(time.Now().UnixMilli())
	h := &history{ids: newIDs(rate), from: now - 360, to: now}
	if err := h.write(dir); err != nil {
		return 0, err
	}
	ids, err := bytesIn(filepath.Join(dir, "ids"))
	return float64(ids) / float64(h.count), err
}

// startUp measures how long the real binary takes from its start to its first request to the stream.
func (b *bench) startUp(state string, _ *history) error {
	var cold, warm series
	for round := range max(3, b.rounds()) {
		if round%2 == 0 {
			if err := evict(state); err != nil {
				return err
			}
		}
		took, err := b.start(state)
		if err != nil {
			return err
		}
		if round%2 == 0 {
			cold = append(cold, took)
		} else {
			warm = append(warm, took)
		}
	}
	empty, err := b.start(filepath.Join(b.dir, "none"))
	if err != nil {
		return err
	}
	b.line("%-28s %8.2f s from the start to the first request, files not in the page cache; %.2f s from there; %.2f s without state",
		"start-up", cold.median().Seconds(), warm.median().Seconds(), empty.Seconds())
	if !b.quick {
		b.figure("state_start_s", cold.median().Seconds())
	}
	return nil
}

// start runs the real binary until it asks for the stream.
func (b *bench) start(state string) (time.Duration, error) {
	first := make(chan time.Time, 1)
	s, err := newServer(func(s *send) {
		select {
		case first <- time.Now():
		default:
		}
		_ = s.flush() // a client that went away is of no interest
		s.hold()
	})
	if err != nil {
		return 0, err
	}
	defer s.close()
	conf, err := b.again(s.url, state)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	c, err := startChild(tweetMark, nil, b.binary, "-config", conf)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	var took time.Duration
	if err := c.until("the first request", childLimit, func() bool {
		select {
		case at := <-first:
			took = at.Sub(begun)
		default:
		}
		return took > 0
	}); err != nil {
		return 0, err
	}
	_, err = c.stop()
	return took, err
}

// again is a configuration for one run of several with the same state: it remembers connects, and must not wait.
func (b *bench) again(url, state string) (string, error) {
	conf, err := configWith(b.dir, url, "1, 2", 2, state)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(conf, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("  connect_limit = 1000\n")
	return conf, errors.Join(err, f.Close())
}

// fullMemory fills the dedup window of the real binary as the part rss does, on top of five days of state.
func (b *bench) fullMemory(state string, h *history) error {
	length := windowTime
	if b.quick {
		length /= 6
	}
	streams, ids := windowStreams(length, time.Now())
	configure := func(url string) (string, error) { return b.again(url, state) }
	_, burst, err := b.fill(streams, ids, ids, configure)
	if err != nil {
		return err
	}
	now, peak, err := b.fill(streams, ids, 0, configure)
	if err != nil {
		return err
	}
	b.line("%-28s %8.1f MiB resident, %.1f MiB at most, %d ids in the window, %.1f M on disk; %.1f MiB when all in the window came at once", "memory",
		now, peak, ids, float64(h.count+ids)/1e6, burst)
	if !b.quick {
		b.figure("state_rss_mib", max(peak, burst))
	}
	return nil
}
