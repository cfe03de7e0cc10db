//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// source is where the stream comes from: X, if the environment has credentials, else a simulator
// within this process.
type source struct {
	name           string
	url            string // "": the plugin's default
	account, label string
	env            []string        // for the agent, beside this process's own
	sim            *decasim.Server // nil: X
	world          world.Source    // of the simulator
	wg             sync.WaitGroup
}

// variables of the environment that together select X.
var variables = [...]string{"DECAHOSE_ACCOUNT", "DECAHOSE_STREAM_LABEL", "DECAHOSE_USERNAME", "DECAHOSE_PASSWORD"}

func chooseSource() (*source, error) {
	var missing []string
	for _, name := range variables {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	switch len(missing) {
	case 0:
		return &source{name: "X's Decahose", url: os.Getenv("DECAHOSE_STREAM_URL"),
			account: os.Getenv(variables[0]), label: os.Getenv(variables[1])}, nil
	case len(variables):
		return simulate()
	}
	return nil, fmt.Errorf("to read X's Decahose also set %s; to use the simulator set none of them", strings.Join(missing, ", "))
}

// simulate starts a simulator on loopback. It allows more connects than X, for the cuts come more often
// here than X would bear.
func simulate() (*source, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	truth := world.New(world.Config{Seed: uint64(time.Now().UnixNano())})
	s := &source{name: "a simulated Decahose", world: truth, url: "http://" + l.Addr().String(), account: "demo", label: "prod",
		env: []string{"DECAHOSE_USERNAME=demo", "DECAHOSE_PASSWORD=demo"},
		sim: decasim.NewServer(decasim.ServerConfig{Source: truth, ConnectLimit: -1})}
	s.wg.Go(func() { _ = s.sim.Serve(l) }) // ends with close
	return s, nil
}

func (s *source) close() {
	if s.sim != nil {
		s.sim.Close()
	}
	s.wg.Wait()
}
