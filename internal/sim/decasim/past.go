package decasim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// X's own words for dates that it does not take (x-api.md §§2 and 4); those without a source follow them.
const (
	wordsFormat    = "Invalid date format for query parameter '%s'. Expected format is 'yyyyMMddHHmm'. For example, '201701012315' for January 1st, 11:15 pm 2017 UTC.\n\n"
	wordsFormatISO = "Invalid date format for query parameter '%s'. Expected format is ISO 8601. For example, '2017-01-01T23:15:00.000Z' for January 1st, 11:15 pm 2017 UTC.\n\n"
	wordsRecent    = "Invalid date for query parameter '%s'. Can't ask for tweets from within the past %s."
	wordsOld       = "Invalid date for query parameter '%s'. Can't ask for tweets from more than %s ago."
	wordsOrder     = "Invalid date for query parameter '%s'. Must be before '%s'."
	wordsJobs      = "Exceeded number of concurrent requests"
)

// kind of requests for the past: Replay or Recovery (x-api.md §§1.3 and 1.4).
type pastKind struct {
	name           string // "replay", "recovery"
	words          string // "Replay", "Recovery"
	root           string // of the path
	from, to       string // query parameters
	format         string // of wrong dates
	read           func(string) (time.Time, bool)
	delay, horizon time.Duration
	whole          time.Duration // how much older than the end's the start's age must be
	jobs, excess   int           // at once; the status of more of them
	status         int           // of all
	partition      PartitionMode
	limited        bool // by ReplayLimit
}

func (s *Server) replayKind() *pastKind {
	c := &s.cfg
	return &pastKind{name: "replay", words: "Replay", root: "/replay/", from: "fromDate", to: "toDate", format: wordsFormat, read: readMinute,
		delay: c.ReplayDelay, horizon: c.ReplayHorizon, whole: time.Minute, jobs: c.ReplayJobs, excess: http.StatusTooManyRequests,
		status: c.ReplayStatus, partition: PartitionRefused, limited: true}
}

func (s *Server) recoveryKind() *pastKind {
	c := &s.cfg
	return &pastKind{name: "recovery", words: "Recovery", root: "/stream/", from: c.RecoveryParameters[0], to: c.RecoveryParameters[1],
		format: wordsFormatISO, read: readInstant, delay: c.RecoveryDelay, horizon: c.RecoveryHorizon, jobs: c.RecoveryJobs,
		excess: c.RecoveryExcess, status: c.RecoveryStatus, partition: c.RecoveryPartition}
}

// past is the kind of request that asks for the past; nil: it asks for the live stream.
func (s *Server) past(r *http.Request) *pastKind {
	if strings.HasPrefix(r.URL.Path, "/replay/") {
		return s.replayKind()
	}
	if q := r.URL.Query(); q.Has(s.cfg.RecoveryParameters[0]) || q.Has(s.cfg.RecoveryParameters[1]) {
		return s.recoveryKind()
	}
	return nil
}

// readMinute reads a Replay's date: digits only.
func readMinute(text string) (time.Time, bool) {
	t, err := time.Parse("200601021504", text)
	return t, err == nil && len(text) == 12
}

// readInstant reads a Recovery's time, with or without milliseconds.
func readInstant(text string) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05Z", text) // takes a fraction as well
	return t, err == nil
}

// Request is a request for the past and what became of it.
type Request struct {
	Kind      string    `json:"kind"` // replay or recovery
	At        time.Time `json:"at"`
	From      time.Time `json:"from"`      // inclusive; zero: not understood
	To        time.Time `json:"to"`        // exclusive
	Partition int       `json:"partition"` // 0: all
	Status    int       `json:"status"`
	Sent      int       `json:"sent"` // sound records
	End       string    `json:"end"`  // "" while it is delivered; "completed", "refused", or how else it ended
	Lied      bool      `json:"lied"` // it delivered next to nothing, and said that it had all
}

// asked is an entry of the log of requests.
type asked struct {
	Request
	c *conn // that delivers it; nil: none does (any more)
}

// requestLog bounds the log of requests.
const requestLog = 10_000

// Requests are those for the past, oldest first; the last 10 000 of them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, 0, len(s.requests))
	for _, a := range s.requests {
		r := a.Request
		if a.c != nil {
			r.Sent = a.c.count().Sent
		}
		all = append(all, r)
	}
	return all
}

// servePast answers a request for the past.
func (s *Server) servePast(w http.ResponseWriter, r *http.Request, k *pastKind, now time.Time) {
	a := &asked{Request: Request{Kind: k.name, At: now.UTC(), Status: http.StatusOK}}
	why := s.judgePast(r, k, a, now)
	if a.Status == http.StatusOK {
		s.openJob(w, r, k, a, now)
		return
	}
	a.End = "refused"
	s.mu.Lock()
	s.refused++
	s.log(a)
	s.mu.Unlock()
	s.refuse(w, a.Status, why, now)
}

// log keeps a request; the caller holds s.mu.
func (s *Server) log(a *asked) {
	s.made++
	if s.requests = append(s.requests, a); len(s.requests) > requestLog {
		s.requests = s.requests[1:]
	}
}

// judgePast sets the status of a, its range and its partition, in X's order: who are you, what do you
// want, how often.
func (s *Server) judgePast(r *http.Request, k *pastKind, a *asked, now time.Time) (why string) {
	a.Partition, _ = strconv.Atoi(r.URL.Query().Get("partition"))
	if status := s.cfg.Faults.requestStatus(now, a.Partition); status != 0 {
		a.Status = status
		return ""
	}
	user, password, _ := r.BasicAuth()
	if !same(user, s.cfg.Username) || !same(password, s.cfg.Password) {
		a.Status = http.StatusUnauthorized
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	early := k.limited && s.cfg.ReplayCountRefused
	tooMany := early && !s.replays.allow(now)
	if a.Status, why = s.judgeWish(r, k, a, now); a.Status != http.StatusOK {
		return why
	}
	if tooMany || k.limited && !early && !s.replays.allow(now) {
		a.Status = http.StatusTooManyRequests
		return ""
	}
	if running := s.running(k.name); k.jobs >= 0 && running >= k.jobs {
		a.Status = k.excess
		return wordsJobs
	}
	s.starting[k.name]++
	return ""
}

// running counts the jobs of a kind; the caller holds s.mu.
func (s *Server) running(kind string) int {
	n := s.starting[kind]
	for _, c := range s.jobs {
		if c.job.kind.name == kind {
			n++
		}
	}
	return n
}

func (s *Server) judgeWish(r *http.Request, k *pastKind, a *asked, now time.Time) (status int, why string) {
	switch {
	case !s.known(k.root, r.URL.Path):
		return http.StatusNotFound, ""
	case k.status != 0:
		return k.status, ""
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "only GET is allowed"
	case !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		return http.StatusNotAcceptable, wordsNoGzip
	}
	if why = k.judgePartition(r, a, s.cfg.Source.Partitions()); why == "" {
		why = k.judgeRange(r, a, now)
	}
	if why != "" {
		return http.StatusNotAcceptable, why
	}
	return http.StatusOK, ""
}

// judgePartition: a Replay brings all of them whatever it is asked.
func (k *pastKind) judgePartition(r *http.Request, a *asked, partitions int) (why string) {
	text := r.URL.Query().Get("partition")
	switch {
	case k.name == "replay" || text == "" && k.partition != PartitionRequired:
		a.Partition = 0
		return ""
	case k.partition == PartitionRefused:
		return "Unexpected query parameter 'partition'."
	case a.Partition < 1 || a.Partition > partitions:
		return fmt.Sprintf("Invalid value for query parameter 'partition'. Must be between 1 and %d.", partitions)
	}
	return ""
}

// judgeRange reads the range. The end of a Recovery may be left out: it is then as late as can be.
func (k *pastKind) judgeRange(r *http.Request, a *asked, now time.Time) (why string) {
	q := r.URL.Query()
	from, ok := k.read(q.Get(k.from))
	if !ok {
		return fmt.Sprintf(k.format, k.from)
	}
	to, ok := k.read(q.Get(k.to))
	if !ok && k.name == "recovery" && !q.Has(k.to) {
		to, ok = now.Add(-k.delay).UTC(), true
	}
	switch {
	case !ok:
		return fmt.Sprintf(k.format, k.to)
	case now.Sub(to) < k.delay:
		return fmt.Sprintf(wordsRecent, k.to, inWords(k.delay))
	case !from.Before(to):
		return fmt.Sprintf(wordsOrder, k.from, k.to)
	case now.Sub(from) < k.delay+k.whole:
		return fmt.Sprintf(wordsRecent, k.from, inWords(k.delay+k.whole))
	case now.Sub(from) > k.horizon:
		return fmt.Sprintf(wordsOld, k.from, inWords(k.horizon))
	}
	a.From, a.To = from, to
	return ""
}

// inWords writes a duration as X does: 30 minutes, 5 days.
func inWords(d time.Duration) string {
	switch {
	case d > 24*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d > time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}
