package audit

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless answers with begin, and then with more for ever.
func endless(t *testing.T, begin, more string) string {
	more = strings.Repeat(more, 1+(64<<10)/len(more))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, begin)
		for err == nil {
			_, err = io.WriteString(w, more)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestEndlessAnswers has stores go on for ever: in rows, within a row, before any row, and in what nobody asked for.
func TestEndlessAnswers(t *testing.T) {
	const begun = `{"results":[{"series":[{"columns":["time","id"],"values":[`
	for name, c := range map[string]struct{ kind, begin, more string }{
		"rows of JSON":      {influx1, begun + `[1,1]`, `,[1,1]`},
		"a row of JSON":     {influx1, begun + `[1`, `,1`},
		"a number":          {influx1, begun + `[1`, `1`},
		"a text":            {influx1, `{"error":"`, `x`},
		"nested":            {influx1, begun, `[`},
		"series":            {influx1, `{"results":[{"series":[{}`, `,{}`},
		"other members":     {influx1, `{"a":1`, `,"b":1`},
		"blanks":            {influx1, ` `, ` `},
		"rows of Flux":      {influx2, ",result,table,_value,_time,_start\r\n", ",,0,1,1,1\r\n"},
		"tables of Flux":    {influx2, "", ",result,table,_value,_time,_start\r\n"},
		"a line of CSV":     {influx3, "id,minute,tweets\n", "1,"},
		"a quoted field":    {influx3, "id,minute,tweets\n\"", "1\n"},
		"empty lines":       {influx3, "id,minute,tweets\n", "\n"},
		"rows of one table": {influx3, "id,minute,tweets\n", "1,1,1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Config{Type: c.kind, Database: "d", Bucket: "b", Organization: "o", IDsQuery: "q", CountQuery: "q",
				URL: endless(t, c.begin, c.more)})
			asked := allocated(func() {
				_, err := s.IDs(t.Context(), noon)
				require.Error(t, err)
			})
			most := uint64(512 << 20)
			if !strings.HasPrefix(name, "rows") && !strings.HasPrefix(name, "tables") {
				most = 16 << 20 // it ends before it is long
			}
			require.Less(t, asked, most, "bytes, garbage included")
		})
	}
}

// allocated is the heap that f asked for in all, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestARowOfPostgreSQLIsShort has a server announce a message of a gigabyte.
func TestARowOfPostgreSQLIsShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write(binary.BigEndian.AppendUint32([]byte{'R'}, 1<<30-1))
			_, _ = c.Write(make([]byte, 1<<20))
			_ = c.Close()
		}
	})
	defer wg.Wait()
	defer l.Close()
	require.Less(t, allocated(func() {
		_, err = Open(t.Context(), Config{Type: postgresql, DSN: "postgres://u:p4ssw0rd@" + l.Addr().String() + "/d?sslmode=disable"})
	}), uint64(64<<20))
	require.ErrorContains(t, err, "body length")
}

// TestARowOfMySQLIsShort has what answers in place of a server send the parts of one packet for ever.
func TestARowOfMySQLIsShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		part := make([]byte, 4+1<<24-1)
		part[0], part[1], part[2] = 0xff, 0xff, 0xff
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for err = nil; err == nil; part[3]++ {
				_, err = c.Write(part)
			}
			part[3] = 0
			_ = c.Close()
		}
	})
	defer wg.Wait()
	defer l.Close()
	require.Less(t, allocated(func() {
		_, err = Open(t.Context(), Config{Type: mysqlType, DSN: "u:p4ssw0rd@tcp(" + l.Addr().String() + ")/d"})
	}), uint64(512<<20))
	require.ErrorContains(t, err, "reach the mysql store") // its driver keeps the cause for itself
}
