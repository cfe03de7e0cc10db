package archive

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Credentials that do not suffice are told from what may pass by itself.
func TestBucketDenied(t *testing.T) {
	for status, denied := range map[int]bool{http.StatusForbidden: true, http.StatusUnauthorized: true, http.StatusNotFound: false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		a, err := Open("s3://tweets/site/a?region=eu&endpoint="+url.QueryEscape(s.URL), keys)
		require.NoError(t, err)
		_, err = a.Minutes(context.Background(), "prod", noon, noon+1)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "SECRET")
		if denied {
			require.ErrorIs(t, err, fs.ErrPermission)
		} else {
			require.NotErrorIs(t, err, fs.ErrPermission)
		}
		require.NoError(t, a.Close())
		s.Close()
	}
}
