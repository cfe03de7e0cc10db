package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestActivityCount(t *testing.T) {
	for in, want := range map[string]int64{
		`8874`: 8874, `"8874"`: 8874, `-1`: -1, `0`: 0, `""`: 0, `null`: 0, `8.5`: 0, `{}`: 0, `9223372036854775808`: 0,
	} {
		n, ok := ParseNotice([]byte(`{"info":{"message":"m","activity_count":` + in + `}}`))
		require.True(t, ok, in)
		require.Equal(t, want, n.ActivityCount, in)
	}
}

func TestMinutesFailed(t *testing.T) {
	for in, want := range map[string][]string{
		`[]`: nil, `null`: nil, `"a"`: {"a"}, `""`: {`""`}, `202601010000`: {"202601010000"}, `{"at": 1}`: {`{"at": 1}`}, `[["a"]]`: {`["a"]`},
	} {
		n, ok := ParseNotice([]byte(`{"info":{"message":"m","minutes_failed": ` + in + ` }}`))
		require.True(t, ok, in)
		require.Equal(t, want, n.MinutesFailed, in)
	}
}

func TestUnprocessedRange(t *testing.T) {
	for in, want := range map[string][2]string{
		`null`:                        {},
		`{}`:                          {`{}`},
		`[]`:                          {`[]`},
		`""`:                          {`""`},
		`3`:                           {`3`},
		`"f/t"`:                       {`f/t`},
		`["f","t"]`:                   {`["f","t"]`},
		`{"from":"f","to":"t"}`:       {`{"from":"f","to":"t"}`},
		`{"fromDate":1,"toDate":"t"}`: {`1`, "t"},
		`{"fromDate":"","toDate":""}`: {`""`, `""`},
		`{"toDate":"t"}`:              {`{"toDate":"t"}`, "t"},
		`{"fromDate":"f"}`:            {"f"},
		`{"fromDate":"f","toDate":2}`: {"f", "2"},
	} {
		n, ok := ParseNotice([]byte(`{"info":{"message":"m","unprocessed_range": ` + in + ` }}`))
		require.True(t, ok, in)
		require.Equal(t, want, [2]string{n.UnprocessedFrom, n.UnprocessedTo}, in)
	}
}
