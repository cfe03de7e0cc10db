package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// server stands in for X on loopback, with nothing of the simulator between the bytes and the socket: what
// it sends is decided by serve, which is called once per request, on the request's own goroutine.
type server struct {
	http  http.Server
	url   string
	serve func(s *send)
	gone  chan struct{} // closed by close
	wg    sync.WaitGroup
}

// send is one response to a stream's request.
type send struct {
	partition int
	out       http.ResponseWriter
	gone      <-chan struct{} // the client or the server has gone
	server    <-chan struct{}
}

func newServer(serve func(*send)) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &server{url: "http://" + l.Addr().String(), serve: serve, gone: make(chan struct{})}
	s.http.Handler = s
	s.http.ReadHeaderTimeout = 10 * time.Second
	s.wg.Go(func() { _ = s.http.Serve(l) }) // ends with close
	return s, nil
}

func (s *server) close() {
	close(s.gone)
	s.http.Close()
	s.wg.Wait()
}

// ServeHTTP answers every path as the stream of the partition asked for.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	partition, _ := strconv.Atoi(r.URL.Query().Get("partition")) // 0 for curl, which asks for none
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(http.StatusOK)
	s.serve(&send{partition: partition, out: w, gone: r.Context().Done(), server: s.gone})
}

// all writes b as a fast network would bring it.
func (s *send) all(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), 32<<10)
		if _, err := s.out.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return s.flush()
}

func (s *send) flush() error { return http.NewResponseController(s.out).Flush() }

// hold keeps the connection open without a byte.
func (s *send) hold() {
	select {
	case <-s.gone:
	case <-s.server:
	}
}

// once serves b to the first request and leaves all later ones waiting.
func once(b []byte) func(*send) {
	var mu sync.Mutex
	served := false
	return func(s *send) {
		mu.Lock()
		first := !served
		served = true
		mu.Unlock()
		if !first {
			s.flush()
			s.hold()
			return
		}
		_ = s.all(b) // a client that went away is noticed by what it did not emit
	}
}

// config writes the plugin's configuration for a server and returns its path. Its state is new: what another run
// emitted is known to nobody.
func config(dir, url, partitions string, connections int) (string, error) {
	state, err := os.MkdirTemp(dir, "state-")
	if err != nil {
		return "", err
	}
	return configWith(dir, url, partitions, connections, state)
}

// configWith is config with the given state directory, and with further options, as TOML. Nothing is asked of Replay.
func configWith(dir, url, partitions string, connections int, state string, more ...string) (string, error) {
	path := filepath.Join(dir, "decahose.conf")
	text := fmt.Sprintf(`[[inputs.decahose]]
  account = "bench"
  stream_label = "bench"
  username = "bench"
  password = "bench"
  partitions = [%s]
  connections = %d
  stream_url = %q
  silence_timeout = "10m"
  heartbeat_timeout = "10m"
  recovery = "none"
  state_directory = %q
`, partitions, connections, url, state)
	return path, os.WriteFile(path, []byte(text+strings.Join(more, "")), 0o600)
}
