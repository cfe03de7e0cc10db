package host

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/influxdata/telegraf/models"

	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

const (
	// besides is what the process needs beside its streams' own bounds: code that Go maps, drivers, garbage.
	besides = 32 << 20
	// calm is the memory, in bytes, from which on it is worth a collection to give some back.
	calm = 96 << 20
	// giveBackEvery is how often that is looked at, giveBackSeldom how often where the last time was of no use.
	giveBackEvery  = 5 * time.Second
	giveBackSeldom = 10 * time.Minute
)

// limitMemory has the garbage collector work harder as the process nears what its streams may hold. It is the last line:
// bounds in bytes come before it, and it bounds garbage only. A user's own GOMEMLIMIT stands.
func limitMemory(inputs []*models.RunningInput) {
	if os.Getenv("GOMEMLIMIT") != "" || len(inputs) == 0 {
		return
	}
	limit := int64(besides)
	for _, ri := range inputs {
		limit += ri.Input.(*decahose.Decahose).Memory()
	}
	debug.SetMemoryLimit(limit)
}

// giveBack returns memory to the system after a burst, until ctx is done. By itself Go would collect after two idle
// minutes, and then return a little at a time.
func giveBack(ctx context.Context) {
	wait := giveBackEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = giveBackEvery
		if held() < calm {
			continue
		}
		if debug.FreeOSMemory(); held() >= calm {
			wait = giveBackSeldom // it is in use
		}
	}
}

// held is the memory that Go has taken from the system and not given back, in bytes.
func held() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
