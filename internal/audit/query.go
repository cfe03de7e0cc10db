package audit

import (
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// roundMost is how far a store may have moved a time by rounding.
const roundMost = time.Second

// fill puts the bounds into a query. {from} and {to} are times with roundMost of room on both sides, as quoted text;
// {from_ns}, {to_ns}, {from_id} and {to_id} are exact numbers. All to-values are exclusive. label is quoted already.
func fill(query string, from, to timeline.Minute, label string) string {
	const style = "'2006-01-02T15:04:05Z'"
	lo, hi := time.UnixMilli(from.Milli()).Add(-roundMost).UTC(), time.UnixMilli(to.Milli()).Add(roundMost).UTC()
	return strings.NewReplacer(
		"{from}", lo.Format(style), "{to}", hi.Format(style),
		"{from_ns}", strconv.FormatInt(from.Nano(), 10), "{to_ns}", strconv.FormatInt(to.Nano(), 10),
		"{from_id}", strconv.FormatInt(int64(snowflake.First(from.Milli())), 10),
		"{to_id}", strconv.FormatInt(int64(snowflake.First(to.Milli())), 10),
		"{stream_label}", label,
	).Replace(query)
}

// sqlText quotes a text for SQL.
func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// sqlName quotes the parts of a name of a table.
func sqlName(name, mark string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = mark + strings.ReplaceAll(p, mark, mark+mark) + mark
	}
	return strings.Join(parts, ".")
}

// minuteOfID is the minute of an id in SQL whose division of integers is one of integers: id >> 22 is its ms.
const minuteOfID = "(id / 4194304 + 1288834974657) / 60000"

// toMinute reads what a user's query may bring as a minute.
func toMinute(v any) (timeline.Minute, bool) {
	switch v := v.(type) {
	case time.Time:
		return timeline.MinuteOf(v.UnixMilli()), true
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return timeline.MinuteOf(t.UnixMilli()), true
		}
	}
	n, ok := toInt(v)
	return timeline.Minute(n), ok
}

func toInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	case []byte:
		return toInt(string(v))
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			f, err := strconv.ParseFloat(v, 64)
			return int64(f), err == nil && f == float64(int64(f))
		}
		return n, true
	}
	return 0, false
}
