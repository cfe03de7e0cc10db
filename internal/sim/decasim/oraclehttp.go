package decasim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// Summary is the oracle's short account.
type Summary struct {
	Offered     int               `json:"offered"`
	Sent        int               `json:"sent"`
	Unsent      int               `json:"unsent"`
	SentLive    int               `json:"sent_live"` // of those sent: by the live stream or backfill
	Partitions  map[int]Count     `json:"partitions"`
	Live        int               `json:"connections_live"`
	Accepted    int               `json:"connections_accepted"`
	Connections []ConnectionCount `json:"connections"` // live ones, then up to 200 of those that ended
	Stopped     bool              `json:"stopped"`
	Pending     int               `json:"pending"` // Tweets handed over and not yet written, all connections
	Fired       map[string]int    `json:"faults_fired"`
	Unfired     []string          `json:"faults_unfired"`
	Made        int               `json:"requests_made"` // of Replay and Recovery
	Completed   int               `json:"requests_completed"`
	Refused     int               `json:"requests_refused"`
	Requests    []Request         `json:"requests"` // up to 10 000, oldest first
}

// Summary is taken at one moment, save that connections go on meanwhile.
func (s *Server) Summary() Summary {
	sum := Summary{Partitions: s.book.tally(), Fired: s.cfg.Faults.Fired(), Unfired: s.cfg.Faults.Unfired(), Connections: []ConnectionCount{}, Requests: s.Requests()}
	for _, c := range sum.Partitions {
		sum.Offered, sum.Sent, sum.Unsent = sum.Offered+c.Offered, sum.Sent+c.Sent, sum.Unsent+c.Unsent
		sum.SentLive += c.Live
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.Live, sum.Accepted, sum.Stopped = len(s.conns), s.accepted, s.stopAt != 0
	sum.Made, sum.Completed, sum.Refused = s.made, s.completed, s.refused
	for _, c := range s.conns {
		n := c.count()
		sum.Connections, sum.Pending = append(sum.Connections, n), sum.Pending+n.Waiting
	}
	sum.Connections = append(sum.Connections, s.ended...)
	return sum
}

// Oracle answers under /oracle/: GET offered, sent, live, unsent, gone (text, an id per line), GET summary (JSON),
// POST stop, POST cut?partition=&connection=&mode=. It asks for no credentials: keep it on loopback.
func (s *Server) Oracle() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oracle/offered", func(w http.ResponseWriter, _ *http.Request) { writeIDs(w, s.OfferedIDs()) })
	mux.HandleFunc("GET /oracle/sent", func(w http.ResponseWriter, _ *http.Request) { writeIDs(w, s.SentIDs()) })
	mux.HandleFunc("GET /oracle/unsent", func(w http.ResponseWriter, _ *http.Request) { writeIDs(w, s.UnsentIDs()) })
	mux.HandleFunc("GET /oracle/live", func(w http.ResponseWriter, _ *http.Request) { writeIDs(w, s.LiveIDs()) })
	mux.HandleFunc("GET /oracle/gone", func(w http.ResponseWriter, _ *http.Request) { writeIDs(w, s.GoneIDs()) })
	mux.HandleFunc("GET /oracle/summary", func(w http.ResponseWriter, _ *http.Request) { s.writeSummary(w) })
	mux.HandleFunc("POST /oracle/stop", func(w http.ResponseWriter, _ *http.Request) {
		s.StopOffering()
		s.writeSummary(w)
	})
	mux.HandleFunc("POST /oracle/cut", s.serveCut)
	return mux
}

func writeIDs(w http.ResponseWriter, ids []snowflake.ID) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for _, id := range ids {
		line = append(strconv.AppendInt(line[:0], int64(id), 10), '\n')
		out.Write(line)
	}
	out.Flush()
}

func (s *Server) writeSummary(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(s.Summary())
}

func (s *Server) serveCut(w http.ResponseWriter, r *http.Request) {
	number := func(name string, absent int) (int, error) {
		if v := r.FormValue(name); v != "" {
			return strconv.Atoi(v)
		}
		return absent, nil
	}
	partition, err1 := number("partition", 0)
	slot, err2 := number("connection", -1)
	mode := Mode(r.FormValue("mode"))
	switch {
	case err1 != nil || err2 != nil:
		http.Error(w, "partition and connection are numbers", http.StatusBadRequest)
		return
	case mode != "" && mode != ModeEOF && mode != ModeRST && mode != ModeHalf && mode != ModeClose:
		http.Error(w, "mode is one of eof, rst, half, close", http.StatusBadRequest)
		return
	}
	if err := s.Cut(partition, slot, mode); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
