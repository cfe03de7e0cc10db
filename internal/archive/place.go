package archive

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// place is where segments lie, by their paths with slashes. It is safe for use by several goroutines.
type place interface {
	// list returns the objects whose path begins with prefix, which ends with a slash or is empty.
	list(ctx context.Context, prefix string) ([]object, error)
	// read returns the first n bytes of the object, or all of it if n is negative. An error of one that is not there
	// wraps fs.ErrNotExist.
	read(ctx context.Context, path string, n int64) ([]byte, error)
	// put stores the object: durable and whole when it returns nil, and otherwise not to be seen.
	put(ctx context.Context, path string, body []byte) error
	// remove does nothing if the object is not there.
	remove(ctx context.Context, path string) error
	close() error
}

// object is one that list found.
type object struct {
	path string
	size int64
}

var errURL = errors.New(`must be "file:///directory", a directory, or "s3://bucket/prefix"`)

// mistyped is a URL that lacks something, and may hold a password: it is no directory.
var mistyped = regexp.MustCompile(`^(?:file|s3|https?):|^[^/\\]*:.*@`)

// ParseURL checks the URL of an archive without opening it. Its errors show no credential.
func ParseURL(text string) error {
	_, _, err := parseURL(text)
	return err
}

// parseURL returns the directory, or the URL of a bucket.
func parseURL(text string) (dir string, bucket *url.URL, err error) {
	if text != "" && !strings.Contains(text, "://") {
		if mistyped.MatchString(text) {
			return "", nil, errURL
		}
		return filepath.Clean(text), nil, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil || u.Fragment != "":
		return "", nil, errURL
	case u.Scheme == "file" && u.Host == "" && u.Path != "" && u.RawQuery == "":
		return fromSlash(u.Path), nil, nil
	case u.Scheme == "s3" && u.Host != "":
		return "", u, checkBucketURL(u)
	}
	return "", nil, errURL
}

// Directory is the directory of the archive at that URL, empty where it is a bucket.
func Directory(url string) string {
	dir, _, _ := parseURL(url)
	return dir
}

// fromSlash makes /C:/dir of a URL the path that it means.
func fromSlash(p string) string {
	if runtime.GOOS == "windows" {
		p = strings.TrimPrefix(p, "/")
	}
	return filepath.Clean(filepath.FromSlash(p))
}

func openPlace(text string, o Options, d disk) (place, error) {
	dir, bucket, err := parseURL(text)
	if err != nil {
		return nil, fmt.Errorf("url of the archive: %w", err)
	}
	if bucket != nil {
		return openBucket(bucket, o)
	}
	return &directory{root: dir, disk: d}, nil
}
