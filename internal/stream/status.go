package stream

import (
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

	"github.com/decahose/telegraf-decahose/internal/redact"
)

const (
	refusalSize = 64 << 10        // of an error response's body is read, plain
	refusalTime = 5 * time.Second // is waited for it
	messageSize = 1 << 10         // of it is shown
)

// refused is the end of an attempt that got any status but 200.
func (a *attempt) refused(res *http.Response) End {
	e := End{Status: res.StatusCode}
	if err := redirect(res); err != nil {
		return a.secrets.end(e, "redirect", err)
	}
	e.Message = message([]byte(a.secrets.Hide(string(a.body(res))))) // before anything of it is cut
	return a.secrets.end(e, fmt.Sprintf("http_%d", res.StatusCode), fmt.Errorf("response %s", oneLine(a.secrets.Hide(res.Status))))
}

// redirect refuses to go elsewhere: credentials are for the configured host only. The target's path and
// query are not shown, they may hold a token.
func redirect(res *http.Response) error {
	switch res.StatusCode {
	case 301, 302, 303, 307, 308:
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
	timer := time.AfterFunc(refusalTime, func() { a.cancel(errors.New("read the error response: timeout")) })
	defer timer.Stop()
	var src io.Reader = res.Body
	if encoding(res) == "gzip" {
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil
		}
		src = z
	}
	body, _ := io.ReadAll(io.LimitReader(src, refusalSize))
	return body
}

// encoding is gzip, identity, or the name of one that is not known.
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
