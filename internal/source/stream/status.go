package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

const (
	refusalSize = 64 << 10        // of an error response's body is read, plain
	refusalTime = 5 * time.Second // is waited for it, if connect_timeout is not shorter
	messageSize = 1 << 10         // of it is shown
)

// refuses reports whether the header alone says that no stream follows.
func refuses(res *http.Response) bool {
	return res.StatusCode != http.StatusOK || res.ContentLength == 0 || page(res)
}

// page reports whether a browser is meant: what X sends is JSON.
func page(res *http.Response) bool {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// refused is the end of an attempt that got any status but 200, or a page.
func (a *attempt) refused(res *http.Response) End {
	e := End{Status: res.StatusCode}
	if err := redirect(res); err != nil {
		return a.secrets.end(e, "redirect", err)
	}
	switch {
	case e.Status < 100:
		return a.secrets.end(End{}, "no_http", fmt.Errorf("status %d is none of HTTP", e.Status))
	case e.Status < 200: // another protocol follows, or nothing
		return a.secrets.end(e, fmt.Sprintf("http_%d", e.Status), fmt.Errorf("response %s, which nobody asked for", oneLine(a.secrets.Hide(res.Status))))
	}
	e.Message = message([]byte(a.secrets.Hide(string(a.body(res))))) // before anything of it is cut
	if e.Status == http.StatusOK {
		return a.secrets.end(e, noStream, fmt.Errorf("%w: %s", errNoStream, a.secrets.Hide(kindOf(res))))
	}
	return a.secrets.end(e, fmt.Sprintf("http_%d", res.StatusCode), fmt.Errorf("response %s", oneLine(a.secrets.Hide(res.Status))))
}

func kindOf(res *http.Response) string {
	if res.ContentLength == 0 {
		return "nothing"
	}
	return "a page for browsers (" + oneLine(res.Header.Get("Content-Type")) + ")"
}

// redirect refuses to go elsewhere: credentials are for the configured host only. The target's path and
// query are not shown, they may hold a token.
func redirect(res *http.Response) error {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
	default:
		return nil
	}
	to, err := res.Location()
	if err != nil {
		return fmt.Errorf("redirect %d without a readable target", res.StatusCode)
	}
	return fmt.Errorf("redirect %d to %s", res.StatusCode, oneLine(to.Scheme+"://"+to.Host))
}

// body reads what comes of an error response in time; a damaged or late one is as good as its beginning.
func (a *attempt) body(res *http.Response) []byte {
	limit := refusalTime
	if a.o.ConnectTimeout > 0 {
		limit = min(limit, a.o.ConnectTimeout)
	}
	timer := time.AfterFunc(limit, func() { a.cancel(errors.New("read the error response: timeout")) })
	defer timer.Stop()
	src := bufio.NewReader(res.Body)
	if !gzipAhead(src) {
		body, _ := io.ReadAll(io.LimitReader(src, refusalSize))
		return body
	}
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(z, refusalSize))
	return body
}

// encoding is gzip, identity, or the name of one that is not known, as the header says it.
func encoding(res *http.Response) string {
	switch e := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); e {
	case "gzip", "x-gzip":
		return "gzip"
	case "", "identity":
		return "identity"
	default:
		return e
	}
}

// gzipAhead tells by the magic number, whatever the header says.
func gzipAhead(src *bufio.Reader) bool {
	head, _ := src.Peek(2)
	return len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b
}

// message is what an error body says in one line. X sends JSON as a rule, but text, HTML and nothing have
// been seen.
func message(body []byte) string {
	var x struct {
		Error struct {
			Message       string `json:"message"`
			TransactionID string `json:"transactionId"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &x) != nil || x.Error.Message == "" {
		return oneLine(string(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	}
	id := oneLine(x.Error.TransactionID)
	if id == "" {
		return oneLine(x.Error.Message)
	}
	suffix := cut(" (transaction "+id, messageSize/2) + ")"
	return cut(oneLine(x.Error.Message), messageSize-len(suffix)) + suffix
}

// oneLine makes text from outside fit for a log line: blanks folded, what is not printable escaped, 1 KiB at most.
func oneLine(s string) string {
	return cut(redact.Escape(strings.Join(strings.Fields(s), " ")), messageSize)
}

// cut shortens s to size bytes without splitting a character.
func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}
