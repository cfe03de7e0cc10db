package refill

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// start is 2026-01-01T00:00Z, the first minute of the requests in these tests.
const start = timeline.Minute(29_453_760)

// play makes a Job for the ten minutes from start on and tells it of records: a number is a Tweet of that
// many seconds after start, "b" a broken record, "o" another.
func play(t *testing.T, script string) *Job {
	j := NewJob(Request{0, start, start + 10})
	for word := range strings.FieldsSeq(script) {
		switch word {
		case "b":
			j.Broken()
		case "o":
			j.Other()
		default:
			var s, n int64
			sign := int64(1)
			for _, c := range word {
				if c == '-' {
					sign = -1
					continue
				}
				require.True(t, c >= '0' && c <= '9', word)
				s, n = s*10+int64(c-'0'), n+1
			}
			require.Positive(t, n)
			j.Tweet(start.Milli()+sign*s*1000, true)
		}
	}
	return j
}

// tell gives the Job a message as X sends it, and says whether it ends the request.
func tell(t *testing.T, j *Job, message string) bool {
	n, ok := wire.ParseNotice([]byte(message))
	require.True(t, ok, message)
	return j.Notice(n)
}

// full is a Tweet in each minute, and the end of the order of delivery.
const full = "0 30 60 90 120 150 180 210 240 270 300 330 360 390 420 450 480 510 540 570"

// done shows which of the ten minutes are done, as digits.
func done(o Outcome) (digits string) {
	for i := range timeline.Minute(10) {
		if o.Done.Covered((start + i).Span()) == minute {
			digits += string(rune('0' + i))
		}
	}
	return digits
}

func TestWhole(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		whole  timeline.Minute
		at     timeline.Minute
	}{
		"nothing":                      {"", 0, 0},
		"first minute":                 {"1 30 59", 0, 0},
		"next minute has begun":        {"1 30 60 61 69", 0, 1},
		"ten seconds on":               {"1 30 70 70 70", 1, 1},
		"all three must be so far":     {"1 30 70 69 70", 0, 1},
		"out of order":                 {"1 30 72 58 71 70 73", 1, 1},
		"a single one far ahead":       {"1 30 500 31 500 32", 0, 0},
		"what is empty is not whole":   {"130 131 132", 0, 2},
		"up to an empty one":           {"1 130 131 132", 1, 2},
		"the last one never is":        {full + " 599 599 599", 9, 9},
		"strays prove nothing":         {"1 900 900 900 -5", 0, 0},
		"broken at the start":          {"b 1 30 70 71 72 130 131 132", 0, 2},
		"broken":                       {"1 30 70 71 72 b 90 100 130 131 132 190 191 192", 1, 3},
		"broken near the border":       {"1 30 65 66 67 b 68 100 130 131 132 190 191 192", 0, 3},
		"broken, next is late":         {"1 30 80 81 82 b 20 83 100 130 131 132 190 191 192", 1, 3},
		"broken, next is another's":    {"1 70 71 72 b 80 140 141 142 200 201 202", 1, 3},
		"broken after what was whole":  {"1 70 71 72 130 131 132 b 133 140", 2, 2},
		"broken twice in a row":        {"1 70 71 72 b b 80 140 141 142 200 201 202", 1, 3},
		"broken, then a stray":         {"1 70 71 72 b 900 80 140 141 142 200 201 202", 1, 3},
		"broken within a minute later": {"1 70 71 72 140 141 142 b 150 210 211 212", 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			j := play(t, c.script)
			require.Equal(t, start+c.whole, j.Whole())
			require.Equal(t, start+c.at, j.At())
			require.Equal(t, int64(c.at), j.MinutesDone())
		})
	}
}

func TestEnd(t *testing.T) {
	const cut = "1 30 70 71 72 130 131 132" // minutes 0 and 1 are proven, 2 has begun
	for name, c := range map[string]struct {
		script, message string
		done            string
		want            Outcome // but Done
	}{
		"no message":          {cut, "", "01", Outcome{Arrived: 8}},
		"no message, a hole":  {"1 30 130 131 132 190 191 192", "", "02", Outcome{Arrived: 8}},
		"no message, a break": {"1 70 71 72 b 80 140 141 142 200 201 202", "", "02", Outcome{Arrived: 12}},
		"other message":       {cut, `{"error":{"message":"Force closing connection to x because it reached the maximum allowed backup (buffer size is 5)."}}`, "01", Outcome{Arrived: 8}},

		"completed":                  {full, `{"info":{"message":"Replay Request Completed","activity_count":20}}`, "0123456789", Outcome{Result: Completed, Arrived: 20, Announced: 20}},
		"completed, empty minutes":   {cut, `{"info":{"message":"Replay Request Completed","activity_count":8}}`, "0123456789", Outcome{Result: Completed, Arrived: 8, Announced: 8}},
		"no count":                   {full, `{"info":{"message":"Recovery Request Completed"}}`, "0123456789", Outcome{Result: Completed, Arrived: 20}},
		"count is -1":                {full, `{"info":{"message":"Replay Request Completed","activity_count":-1}}`, "0123456789", Outcome{Result: Completed, Arrived: 20}},
		"case, space and stop":       {full, `{"info":{"message":"REPLAY  request completed.\n\n"}}`, "0123456789", Outcome{Result: Completed, Arrived: 20}},
		"more than announced":        {full, `{"info":{"message":"Replay Request Completed","activity_count":19}}`, "0123456789", Outcome{Result: Completed, Arrived: 20, Announced: 19}},
		"fewer than announced":       {full, `{"info":{"message":"Replay Request Completed","activity_count":21}}`, "", Outcome{Result: Completed, Arrived: 20, Announced: 21, Mismatch: true}},
		"others count":               {full + " o", `{"info":{"message":"Replay Request Completed","activity_count":21}}`, "0123456789", Outcome{Result: Completed, Arrived: 21, Announced: 21}},
		"broken counts":              {full + " 571 b 572 573", `{"info":{"message":"Replay Request Completed","activity_count":24}}`, "01234567", Outcome{Result: Completed, Arrived: 24, Announced: 24}},
		"broken in the middle":       {"1 30 b 40 100 101 102 165", `{"info":{"message":"Replay Request Completed"}}`, "123456789", Outcome{Result: Completed, Arrived: 8}},
		"broken around an empty one": {"1 30 31 32 b 130 131 132", `{"info":{"message":"Replay Request Completed"}}`, "3456789", Outcome{Result: Completed, Arrived: 8}},
		"broken at the end":          {cut + " b", `{"info":{"message":"Replay Request Completed"}}`, "01", Outcome{Result: Completed, Arrived: 9}},
		"nothing but broken":         {"b", `{"info":{"message":"Replay Request Completed"}}`, "", Outcome{Result: Completed, Arrived: 1}},
		"strays":                     {cut + " -3 600", `{"info":{"message":"Replay Request Completed","activity_count":10}}`, "012", Outcome{Result: Completed, Arrived: 10, Announced: 10, Strays: 2}},
		"strays alone":               {"-3 600", `{"info":{"message":"Replay Request Completed","activity_count":2}}`, "", Outcome{Result: Completed, Arrived: 2, Announced: 2, Strays: 2}},
		"a remark":                   {cut, `{"info":{"message":"Replay Request Completed partially"}}`, "01", Outcome{Result: CompletedWithErrors, Arrived: 8}},
		"completed, yet failed": {full, `{"info":{"message":"Replay Request Completed","minutes_failed":["2026-01-01T00:03:00+00:00"]}}`, "012456789",
			Outcome{Result: Completed, Arrived: 20, Failed: []timeline.Minute{start + 3}}},

		"with errors": {full, `{"info":{"message":"Replay Request Completed with Errors","activity_count":20,"minutes_failed":["2026-01-01T00:05:00+00:00","2026-01-01T00:06:00+00:00"]}}`,
			"01234789", Outcome{Result: CompletedWithErrors, Arrived: 20, Announced: 20, Failed: []timeline.Minute{start + 5, start + 6}}},
		"with errors, other zone and form": {full, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2026-01-01T02:05:59.5+02:00","202601010006"]}}`,
			"01234789", Outcome{Result: CompletedWithErrors, Arrived: 20, Failed: []timeline.Minute{start + 5, start + 6}}},
		"with errors, fewer": {full, `{"info":{"message":"Replay Request Completed with Errors","activity_count":21,"minutes_failed":["2026-01-01T00:05:00+00:00"]}}`,
			"", Outcome{Result: CompletedWithErrors, Arrived: 20, Announced: 21, Mismatch: true, Failed: []timeline.Minute{start + 5}}},
		"with errors, none named":    {cut, `{"info":{"message":"Replay Request Completed with Errors"}}`, "01", Outcome{Result: CompletedWithErrors, Arrived: 8}},
		"with errors, one unclear":   {cut, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2026-01-01T00:00:00+00:00","soon"]}}`, "1", Outcome{Result: CompletedWithErrors, Arrived: 8, Failed: []timeline.Minute{start}}},
		"with errors, first unclear": {cut, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["soon","2026-01-01T00:00:00+00:00"]}}`, "1", Outcome{Result: CompletedWithErrors, Arrived: 8, Failed: []timeline.Minute{start}}},
		"with errors, one no text":   {cut, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2026-01-01T00:00:00+00:00",{"minute":5}]}}`, "1", Outcome{Result: CompletedWithErrors, Arrived: 8, Failed: []timeline.Minute{start}}},
		"with errors, a number":      {cut, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2026-01-01T00:00:00+00:00",202601010005]}}`, "12346789", Outcome{Result: CompletedWithErrors, Arrived: 8, Failed: []timeline.Minute{start, start + 5}}},
		"completed, a list of null":  {cut, `{"info":{"message":"Replay Request Completed","minutes_failed":[null]}}`, "01", Outcome{Result: Completed, Arrived: 8}},
		"completed, range unclear":   {cut, `{"info":{"message":"Replay Request Completed","unprocessed_range":["2026-01-01T00:07:00+00:00"]}}`, "01", Outcome{Result: Completed, Arrived: 8}},
		"completed, range empty":     {cut, `{"info":{"message":"Replay Request Completed","unprocessed_range":{}}}`, "01", Outcome{Result: Completed, Arrived: 8}},
		"completed, range null":      {full, `{"info":{"message":"Replay Request Completed","minutes_failed":null,"unprocessed_range":null}}`, "0123456789", Outcome{Result: Completed, Arrived: 20}},
		"with errors, none of ours":  {cut, `{"info":{"message":"Replay Request Completed with Errors","minutes_failed":["2013-02-20T00:05:00+00:00"]}}`, "01", Outcome{Result: CompletedWithErrors, Arrived: 8}},

		"failed": {full, `{"info":{"message":"Replay Request Failed to Complete","activity_count":20,"unprocessed_range":{"fromDate":"2026-01-01T00:07:00+00:00","toDate":"2026-01-01T00:10:00+00:00"}}}`,
			"0123456", Outcome{Result: Failed, Arrived: 20, Announced: 20, Failed: []timeline.Minute{start + 7, start + 8, start + 9}}},
		"failed, range is wider": {full, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2026-01-01T00:08:30+00:00","toDate":"2026-01-02T00:00:00+00:00"}}}`,
			"01234567", Outcome{Result: Failed, Arrived: 20, Failed: []timeline.Minute{start + 8, start + 9}}},
		"failed, range ends within": {full, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2025-12-31T00:00:00+00:00","toDate":"2026-01-01T00:01:01+00:00"}}}`,
			"23456789", Outcome{Result: Failed, Arrived: 20, Failed: []timeline.Minute{start, start + 1}}},
		"failed, no range":       {cut, `{"info":{"message":"Replay Request Failed to Complete"}}`, "01", Outcome{Result: Failed, Arrived: 8}},
		"failed, half a range":   {cut, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2026-01-01T00:07:00+00:00"}}}`, "01", Outcome{Result: Failed, Arrived: 8}},
		"failed, unclear range":  {cut, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"x","toDate":"2025-01-01T00:10:00+00:00"}}}`, "01", Outcome{Result: Failed, Arrived: 8}},
		"failed, from unclear":   {cut, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"x","toDate":"2026-01-01T00:05:00+00:00"}}}`, "01", Outcome{Result: Failed, Arrived: 8}},
		"failed, range reversed": {cut, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2026-01-01T00:07:00+00:00","toDate":"2026-01-01T00:05:00+00:00"}}}`, "01", Outcome{Result: Failed, Arrived: 8}},
		"failed, other's range":  {cut, `{"info":{"message":"Replay Request Failed to Complete","unprocessed_range":{"fromDate":"2016-06-26T00:00:00+00:00","toDate":"2016-06-26T00:01:00+00:00"}}}`, "01", Outcome{Result: Failed, Arrived: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			j := play(t, c.script)
			if c.message != "" {
				require.Equal(t, c.want.Result != "", tell(t, j, c.message))
			}
			o := j.End()
			require.Equal(t, c.done, done(o))
			o.Done = timeline.Set{}
			c.want.Counted = strings.Contains(c.message, "activity_count") && !strings.Contains(c.message, ":-1")
			require.Equal(t, c.want, o)
		})
	}
}

func TestNoticeThatEndsNothing(t *testing.T) {
	for _, message := range []string{
		`{"error":{"message":"Forced Disconnect: Too many connections. (Allowed Connections = 2)","sent":"2017-01-11T18:12:52+00:00"}}`,
		`{"error":{"message":"Invalid date format for query parameter 'fromDate'. Expected format is 'yyyyMMddHHmm'."}}`,
		`{"info":{"message":"Twitter is closing for operational reasons"}}`,
		`{"info":{"message":"Some info from Gnip.\n\n","sent":"2013-01-11T17:04:13+00:00"}}`,
	} {
		j := play(t, full)
		require.False(t, tell(t, j, message))
		require.Empty(t, j.End().Result)
	}
}

func TestJobCounts(t *testing.T) {
	j := play(t, "1 2 900 b o")
	j.Tweet(start.Milli(), false)
	require.Equal(t, int64(4), j.Tweets())
	require.Equal(t, int64(3), j.New())
	require.Equal(t, int64(1), j.End().Strays)
	require.Equal(t, Request{0, start, start + 10}, j.Request())
}

func TestRequestForNothing(t *testing.T) {
	require.Panics(t, func() { NewJob(Request{0, 5, 5}) })
}

// record is one of those that a delivery holds: a Tweet of id time ms, maybe not whole.
type record struct {
	key, ms int64
	broken  bool
}

// delivery is what X has for a request of six minutes, in the order it sends it: by time, but for less than the
// slack, with single Tweets anywhere. failed minutes are left out.
func delivery(rng *rand.Rand, failed []timeline.Minute) (all []record) {
	breaks := rng.IntN(3) * rng.IntN(20)
	for range 20 + rng.IntN(300) {
		ms := start.Milli() + rng.Int64N(6*minute)
		if slices.Contains(failed, timeline.MinuteOf(ms)) {
			continue
		}
		all = append(all, record{ms + rng.Int64N(slack), ms, rng.IntN(100) < breaks})
	}
	slices.SortStableFunc(all, func(a, b record) int { return int(a.key - b.key) })
	for i := agree + rng.IntN(50); i < len(all); i += agree + rng.IntN(50) {
		ahead := start.Milli() + rng.Int64N(6*minute)
		if !slices.Contains(failed, timeline.MinuteOf(ahead)) && ahead >= all[i].ms {
			all = slices.Insert(all, i, record{0, ahead, false})
		}
	}
	return all
}

// FuzzJob cuts deliveries anywhere, and lets X say the truth at the end or not: a minute that is done was
// delivered, each record of it whole.
func FuzzJob(f *testing.F) {
	for seed := range uint64(2_000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var failed []timeline.Minute
		for range rng.IntN(3) {
			failed = append(failed, start+timeline.Minute(rng.IntN(6)))
		}
		all := delivery(rng, failed)
		came := len(all)
		if rng.IntN(2) == 0 {
			came = rng.IntN(len(all) + 1)
		}
		j, lost := NewJob(Request{0, start, start + 6}), map[timeline.Minute]bool{}
		whole := start
		for i, r := range all {
			if i >= came || r.broken {
				lost[timeline.MinuteOf(r.ms)] = true
			}
			if i < came {
				deliver(j, r)
				require.GreaterOrEqual(t, j.Whole(), whole)
				whole = j.Whole()
			}
		}
		if came == len(all) && rng.IntN(2) == 0 {
			require.True(t, j.Notice(truth(all, failed)))
		}
		for _, m := range failed {
			lost[m] = true
		}
		o := j.End()
		require.Equal(t, (whole - start).Milli(), o.Done.Covered(span(start, whole)), "what was whole stays so")
		for m := range lost {
			require.Zero(t, o.Done.Covered(m.Span()), "%v is not whole", m)
		}
	})
}

func deliver(j *Job, r record) {
	if r.broken {
		j.Broken()
		return
	}
	j.Tweet(r.ms, true)
}

func truth(all []record, failed []timeline.Minute) wire.NoticeMessage {
	n := wire.NoticeMessage{Root: "info", Message: "Replay Request Completed", ActivityCount: int64(len(all))}
	for _, m := range failed {
		n.Message = "Replay Request Completed with Errors"
		n.MinutesFailed = append(n.MinutesFailed, stamp(m, "2006-01-02T15:04:05-07:00"))
	}
	return n
}

// TestThinMinuteIsNotWhole: a minute that stands out as empty may be one that X names as failed in its last word, which
// may never come.
func TestThinMinuteIsNotWhole(t *testing.T) {
	for name, thin := range map[string]func(second int) int{
		"none in a stretch": func(s int) int { return map[bool]int{true: 0, false: 5}[s >= 30 && s < 40] },
		"far fewer":         func(int) int { return 2 },
		"as the others":     func(int) int { return 5 },
	} {
		t.Run(name, func(t *testing.T) {
			j := NewJob(Request{From: 100, To: 110})
			for s := range 300 {
				n := 5
				if s/60 == 2 {
					n = thin(s % 60)
				}
				for range n {
					j.Tweet(timeline.Minute(100).Milli()+int64(s)*1000, true)
				}
			}
			want := timeline.Minute(102)
			if name == "as the others" {
				want = 104
			}
			require.Equal(t, want, j.Whole())
		})
	}
}
