package decasim

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// received is what one connection brought, read by the standard library alone.
type received struct {
	mu         sync.Mutex
	strict     bool // each record is parsed as a whole, which is slow
	status     int
	body       string // of a refusal
	ids        []snowflake.ID
	invalid    [][]byte
	notices    []string
	heartbeats int
	lastByte   time.Time
	longest    time.Duration // without a byte
	tail       []byte        // behind the last \r\n
	err        error         // how the body ended
}

func (r *received) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

func (r *received) line(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tweet struct {
		ID    json.Number `json:"id"`
		IDStr string      `json:"id_str"`
	}
	switch head, _, _ := bytes.Cut(line, []byte(`,"id_str"`)); {
	case len(line) == 0:
		r.heartbeats++
	case !r.strict && bytes.HasPrefix(line, []byte(`{"created_at":"`)) && bytes.HasSuffix(line, []byte(`"}`)):
		id, err := strconv.ParseInt(string(head[bytes.LastIndexByte(head, ':')+1:]), 10, 64)
		if err != nil {
			r.invalid = append(r.invalid, bytes.Clone(line))
			return
		}
		r.ids = append(r.ids, snowflake.ID(id))
	case json.Unmarshal(line, &tweet) != nil:
		r.invalid = append(r.invalid, bytes.Clone(line))
	case tweet.IDStr == "":
		r.notices = append(r.notices, string(line))
	default:
		id, _ := tweet.ID.Int64()
		r.ids = append(r.ids, snowflake.ID(id))
	}
}

// ticker notes when bytes came.
type ticker struct {
	io.Reader
	r *received
}

func (t ticker) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if now := time.Now(); n > 0 {
		if !t.r.lastByte.IsZero() {
			t.r.longest = max(t.r.longest, now.Sub(t.r.lastByte))
		}
		t.r.lastByte = now
	}
	return n, err
}

// rig is a server and the way to it.
type rig struct {
	*Server
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	base   string
	strict bool
	served sync.WaitGroup
}

func pipeRig(cfg ServerConfig) *rig {
	l := NewPipeListener()
	r := &rig{Server: NewServer(cfg), dial: l.DialContext, base: "http://x.test"}
	r.served.Go(func() { r.Serve(l) })
	return r
}

func loopbackRig(t *testing.T, cfg ServerConfig) *rig {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &rig{Server: NewServer(cfg), dial: new(net.Dialer).DialContext, base: "http://" + l.Addr().String()}
	r.served.Go(func() { r.Serve(l) })
	return r
}

func (r *rig) shut() {
	r.Close()
	r.served.Wait()
}

const demoPath = "/stream/sample10/accounts/demo/publishers/twitter/prod.json"

func (r *rig) request(ctx context.Context, query string) *http.Request {
	q, err := http.NewRequestWithContext(ctx, "GET", r.base+demoPath+query, nil)
	if err != nil {
		panic(err)
	}
	q.SetBasicAuth("demo", "demo")
	q.Header.Set("Accept-Encoding", "gzip")
	return q
}

// read follows one request to its end.
func (r *rig) read(q *http.Request, into *received) {
	tr := &http.Transport{DialContext: r.dial, DisableCompression: true, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(q)
	if err != nil {
		into.err = err
		return
	}
	defer resp.Body.Close()
	into.mu.Lock()
	into.status = resp.StatusCode
	into.mu.Unlock()
	if resp.StatusCode != 200 {
		b, _ := io.ReadAll(resp.Body)
		into.body = string(b)
		return
	}
	err = into.readStream(resp.Body)
	into.mu.Lock()
	into.err = err
	into.mu.Unlock()
}

func (r *received) readStream(body io.Reader) error {
	gz, err := gzip.NewReader(ticker{body, r})
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(gz, 64<<10)
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			r.tail = line
			return err
		}
		if bytes.HasSuffix(line, []byte("\r\n")) {
			r.line(line[:len(line)-2])
			line = line[:0]
		}
	}
}

// follow reads a connection in the background.
func (r *rig) follow(ctx context.Context, wg *sync.WaitGroup, query string) *received {
	into := &received{strict: r.strict}
	q := r.request(ctx, query)
	wg.Go(func() { r.read(q, into) })
	return into
}

// unique are the ids of all connections, each once, ascending.
func unique(all ...*received) []snowflake.ID {
	var ids []snowflake.ID
	for _, r := range all {
		r.mu.Lock()
		ids = append(ids, r.ids...)
		r.mu.Unlock()
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// bubble runs f in fake time at noon of some day in 2026.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		f(t)
	})
}

// simulate serves cfg in a bubble, lets each query's connection run for d, stops offering, lets it settle.
func simulate(t *testing.T, cfg ServerConfig, d time.Duration, queries []string, check func(t *testing.T, s *rig, got []*received)) {
	bubble(t, func(t *testing.T) {
		s := pipeRig(cfg)
		s.strict = slices.ContainsFunc(cfg.Faults.Faults(), func(f Fault) bool { return f.Kind == Damage })
		defer s.shut()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var got []*received
		for _, q := range queries {
			got = append(got, s.follow(ctx, &wg, q))
			synctest.Wait()
		}
		time.Sleep(d)
		s.StopOffering()
		time.Sleep(time.Second)
		synctest.Wait()
		check(t, s, got)
		cancel()
		wg.Wait()
	})
}

func requireSame(t *testing.T, want, got []snowflake.ID) {
	t.Helper()
	require.True(t, slices.Equal(want, got), fmt.Sprintf("want %d ids, got %d", len(want), len(got)))
}
