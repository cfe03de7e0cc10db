package decahose

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/plugins/listen"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// listen gives what Telegraf reports to the engine, from Start to Stop, where the outputs do not acknowledge
// themselves. It needs the table, and is not for commands.
func (d *Decahose) listen() (err error) {
	if d.Feedback == nil || d.offline() || d.acknowledged() {
		return nil
	}
	d.feedback, err = listenReports(d.Feedback, d.report, d.say)
	return err
}

func (d *Decahose) report(r feedback.Report) {
	if s := d.stream.Load(); s != nil {
		s.Engine.Report(r)
	}
}

// unlisten ends what listen began. It may be called without it.
func (d *Decahose) unlisten() {
	if d.feedback != nil {
		d.feedback.close()
		d.feedback = nil
	}
}

const (
	// feedbackMost bounds a body, as sent and unpacked, in bytes.
	feedbackMost = 1 << 20
	// feedbackTimeout bounds an answer.
	feedbackTimeout = 5 * time.Second
	// feedbackConnections bounds those that are open; a Telegraf has one.
	feedbackConnections = 32
	// feedbackAhead is how far a report's time may be ahead of ours: both are of one host.
	feedbackAhead = time.Minute
	// outputNameMost bounds the name of an output, in bytes.
	outputNameMost = 256
	feedbackLinger = 500 * time.Millisecond
)

// reports listens for Telegraf's internal_write. It is open from its making to close.
type reports struct {
	token  func() (string, error)
	host   string // that it listens on
	user   string // whose processes are heard without a token, too
	take   func(feedback.Report)
	say    func(level byte, text string)
	server *http.Server
	wg     sync.WaitGroup

	turn    chan struct{} // who has it may call take and use refusal; close keeps it
	refusal string        // why the last request was refused; empty: it was not
}

// listenReports begins to give reports to take, one at a time. An address that cannot be had is an *option.Error: the
// loop that the user asked for would be open.
func listenReports(f *Feedback, take func(feedback.Report), say func(level byte, text string)) (*reports, error) {
	l, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return nil, option.Bad("feedback.listen", f.Listen, "an address of this host that is free: "+listen.Cause(err))
	}
	host, _, _ := net.SplitHostPort(f.Listen)
	r := &reports{token: f.token, host: host, user: f.User, take: take, say: say, turn: make(chan struct{}, 1)}
	r.server = listen.NewServer(r, feedbackTimeout)
	r.wg.Go(func() { _ = r.server.Serve(listen.Few(l, feedbackConnections)) }) // ends with close
	return r, nil
}

// close ends the listening. take is not called after it.
func (r *reports) close() {
	ctx, cancel := context.WithTimeout(context.Background(), feedbackLinger)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		_ = r.server.Close()
	}
	r.wg.Wait()
	r.turn <- struct{}{}
}

func (r *reports) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	found, status, err := r.read(req)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-req.Context().Done():
		return
	}
	if err != nil {
		r.refuse(req, err)
		w.Header().Set("Connection", "close")
		http.Error(w, err.Error(), status)
		return
	}
	r.refusal = ""
	for _, report := range found {
		r.take(report)
	}
	w.WriteHeader(http.StatusNoContent)
}

// refuse tells the operator why, once until it changes: Telegraf sends again and again.
func (r *reports) refuse(req *http.Request, err error) {
	if text := err.Error(); text != r.refusal {
		r.refusal = text
		r.say('W', "feedback: a request from "+req.RemoteAddr+" was refused: "+text)
	}
}

// read returns the reports of a request. The error says why it is refused, and holds nothing of it.
func (r *reports) read(req *http.Request) (found []feedback.Report, status int, err error) {
	if status, err := r.admit(req); err != nil {
		return nil, status, err
	}
	body, status, err := readBody(req)
	if err != nil {
		return nil, status, err
	}
	metrics, err := parseLines(body)
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	for _, m := range metrics {
		if report, ok := reportOf(m); ok {
			found = append(found, report)
		}
	}
	return found, 0, nil
}

// admit looks at all but the body. Pages in a browser of this host can send requests here, under a name of their own for
// this address, too: they cannot do without Origin and Sec-Fetch-Site.
func (r *reports) admit(req *http.Request) (status int, err error) {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case req.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, errors.New("its method is not POST")
	case req.Header.Get("Origin") != "" || req.Header.Get("Sec-Fetch-Site") != "":
		return http.StatusForbidden, errors.New("it comes from a page in a browser")
	case !listen.Names(req.Host, r.host):
		return http.StatusMisdirectedRequest, errors.New("its header Host is not an address of this listener")
	case kind != "text/plain":
		return http.StatusUnsupportedMediaType, errors.New("its content type is not text/plain, as outputs.http sends it")
	}
	return r.authorize(req)
}

// authorize wants the token. Where there is none it wants a process of our own user or root, and a request as Telegraf's
// outputs.http sends it. It compares digests, so that the time tells nothing of the token.
func (r *reports) authorize(req *http.Request) (status int, err error) {
	token, err := r.token()
	if err != nil {
		return http.StatusUnauthorized, err
	}
	if token == "" {
		return r.recognize(req)
	}
	got, want := sha256.Sum256([]byte(req.Header.Get("Authorization"))), sha256.Sum256([]byte("Bearer "+token))
	if subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
		return http.StatusUnauthorized, errors.New("its token is missing or wrong: outputs.http must have a header Authorization with Bearer before it")
	}
	return 0, nil
}

func (r *reports) recognize(req *http.Request) (status int, err error) {
	err = listen.Client(req, trusted(r.user)...)
	switch s, other := errors.AsType[*loopback.Stranger](err); {
	case other:
		return http.StatusForbidden, fmt.Errorf("it comes from user %d, who is neither ours nor root: set feedback.token, or feedback.user", s.User)
	case err != nil:
		return http.StatusForbidden, errors.New("it cannot be told whose it is: set feedback.token")
	case !strings.HasPrefix(req.UserAgent(), "Telegraf/"):
		return http.StatusForbidden, errors.New("it is not Telegraf's: set feedback.token")
	}
	return 0, nil
}

func readBody(req *http.Request) (body []byte, status int, err error) {
	in := io.LimitReader(req.Body, feedbackMost+1)
	switch coding := strings.ToLower(cmp.Or(req.Header.Get("Content-Encoding"), "identity")); coding {
	case "identity":
	case "gzip":
		if in, err = gzip.NewReader(in); err != nil {
			return nil, http.StatusBadRequest, errors.New("its body is not gzip")
		}
	default:
		return nil, http.StatusUnsupportedMediaType, errors.New("its encoding is neither gzip nor identity")
	}
	body, err = io.ReadAll(io.LimitReader(in, feedbackMost+1))
	switch {
	case len(body) > feedbackMost:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("its body is larger than %d bytes", feedbackMost)
	case err != nil:
		return nil, http.StatusBadRequest, errors.New("its body cannot be read")
	}
	return body, 0, nil
}

// parseLines reads line protocol as inputs.execd does: strings may hold newlines. Its errors hold nothing of it.
func parseLines(lines []byte) (metrics []telegraf.Metric, err error) {
	defer func() { // the parser has panicked where a backslash is the last byte of a string (Telegraf 1.37.2)
		if recover() != nil {
			metrics, err = nil, errors.New("line protocol cannot be read")
		}
	}()
	p := &influx.Parser{}
	if err := p.Init(); err != nil {
		return nil, fmt.Errorf("make parser: %w", err)
	}
	metrics, err = p.Parse(append(lines, '\n')) // without it the parser takes a torn name for nothing
	if pe, ok := errors.AsType[*influx.ParseError](err); ok {
		return nil, fmt.Errorf("line protocol is malformed at line %d, column %d", pe.LineNumber, pe.Column)
	}
	if err != nil {
		return nil, errors.New("line protocol cannot be read")
	}
	return metrics, nil
}

// reportOf reads one point of internal_write. It is false for other points, and for those without the counters.
func reportOf(m telegraf.Metric) (feedback.Report, bool) {
	if m.Name() != "internal_write" {
		return feedback.Report{}, false
	}
	r := feedback.Report{At: m.Time().UnixNano()}
	for key, to := range map[string]*int64{
		"metrics_added": &r.Added, "metrics_written": &r.Written, "metrics_dropped": &r.Dropped, "metrics_rejected": &r.Rejected,
		"metrics_filtered": &r.Filtered, "buffer_size": &r.Size, "buffer_limit": &r.Limit,
	} {
		v, _ := m.GetField(key)
		n, ok := v.(int64)
		if !ok || n < 0 {
			return feedback.Report{}, false
		}
		*to = n
	}
	r.Output = outputName(m)
	return r, r.Output != "" && len(r.Output) <= outputNameMost && time.Until(m.Time()) < feedbackAhead
}

// shownID is how much of an output's id, a digest of its options, tells outputs apart.
const shownID = 8

// outputName is the plugin, the alias and the beginning of the id of an output, those of them that there are.
func outputName(m telegraf.Metric) string {
	name, ok := m.GetTag("output")
	if !ok {
		return ""
	}
	if alias, ok := m.GetTag("alias"); ok {
		name += " " + alias
	}
	if id, ok := m.GetTag("_id"); ok {
		name += " " + id[:min(len(id), shownID)]
	}
	return name
}
