package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

const (
	// requestTimeout bounds one request to the bucket with its repetitions: a segment has megabytes, seldom tens of them.
	requestTimeout = 5 * time.Minute
	// requestTries is how often the client itself sends a request that failed in a way that may pass.
	requestTries = 3
	awsEndpoint  = "https://s3.amazonaws.com"
)

// bucket is a place in a store that speaks S3. A put there is seen whole or not at all.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // empty, or ends with a slash
	idle   func() // ends connections that wait for the next request
}

var (
	errQuery    = errors.New(`must be without parameters other than "region" and "endpoint"`)
	errEndpoint = errors.New(`must be with an endpoint https://HOST, or http://HOST of a loopback address`)
)

func checkBucketURL(u *url.URL) error {
	for key := range u.Query() {
		if key != "region" && key != "endpoint" {
			return errQuery
		}
	}
	_, err := endpointOf(u)
	return err
}

// endpointOf is where the bucket's store is. Credentials must not travel in clear.
func endpointOf(u *url.URL) (*url.URL, error) {
	e, err := url.Parse(cmp.Or(u.Query().Get("endpoint"), awsEndpoint))
	switch {
	case err != nil || e.Host == "" || e.User != nil || e.RawQuery != "" || strings.Trim(e.Path, "/") != "":
		return nil, errEndpoint
	case loopback.Carries(e):
		return e, nil
	}
	return nil, errEndpoint
}

func openBucket(u *url.URL, o Options) (place, error) {
	endpoint, err := endpointOf(u)
	if err != nil {
		return nil, err
	}
	transport, err := minio.DefaultTransport(endpoint.Scheme == "https")
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{Creds: credentialsOf(o), Secure: endpoint.Scheme == "https",
		Region: u.Query().Get("region"), Transport: transport, MaxRetries: requestTries})
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{client: client, name: u.Host, prefix: prefix, idle: transport.CloseIdleConnections}, nil
}

func (b *bucket) list(ctx context.Context, prefix string) (found []object, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list bucket %s: %w", b.name, denied(o.Err))
		}
		found = append(found, object{strings.TrimPrefix(o.Key, b.prefix), o.Size})
	}
	return found, nil
}

func (b *bucket) read(ctx context.Context, path string, n int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var o minio.GetObjectOptions
	if n > 0 {
		if err := o.SetRange(0, n-1); err != nil {
			return nil, err
		}
	}
	body, err := b.client.GetObject(ctx, b.name, b.prefix+path, o)
	if err != nil {
		return nil, fmt.Errorf("read from bucket %s: %w", b.name, err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchKey":
		return nil, fs.ErrNotExist
	case "InvalidRange": // of an object without a byte
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from bucket %s: %w", b.name, refused(err))
	}
	return got, nil
}

// refused makes an answer of the store about one object an unread: others may be had.
func refused(err error) error {
	if status := minio.ToErrorResponse(err).StatusCode; status >= 400 && status < 500 && status != http.StatusTooManyRequests {
		return unread{denied(err)}
	}
	return err
}

// denied makes an answer that the credentials do not suffice an fs.ErrPermission, too: it will not pass by itself.
func denied(err error) error {
	switch minio.ToErrorResponse(err).StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	return err
}

func (b *bucket) put(ctx context.Context, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := b.client.PutObject(ctx, b.name, b.prefix+path, bytes.NewReader(body), int64(len(body)),
		minio.PutObjectOptions{ContentType: "application/zstd", DisableMultipart: true, SendContentMd5: true})
	if err != nil {
		return fmt.Errorf("write to bucket %s: %w", b.name, err)
	}
	return nil
}

func (b *bucket) remove(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := b.client.RemoveObject(ctx, b.name, b.prefix+path, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove from bucket %s: %w", b.name, err)
	}
	return nil
}

func (b *bucket) close() error {
	b.idle()
	return nil
}
