package wire

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/jsonscan"
)

// NoticeMessage is what X says about the stream itself, within the stream or as the body of an
// HTTP error. These come a few times a day at most.
type NoticeMessage struct {
	Root            string // info, warn, error; errors or title in the form of API v2
	Message         string
	Sent            string // RFC 3339, as delivered
	ActivityCount   int64  // records that a Replay request delivered
	Counted         bool   // it gave that count, which may be 0
	MinutesFailed   []string
	UnprocessedFrom string // range that a failed Replay request left out; never empty if X gave one
	UnprocessedTo   string
}

// ParseNotice reads a message about the stream; false if rec is something else, such as a deleted
// Tweet. Members of an unexpected type are taken as absent, but not those that say what is missing: of
// them the raw JSON stays, lest a failed minute pass as delivered.
func ParseNotice(rec []byte) (NoticeMessage, bool) {
	root, ok := object(rec)
	if !ok {
		return NoticeMessage{}, false
	}
	for _, name := range [...]string{"error", "warn", "info"} {
		if body, ok := root[name]; ok {
			return enterpriseNotice(name, body)
		}
	}
	if _, ok := root["data"]; ok { // v2: errors beside data concern that Tweet alone
		return NoticeMessage{}, false
	}
	if list, ok := root["errors"]; ok {
		return problemList(list)
	}
	return problem("title", root)
}

func object(rec []byte) (members map[string]json.RawMessage, ok bool) {
	return members, json.Unmarshal(rec, &members) == nil && members != nil
}

// enterpriseNotice reads {"info":{"message":…,"sent":…}} and its like; the body may be bare text.
func enterpriseNotice(root string, body json.RawMessage) (NoticeMessage, bool) {
	n := NoticeMessage{Root: root}
	m, ok := object(body)
	if !ok {
		n.Message = text(body)
		return n, n.Message != ""
	}
	n.Message, n.Sent = text(m["message"]), text(m["sent"])
	n.ActivityCount, n.Counted = count(m["activity_count"])
	if v := m["minutes_failed"]; given(v) {
		n.MinutesFailed = texts(v)
	}
	if v := m["unprocessed_range"]; given(v) {
		n.UnprocessedFrom, n.UnprocessedTo = bounds(v)
	}
	return n, true
}

// given reports whether X sent the member with a value.
func given(v json.RawMessage) bool { return v != nil && string(v) != "null" }

// bounds are the two dates of a range. The first is never empty: without one it is all of the range.
func bounds(v json.RawMessage) (from, to string) {
	r, _ := object(v)
	from, to = literal(r["fromDate"]), literal(r["toDate"])
	if from == "" {
		from = literal(v)
	}
	return from, to
}

func problemList(list json.RawMessage) (NoticeMessage, bool) {
	var problems []json.RawMessage
	if json.Unmarshal(list, &problems) != nil || len(problems) == 0 {
		return NoticeMessage{}, false
	}
	first, _ := object(problems[0])
	if n, ok := problem("errors", first); ok {
		return n, true
	}
	return NoticeMessage{Root: "errors", Message: text(first["message"])}, true
}

// problem reads {"title":…,"detail":…,"connection_issue":…}.
func problem(root string, m map[string]json.RawMessage) (NoticeMessage, bool) {
	title := text(m["title"])
	if title == "" {
		return NoticeMessage{}, false
	}
	parts := []string{title}
	for _, name := range [...]string{"disconnect_type", "connection_issue", "detail"} {
		if s := text(m[name]); s != "" {
			parts = append(parts, s)
		}
	}
	return NoticeMessage{Root: root, Message: strings.Join(parts, ": ")}, true
}

func text(v json.RawMessage) (s string) {
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// literal is v's text, or its raw JSON if it has none.
func literal(v json.RawMessage) string {
	if s := text(v); s != "" {
		return s
	}
	return string(v)
}

// texts are the entries of a list, or what stands in its place.
func texts(v json.RawMessage) (all []string) {
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return []string{literal(v)}
	}
	for _, e := range list {
		all = append(all, literal(e))
	}
	return all
}

// count reads a whole number, in quotes or not: X sends some numbers as text.
func count(v json.RawMessage) (n int64, ok bool) {
	n, err := strconv.ParseInt(strings.Trim(string(v), `"`), 10, 64)
	if err != nil {
		return 0, false
	}
	return n, n >= 0
}

// rootSize bounds what NoticeRoot returns: it may come from anybody.
const rootSize = 64

// NoticeRoot is the first key of the object rec, by which unknown records are told apart: at most
// 64 bytes of valid UTF-8, empty if there is none.
func NoticeRoot(rec []byte) string {
	i := jsonscan.Space(rec, 0)
	if i == len(rec) || rec[i] != '{' {
		return ""
	}
	key, _, _ := jsonscan.Enter(rec, i)
	return strings.ToValidUTF8(string(key[:min(len(key), rootSize)]), "")
}
