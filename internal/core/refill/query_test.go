package refill

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func at(t *testing.T, s string) timeline.Minute {
	moment, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return timeline.MinuteOf(moment.UnixMilli())
}

func TestQuery(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("PST", -8*3600) // dates of requests are UTC wherever the host is
	t.Cleanup(func() { time.Local = local })
	camel, snake := [2]string{"startTime", "endTime"}, [2]string{"start_time", "end_time"}
	q := Request{2, at(t, "2017-12-31T23:30:00Z"), at(t, "2018-01-01T00:30:00Z")}
	for name, c := range map[string]struct {
		method        Method
		request       Request
		parameters    [2]string
		withPartition bool
		want          string
	}{
		"Replay":           {Replay, q, camel, true, "fromDate=201712312330&toDate=201801010030"},
		"Recovery":         {Recovery, q, camel, true, "startTime=2017-12-31T23:30:00.000Z&endTime=2018-01-01T00:30:00.000Z&partition=2"},
		"without":          {Recovery, q, camel, false, "startTime=2017-12-31T23:30:00.000Z&endTime=2018-01-01T00:30:00.000Z"},
		"all partitions":   {Recovery, Request{0, q.From, q.To}, snake, true, "start_time=2017-12-31T23:30:00.000Z&end_time=2018-01-01T00:30:00.000Z"},
		"names to escape":  {Recovery, Request{0, q.From, q.To}, [2]string{"a&b", "ü=~"}, true, "a%26b=2017-12-31T23:30:00.000Z&%C3%BC%3D~=2018-01-01T00:30:00.000Z"},
		"none":             {None, q, camel, true, ""},
		"zone of the host": {Replay, Request{0, at(t, "2026-03-29T04:00:00+02:00"), at(t, "2026-03-29T05:00:00+02:00")}, camel, true, "fromDate=202603290200&toDate=202603290300"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, Query(c.method, c.request, c.parameters, c.withPartition))
		})
	}
	values, err := url.ParseQuery(Query(Recovery, q, camel, true))
	require.NoError(t, err)
	require.Equal(t, url.Values{"startTime": {"2017-12-31T23:30:00.000Z"}, "endTime": {"2018-01-01T00:30:00.000Z"}, "partition": {"2"}}, values)
}

func TestMethod(t *testing.T) {
	require.Equal(t, "none replay recovery", None.String()+" "+Replay.String()+" "+Recovery.String())
}
