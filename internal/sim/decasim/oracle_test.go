package decasim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

func ask(s *Server, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestOracleOverHTTP(t *testing.T) {
	simulate(t, ServerConfig{Source: newWorld(30)}, 10*time.Second, []string{"?partition=1", "?partition=2"}, func(t *testing.T, s *rig, _ []*received) {
		lines := strings.Fields(ask(s.Server, "GET", "/oracle/offered").Body.String())
		require.Len(t, lines, len(s.OfferedIDs()))
		require.Equal(t, lines, strings.Fields(ask(s.Server, "GET", "/oracle/sent").Body.String()))
		require.Empty(t, ask(s.Server, "GET", "/oracle/unsent").Body.String())
		var sum Summary
		require.NoError(t, json.Unmarshal(ask(s.Server, "GET", "/oracle/summary").Body.Bytes(), &sum))
		require.Equal(t, len(lines), sum.Offered)
		require.Equal(t, 2, sum.Live)
		require.True(t, sum.Stopped)
		require.Equal(t, http.StatusOK, ask(s.Server, "POST", "/oracle/stop").Code)
		require.Equal(t, http.StatusNoContent, ask(s.Server, "POST", "/oracle/cut?partition=2&connection=0&mode=rst").Code)
		time.Sleep(time.Second)
		require.Equal(t, http.StatusNotFound, ask(s.Server, "POST", "/oracle/cut?partition=2").Code)
		require.Equal(t, http.StatusBadRequest, ask(s.Server, "POST", "/oracle/cut?mode=x").Code)
		require.Equal(t, http.StatusBadRequest, ask(s.Server, "POST", "/oracle/cut?partition=x").Code)
		require.Equal(t, 1, s.Summary().Live)
		require.Equal(t, http.StatusNotFound, ask(s.Server, "GET", "/oracle/nothing").Code)
	})
}

func TestBookKeepsEachIDOnce(t *testing.T) {
	b := newBook()
	for _, ms := range []int64{5000, 1000, 3000, 1000} { // backfill marks older ids after newer ones
		b.mark(1, flagSent, snowflake.First(snowflake.Epoch+ms))
	}
	b.mark(1, flagOffered, snowflake.First(snowflake.Epoch+5000), snowflake.First(snowflake.Epoch+6000))
	require.Equal(t, Count{Offered: 2, Sent: 3, Unsent: 1}, b.tally()[1])
	require.Len(t, b.with(func(uint8) bool { return true }), 4)
}

func TestOddFramingsCarryTheSame(t *testing.T) {
	for name, cfg := range map[string]ServerConfig{
		"a member per flush":     {MemberPerFlush: true},
		"one byte per chunk":     {ChunkBytes: 1},
		"a flush per record":     {FlushMin: 1, FlushMax: 1},
		"no disorder, best gzip": {Disorder: -1, Level: 9},
	} {
		t.Run(name, func(t *testing.T) {
			// The standard reader holds a member back until the next one begins: heartbeats push it out.
			cfg.Source, cfg.HeartbeatEvery = newWorld(30), 200*time.Millisecond
			simulate(t, cfg, 5*time.Second, []string{"?partition=1"}, func(t *testing.T, s *rig, got []*received) {
				require.NotEmpty(t, got[0].ids)
				requireSame(t, s.OfferedIDs(), unique(got[0]))
				require.Empty(t, got[0].invalid)
			})
		})
	}
}

func TestStopBeforeTheFirstConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := NewServer(ServerConfig{Source: newWorld(30)})
		s.StopOffering()
		require.Empty(t, s.OfferedIDs())
		require.NoError(t, s.Close())
	})
}
