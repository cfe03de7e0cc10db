package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// stuck is a disk on which what holds one of some words in its path cannot be removed.
type stuck struct {
	realDisk
	words *[]string
}

func (d stuck) remove(path string) error {
	for _, w := range *d.words {
		if strings.Contains(path, w) {
			return &fs.PathError{Op: "remove", Path: path, Err: syscall.EPERM}
		}
	}
	return d.realDisk.remove(path)
}

// TestRetentionGoesOn: a segment that cannot be removed keeps no other, and is counted; it is left alone for an hour.
func TestRetentionGoesOn(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	words := []string{"T1151Z", "T1153Z"}
	o.disk = stuck{words: &words}
	w, err := NewWriter(dir, o, clock)
	require.NoError(t, err)
	for i := range timeline.Minute(10) {
		write(t, w, noon-9+i, 0, 3)
	}
	require.NoError(t, w.Seal(clock.Add(time.Hour)))
	now := time.UnixMilli((noon + 1).Milli())
	retain := func(now time.Time) (int, error) {
		return w.Retain(context.Background(), Retention{Age: 5 * time.Minute}, now)
	}
	n, err := retain(now)
	require.Equal(t, 2, n)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "2 segments cannot be removed")
	require.Len(t, segments(t, dir), 8)
	words = nil
	n, err = retain(now)
	require.NoError(t, err)
	require.Zero(t, n, "they are left alone")
	n, err = retain(now.Add(stayFor))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	finish(t, w)
}

// only is a store whose answer to requests for one object is a status.
func only(s *store, method, word string, status int, how *atomic.Int32) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method && strings.Contains(r.URL.Path, word) {
			how.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>InvalidObjectState</Code><Message>in another class</Message></Error>`))
			return
		}
		s.ServeHTTP(w, r)
	}))
}

// TestUploadGoesOn: a segment that the bucket refuses does not hold up those behind it.
func TestUploadGoesOn(t *testing.T) {
	s := newStore(t)
	var refused atomic.Int32
	front := only(s, http.MethodPut, "T1200Z", http.StatusBadRequest, &refused)
	defer front.Close()
	behind := s.URL
	s.URL = front.URL
	w := newBucketWriter(t, s, t.TempDir())
	for i := range timeline.Minute(4) {
		write(t, w, noon+i, 0, 3)
	}
	require.NoError(t, w.SealAll(clock))
	require.Error(t, w.Upload(context.Background()))
	require.Positive(t, refused.Load())
	require.EqualValues(t, 3, w.Stats().Uploads)
	require.NoError(t, w.Close())
	s.URL = behind
	a := openBucketArchive(t, s)
	for i := range timeline.Minute(3) {
		requireHeld(t, a, noon+1+i, 3)
	}
}

// TestOneObjectThatCannotBeRead: the minutes beside it are as good as without it.
func TestOneObjectThatCannotBeRead(t *testing.T) {
	s := newStore(t)
	w := newBucketWriter(t, s, t.TempDir())
	for i := range timeline.Minute(3) {
		write(t, w, noon+i, 0, 3)
	}
	require.NoError(t, w.SealAll(clock))
	require.NoError(t, w.Upload(context.Background()))
	require.NoError(t, w.Close())
	var refused atomic.Int32
	front := only(s, http.MethodGet, "T1201Z", http.StatusForbidden, &refused)
	defer front.Close()
	s.URL = front.URL
	a := openBucketArchive(t, s)
	list, err := a.Minutes(context.Background(), "prod", noon, noon+3)
	require.NoError(t, err)
	require.Len(t, list, 3)
	requireHeld(t, a, noon, 3)
	requireHeld(t, a, noon+2, 3)
	_, err = held(t, a, noon+1)
	require.ErrorIs(t, err, ErrDamaged, "it is one minute's affair")
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Contains(t, err.Error(), "T1201Z")
	require.Positive(t, refused.Load())
}

// TestRoleThatFailsForAWhile: without the credentials that there should be no request is sent unsigned, so that a store's
// denial is not mistaken for its last word.
func TestRoleThatFailsForAWhile(t *testing.T) {
	var down atomic.Bool
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		_, _ = w.Write([]byte(`{"AccessKeyId":"AKID","SecretAccessKey":"SECRET","Token":"t","Expiration":"` + until + `"}`))
	}))
	defer role.Close()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	s := newStore(t)
	var unsigned atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			unsigned.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	s.URL = front.URL
	down.Store(true)
	a, err := Open(s.url(), Options{})
	require.NoError(t, err)
	_, err = a.Minutes(context.Background(), "prod", noon, noon+1)
	require.ErrorIs(t, err, errNoCredentials)
	require.False(t, errors.Is(err, fs.ErrPermission), "it may pass")
	down.Store(false)
	_, err = a.Minutes(context.Background(), "prod", noon, noon+1)
	require.NoError(t, err)
	require.Zero(t, unsigned.Load())
	require.NoError(t, a.Close())
}

// TestKeysAreExchanged: keys of the configuration and of the cloud's shared file are read again once a minute; while they
// cannot be, the last ones stand.
func TestKeysAreExchanged(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	write := func(key string) {
		require.NoError(t, os.WriteFile(file, []byte("[default]\naws_access_key_id = "+key+"\naws_secret_access_key = s\n"), 0o600))
	}
	own := ""
	for name, c := range map[string]struct {
		o      Options
		change func(key string)
	}{
		"configuration": {Options{Keys: func() (Keys, error) {
			if own == "" {
				return Keys{}, os.ErrDeadlineExceeded
			}
			return Keys{Access: own, Secret: "s"}, nil
		}}, func(key string) { own = key }},
		"file": {Options{}, func(key string) {
			if key == "" {
				require.NoError(t, os.Remove(file))
				return
			}
			write(key)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys := credentialsOf(c.o)
				for _, step := range []struct {
					change string
					wait   time.Duration
					want   string
				}{
					{"first", 0, "first"},
					{"second", keysInterval - time.Second, "first"},
					{"second", time.Second, "second"},
					{"", keysInterval, "second"},
					{"third", keysInterval, "third"},
				} {
					c.change(step.change)
					time.Sleep(step.wait)
					v, err := keys.GetWithContext(nil)
					require.NoError(t, err)
					require.Equal(t, step.want, v.AccessKeyID)
				}
			})
		})
	}
}
