package debug

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/plugins/listen"
)

const (
	// maxConnections bounds those that are open; a browser and a `go tool pprof` have a few.
	maxConnections = 8
	// defaultProfile and maxProfile are how long the CPU is watched, in seconds.
	defaultProfile = 30
	maxProfile     = 60
	// answerTimeout bounds an answer: the longest profile, and the time to take it away.
	answerTimeout = (maxProfile + 30) * time.Second
	// closeTimeout is how long answers under way may take at the end.
	closeTimeout = 500 * time.Millisecond
)

// profiles are those of runtime/pprof that may be asked for. Block and mutex are empty unless a build turns them on.
var profiles = []string{"goroutine", "heap", "allocs", "threadcreate", "block", "mutex"}

const index = `telegraf-decahose, debug listener (docs/operating.md)

/debug/status                        connections, partitions, queues, as JSON
/debug/flight                        what the last seconds were, for: go tool trace FILE
/debug/pprof/profile?seconds=30      CPU, for: go tool pprof URL
/debug/pprof/heap                    memory; also allocs, goroutine, threadcreate, block, mutex
/debug/pprof/goroutine?debug=2       each goroutine and what it waits for
`

// Config of a Server.
type Config struct {
	Listen    string // HOST:PORT of this host
	Users     []int  // whose processes may ask, besides those of our own user and of root
	Directory string // where recordings are written; it is made when the first is
	// Status is shown as JSON. It is called on any goroutine, must not wait for the stream, and may be called a moment
	// longer than until Close returns, by an answer that was under way.
	Status func() any
	Say    func(level byte, text string) // tells the operator; called on any goroutine
}

// Server listens from Start to Close.
type Server struct {
	cfg    Config
	host   string
	server *http.Server
	gaps   chan struct{} // a recording is wanted
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
}

// Start begins to listen and to record. The error says why it cannot listen. A recorder that cannot be had is told of,
// and done without.
func Start(c Config) (*Server, error) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || !loopback.Host(host) {
		return nil, errors.New("it is not an address of this host only")
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, errors.New(listen.Cause(err))
	}
	s := &Server{cfg: c, host: host, gaps: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.server = listen.NewServer(s, answerTimeout)
	s.server.BaseContext = func(net.Listener) context.Context { return s.ctx }
	if err := recorder.start(); err != nil {
		c.Say('W', "debug: nothing is recorded: "+err.Error())
	}
	s.wg.Go(func() { _ = s.server.Serve(listen.Few(l, maxConnections)) }) // ends with Close
	s.wg.Go(s.record)
	return s, nil
}

// GapOpened has the last seconds recorded into a file. It never blocks, and may be called from any goroutine.
func (s *Server) GapOpened() {
	select {
	case s.gaps <- struct{}{}:
	default: // one is wanted already
	}
}

// Close ends the listening, and answers and a recording under way. It may be called more than once.
func (s *Server) Close() { s.closed.Do(s.close) }

func (s *Server) close() {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
	s.wg.Wait()
	recorder.stop()
}

func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if status, err := s.admit(req); err != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, err.Error(), status)
		return
	}
	switch name, profile := strings.CutPrefix(req.URL.Path, "/debug/pprof/"); {
	case req.URL.Path == "/" || req.URL.Path == "/debug" || req.URL.Path == "/debug/" || profile && name == "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, index)
	case req.URL.Path == "/debug/status":
		s.status(w)
	case req.URL.Path == "/debug/flight":
		flight(w)
	case profile && name == "profile":
		cpu(w, req)
	case profile && slices.Contains(profiles, name):
		lookup(w, req, name)
	default:
		http.NotFound(w, req)
	}
}

// admit looks at who asks, and how. Pages in a browser must not ask: a name of theirs for this address is refused by Host,
// and what they send without one by the headers that they cannot do without. Whoever types an address sends "none".
func (s *Server) admit(req *http.Request) (status int, err error) {
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		return http.StatusMethodNotAllowed, errors.New("its method is not GET")
	case !listen.Names(req.Host, s.host):
		return http.StatusMisdirectedRequest, errors.New("its header Host is not an address of this listener")
	case req.Header.Get("Origin") != "" || !slices.Contains([]string{"", "none", "same-origin"}, req.Header.Get("Sec-Fetch-Site")):
		return http.StatusForbidden, errors.New("it comes from a page in a browser")
	}
	err = listen.Client(req, s.cfg.Users...)
	switch other, ok := errors.AsType[*loopback.Stranger](err); {
	case ok:
		return http.StatusForbidden, fmt.Errorf("it comes from user %d, who is neither ours nor root: set debug.user", other.User)
	case err != nil:
		return http.StatusForbidden, errors.New("it cannot be told whose it is")
	}
	return 0, nil
}

func (s *Server) status(w http.ResponseWriter) {
	text, err := json.MarshalIndent(s.cfg.Status(), "", "  ")
	if err != nil {
		panic("BUG: a status is no JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n'))
}

// lookup writes a profile of what is now: for people with debug=1 and 2, else for go tool pprof.
func lookup(w http.ResponseWriter, req *http.Request, name string) {
	style, err := number(req, "debug", 0, 0, 2)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if style == 0 {
		attach(w, name)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = pprof.Lookup(name).WriteTo(w, style) // whoever asked has left
}

// cpu watches the CPU, for one at a time.
func cpu(w http.ResponseWriter, req *http.Request) {
	seconds, err := number(req, "seconds", defaultProfile, 1, maxProfile)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	attach(w, "profile") // before the profiler's goroutine writes
	if err := pprof.StartCPUProfile(w); err != nil {
		w.Header().Del("Content-Disposition")
		http.Error(w, "the CPU is being watched for somebody else", http.StatusConflict)
		return
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-req.Context().Done():
	}
}

// flight writes what a recording would hold now.
func flight(w http.ResponseWriter) {
	recording, err := recorder.snapshot()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	attach(w, "flight.trace")
	_, _ = w.Write(recording) // whoever asked has left
}

func attach(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// number is a parameter of a request.
func number(req *http.Request, name string, absent, lowest, highest int) (int, error) {
	text := req.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < lowest || n > highest {
		return 0, fmt.Errorf("%s must be a number from %d to %d", name, lowest, highest)
	}
	return n, nil
}
