package decasim

import (
	"crypto/subtle"
	"fmt"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// X's own words (x-api.md §§2 and 4).
const (
	wordsNoGzip      = "This connection requires compression. To enable compression, send an 'Accept-Encoding: gzip' header in your request and be ready to uncompress the stream as it is read on the client end."
	wordsFull        = "Force closing connection to %s because it reached the maximum allowed backup (buffer size is %d)."
	wordsTooMany     = "Forced Disconnect: Too many connections. (Allowed Connections = %d)"
	wordsOperational = "Twitter is closing for operational reasons"
)

func tooMany(allowed int) string { return fmt.Sprintf(wordsTooMany, allowed) }

// notice is a message inside a stream: root is error, info or warn.
func notice(root, words string, now time.Time) []byte {
	b := append([]byte(`{"`), root...)
	b = world.AppendQuoted(append(b, `":{"message":`...), words)
	return now.UTC().AppendFormat(append(b, `,"sent":"`...), "2006-01-02T15:04:05+00:00\"}}\r\n")
}

var statusWords = map[int]string{401: "Unauthorized", 403: "Forbidden", 404: "Unknown resource", 406: wordsNoGzip,
	420: "Enhance your calm", 429: "Exceeded rate limit", 400: "Bad request"}

// ServeHTTP implements http.Handler: the stream's route, that of Replay, and the oracle's under
// /oracle/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/oracle/") {
		s.Oracle().ServeHTTP(w, r)
		return
	}
	now := time.Now()
	s.begin(now)
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		abandon(w)
		return
	}
	if k := s.past(r); k != nil {
		s.servePast(w, r, k, now)
		return
	}
	partition, status, why := s.judge(r, now)
	if status != http.StatusOK || partition == 0 { // a planned 200 is a page, as something on the road sends it
		s.refuse(w, status, why, now)
		return
	}
	minutes, _ := strconv.Atoi(r.URL.Query().Get("backfillMinutes"))
	s.open(w, r, partition, minutes, now)
}

// abandon closes a connection without an answer.
func abandon(w http.ResponseWriter) {
	if nc, _, err := http.NewResponseController(w).Hijack(); err == nil {
		reset(nc)
	}
}

// judge says what a request gets, in X's order: who are you, what do you want, how often.
func (s *Server) judge(r *http.Request, now time.Time) (partition, status int, why string) {
	partition, err := strconv.Atoi(r.URL.Query().Get("partition"))
	if status := s.cfg.Faults.status(now, partition); status != 0 {
		return 0, status, ""
	}
	user, password, _ := r.BasicAuth()
	switch {
	case !same(user, s.cfg.Username) || !same(password, s.cfg.Password):
		return 0, http.StatusUnauthorized, ""
	case !s.known("/stream/", r.URL.Path):
		return 0, http.StatusNotFound, ""
	case r.Method != http.MethodGet:
		return 0, http.StatusMethodNotAllowed, "only GET is allowed"
	case !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		return 0, http.StatusNotAcceptable, wordsNoGzip
	case err != nil || partition < 1 || partition > s.cfg.Source.Partitions():
		return 0, http.StatusNotAcceptable, fmt.Sprintf("Invalid value for query parameter 'partition'. Must be between 1 and %d.", s.cfg.Source.Partitions())
	}
	if !s.allow(now) {
		return 0, http.StatusTooManyRequests, ""
	}
	status, why = s.judgeBackfill(r)
	return partition, status, why
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Server) known(root, path string) bool {
	for _, stream := range []string{"sample10", "firehose"} {
		if path == root+stream+"/accounts/"+s.cfg.Account+"/publishers/twitter/"+s.cfg.Label+".json" {
			return true
		}
	}
	return false
}

func (s *Server) judgeBackfill(r *http.Request) (status int, why string) {
	q := r.URL.Query()
	if !q.Has("backfillMinutes") {
		return http.StatusOK, ""
	}
	if s.cfg.Backfill == BackfillRefuse {
		return http.StatusForbidden, "Backfill is not enabled for this stream."
	}
	if n, err := strconv.Atoi(q.Get("backfillMinutes")); err != nil || n < 1 || n > 5 {
		return http.StatusNotAcceptable, "Invalid value for query parameter 'backfillMinutes'. Must be between 1 and 5."
	}
	return http.StatusOK, ""
}

// slidingLog counts attempts in any period.
type slidingLog struct {
	limit  int // negative: none
	period time.Duration
	at     []time.Time
}

// full says that one more attempt would be too many.
func (l *slidingLog) full(now time.Time) bool {
	for len(l.at) > 0 && now.Sub(l.at[0]) >= l.period {
		l.at = l.at[1:]
	}
	return l.limit >= 0 && len(l.at) >= l.limit
}

// allow logs an attempt, unless it is one too many.
func (l *slidingLog) allow(now time.Time) bool {
	if l.full(now) {
		return false
	}
	l.at = append(l.at, now)
	return true
}

// allow counts an attempt against ConnectLimit; refused ones are not logged.
func (s *Server) allow(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connects.allow(now)
}

func (s *Server) refuse(w http.ResponseWriter, status int, why string, now time.Time) {
	if why == "" {
		why = statusWords[status]
	}
	if why == "" {
		why = "Gnip software error"
	}
	if s.cfg.Refused != nil {
		s.cfg.Refused(status, why)
	}
	b := world.AppendQuoted([]byte(`{"error":{"message":`), why)
	b = now.UTC().AppendFormat(append(b, `,"sent":"`...), "2006-01-02T15:04:05+00:00")
	b = fmt.Appendf(b, `","transactionId":"%016x"}}`, rng.Mix(uint64(now.UnixNano()))>>8)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b)
}
