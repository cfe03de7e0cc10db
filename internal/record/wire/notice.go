package wire

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/jsonscan"
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
	root, ok := object(rec, rootNames...)
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

// Members that a message about the stream may have: at its root, and in each problem of API v2.
var (
	problemNames = []string{"title", "disconnect_type", "connection_issue", "detail", "message"}
	rootNames    = append([]string{"error", "warn", "info", "data", "errors"}, problemNames...)
)

// object is those members of the object rec that are wanted, as they stand; of a name that comes twice, the last.
// What else rec holds is walked in place: it may be a million members of anybody's making.
func object(rec []byte, wanted ...string) (members map[string]json.RawMessage, ok bool) {
	i := jsonscan.Space(rec, 0)
	if i == len(rec) || rec[i] != '{' {
		return nil, false
	}
	key, i, more := jsonscan.Enter(rec, i)
	for more {
		end := jsonscan.Skip(rec, i)
		if end >= 0 && slices.Contains(wanted, string(key)) {
			if members == nil {
				members = make(map[string]json.RawMessage)
			}
			members[string(key)] = rec[i:end]
		}
		key, i, more = jsonscan.Next(rec, end)
	}
	return members, i >= 0 && jsonscan.Space(rec, i) == len(rec)
}

// enterpriseNotice reads {"info":{"message":…,"sent":…}} and its like; the body may be bare text.
func enterpriseNotice(root string, body json.RawMessage) (NoticeMessage, bool) {
	n := NoticeMessage{Root: root}
	m, ok := object(body, "message", "sent", "activity_count", "minutes_failed", "unprocessed_range")
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
	r, _ := object(v, "fromDate", "toDate")
	from, to = literal(r["fromDate"]), literal(r["toDate"])
	if from == "" {
		from = literal(v)
	}
	return from, to
}

func problemList(list json.RawMessage) (NoticeMessage, bool) {
	problems, ok := elements(list, 1)
	if !ok || len(problems) == 0 {
		return NoticeMessage{}, false
	}
	first, _ := object(problems[0], problemNames...)
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

// textMost bounds, in bytes, what is kept of a text: it may come from anybody, and stays for as long as the
// connection does.
const textMost = 4 << 10

func text(v json.RawMessage) (s string) {
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return bounded(strings.TrimSpace(s))
}

// bounded shortens s to textMost, and lets go of the rest.
func bounded(s string) string {
	if len(s) <= textMost {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:textMost], ""))
}

// literal is v's text, or its raw JSON if it has none.
func literal(v json.RawMessage) string {
	if s := text(v); s != "" {
		return s
	}
	return bounded(string(v))
}

// listMost is how many entries of a list are read. The longest that X has reason to send has a minute of five days
// each: 7200.
const listMost = 10_000

// texts are the entries of a list, or what stands in its place. Of one that is too long the last entry is no date:
// what it says of all the others is not known.
func texts(v json.RawMessage) (all []string) {
	list, ok := elements(v, listMost+1)
	if !ok {
		return []string{literal(v)}
	}
	if len(list) > listMost {
		list[listMost] = json.RawMessage(`"…"`)
	}
	for _, e := range list {
		all = append(all, literal(e))
	}
	return all
}

// elements are those of the list v, but no more than most; false if v is no list.
func elements(v json.RawMessage, most int) (list []json.RawMessage, ok bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	i, more := jsonscan.EnterArray(v, 0)
	for more && len(list) < most {
		end := jsonscan.Skip(v, i)
		if end < 0 {
			return nil, false
		}
		list = append(list, v[i:end])
		i, more = jsonscan.NextElement(v, end)
	}
	return list, i >= 0
}

// countMost is the longest count, in bytes: those of a number of 64 bits, and quotes.
const countMost = 22

// count reads a whole number, in quotes or not: X sends some numbers as text.
func count(v json.RawMessage) (n int64, ok bool) {
	if len(v) > countMost {
		return 0, false
	}
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
