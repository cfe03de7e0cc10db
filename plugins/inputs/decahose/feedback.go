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
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"

	"github.com/decahose/telegraf-decahose/internal/feedback"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// listen gives what Telegraf reports to the engine, from Start to Stop, where the outputs do not acknowledge
// themselves. It needs the table, and is not for commands.
func (d *Decahose) listen() (err error) {
	if d.Feedback == nil || d.offline || d.acknowledged() {
		return nil
	}
	d.feedback, err = listenReports(d.Feedback, d.report, d.say)
	return err
}

func (d *Decahose) report(r feedback.Report) {
	if e := d.engine.Load(); e != nil {
		e.Report(r)
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
	// feedbackTimeout bounds a request, and the wait for requests at the end.
	feedbackTimeout = 5 * time.Second
	feedbackLinger  = 500 * time.Millisecond
)

// reports listens for Telegraf's internal_write. It is open from its making to close.
type reports struct {
	token  func() (string, error)
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
		return nil, option.Bad("feedback.listen", f.Listen, "an address of this host that is free: "+cause(err))
	}
	r := &reports{token: f.token, take: take, say: say, turn: make(chan struct{}, 1)}
	r.server = &http.Server{
		Handler:        r,
		ReadTimeout:    feedbackTimeout,
		WriteTimeout:   feedbackTimeout,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	r.wg.Go(func() { _ = r.server.Serve(l) }) // ends with close
	return r, nil
}

// cause is err without the address, which stands before it already.
func cause(err error) string {
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		return oe.Err.Error()
	}
	return err.Error()
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
	if req.Method != http.MethodPost {
		return nil, http.StatusMethodNotAllowed, errors.New("its method is not POST")
	}
	if err := r.authorize(req.Header.Get("Authorization")); err != nil {
		return nil, http.StatusUnauthorized, err
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

// authorize compares digests, so that the time tells nothing of the token.
func (r *reports) authorize(header string) error {
	token, err := r.token()
	if err != nil {
		return err
	}
	got, want := sha256.Sum256([]byte(header)), sha256.Sum256([]byte("Bearer "+token))
	if token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
		return errors.New("its token is missing or wrong (header Authorization: Bearer TOKEN)")
	}
	return nil
}

func readBody(req *http.Request) (body []byte, status int, err error) {
	in := io.Reader(io.LimitReader(req.Body, feedbackMost+1))
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
	return r, r.Output != ""
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
