package audit

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// noon is the minute that tests are about.
var noon = timeline.MinuteOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixMilli())

// idsOf are n ids of a minute, a second apart.
func idsOf(m timeline.Minute, n int) (ids []snowflake.ID) {
	for i := range n {
		ids = append(ids, snowflake.First(m.Milli()+int64(i)*1000)|snowflake.ID(i)<<12|1)
	}
	return ids
}

func TestFill(t *testing.T) {
	require.Equal(t, "'2026-01-01T11:59:59Z' '2026-01-01T12:02:01Z' 1767268800000000000 1767268920000000000 "+
		"2006696907371446272 2006697410687926272 'it''s'",
		fill("{from} {to} {from_ns} {to_ns} {from_id} {to_id} {stream_label}", noon, noon+2, sqlText("it's")))
	require.Equal(t, `"a"."b""c"`, sqlName(`a.b"c`, `"`))
	require.Equal(t, `'a\'b\\'`, influxText(`a'b\`))
}

func TestMinuteOfID(t *testing.T) {
	for _, id := range idsOf(noon, 60) {
		require.EqualValues(t, noon, (int64(id)/4194304+snowflake.Epoch)/60000, "as the queries have it")
	}
}

func TestRounding(t *testing.T) {
	for unit, want := range map[int64]time.Duration{1: 0, 1000: time.Microsecond, 1e6: time.Millisecond, 1e9: time.Second} {
		var r rounding
		var exact []int64
		for _, id := range idsOf(noon, 20) {
			ns, _ := (id | 77<<12).Nano()
			exact = append(exact, ns/unit*unit)
		}
		r.look(exact[:5])
		require.Zero(t, r.seen(), "too few to tell")
		r.look(exact[5:])
		if unit == 1e6 { // these ids are a second apart, so their ms are whole seconds
			want = time.Second
		}
		require.Equal(t, want, r.seen())
	}
}

func TestHide(t *testing.T) {
	for _, c := range []Config{
		{DSN: "postgres://u:p4ssw0rd@h:5432/d"},
		{DSN: "host=h user=u password=p4ssw0rd"},
		{DSN: "u:p4ssw0rd@tcp(h:3306)/d"},
		{Token: "p4ssw0rd"},
		{Password: "p4ssw0rd"},
	} {
		err := c.hide(ErrNoIDs)
		require.ErrorIs(t, err, ErrNoIDs)
		text := c.hide(errText("connect to " + c.DSN + c.Token + c.Password + ":\n p4ssw0rd is wrong")).Error()
		require.NotContains(t, text, "p4ssw0rd", c.DSN)
		require.NotContains(t, text, "\n")
	}
	require.NoError(t, (&Config{}).hide(nil))
	require.Less(t, len((&Config{}).hide(errText(string(make([]byte, 5000)))).Error()), 700)
}

type errText string

func (e errText) Error() string { return string(e) }

// Nothing of a DSN that cannot be read is in the error.
func TestDSNStaysHidden(t *testing.T) {
	for _, kind := range []string{postgresql, mysqlType} {
		_, err := Open(t.Context(), Config{Type: kind, DSN: "post gres://u:p4ssw0rd@[::::/d?x=%%"})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "p4ssw0rd")
	}
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

func join(lines []string) string { return strings.Join(lines, "") }
