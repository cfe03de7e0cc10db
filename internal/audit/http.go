package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// refusalMost bounds what is read of a refusal, in bytes. It is more than is shown: what is cut here must not be seen.
const refusalMost = 64 << 10

// newClient follows no redirect: a credential is for the host that was named.
func newClient(c *Config) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = c.TLS
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer asks, and returns what f reads of a 200.
func answer(client *http.Client, req *http.Request, f func(*reply) error) error {
	res, err := client.Do(req)
	if err != nil {
		var ue *url.Error // it names the URL, with the query in it
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return fmt.Errorf("reach the store at %s: %w", req.URL.Host, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, refusalMost))
		return fmt.Errorf("store at %s answered %s: %s", req.URL.Host, res.Status, strings.TrimSpace(string(text)))
	}
	return f(newReply(res.Body))
}

// request to a path below the store's URL.
func (c *Config) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("url cannot be read")
	}
	u = u.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, errors.New("url cannot be asked")
	}
	return req, nil
}
