package latest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func put(t *testing.T, path, content string) {
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// A file that changes is read again, also within one tick of the file system's clock and at the same size; one that cannot
// be read leaves the last good value, with one word.
func TestRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	var said []string
	v, reads := New(func(text string) { said = append(said, text) }), 0
	get := func() (string, error) {
		return Get(v, "token_file", []string{path}, func() (string, error) {
			reads++
			b, err := ReadFile(path)
			if strings.HasPrefix(string(b), "bad") {
				return "", errors.New("it is bad")
			}
			return string(b), err
		})
	}
	_, err := get()
	require.ErrorIs(t, err, os.ErrNotExist, "there is no last one")
	put(t, path, "one")
	for range 3 {
		got, err := get()
		require.NoError(t, err)
		require.Equal(t, "one", got)
	}
	require.Equal(t, 1, reads, "made once while the file does not change")
	put(t, path, "two")
	got, _ := get()
	require.Equal(t, "two", got)
	require.Empty(t, said)

	for _, trouble := range []func(){
		func() { put(t, path, "bad") },
		func() { require.NoError(t, os.Remove(path)) },
		func() { require.NoError(t, syscall.Mkfifo(path, 0o600)) }, // reading it would never end
	} {
		trouble()
		for range 2 {
			got, err := get()
			require.NoError(t, err)
			require.Equal(t, "two", got)
		}
	}
	require.Len(t, said, 1)
	require.Contains(t, said[0], "token_file cannot be renewed")
	require.NotContains(t, said[0], "two")
	require.NoError(t, os.Remove(path))
	put(t, path, "two") // as it was: it is used, and nothing is made
	got, _ = get()
	require.Equal(t, "two", got)
	put(t, path, "bad again")
	_, _ = get()
	require.Len(t, said, 2, "a new trouble is told of")
}

// A store that hangs is waited for once: the last good value is used meanwhile, and no second reading begins.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		v := New(func(text string) { said = append(said, text) })
		free, reads := make(chan struct{}), atomic.Int32{}
		get := func(wait bool) (string, error) {
			return Get(v, "password", nil, func() (string, error) {
				if reads.Add(1); wait {
					<-free
				}
				return "secret", nil
			})
		}
		got, err := get(false)
		require.NoError(t, err)
		require.Equal(t, "secret", got)
		for range 3 {
			began := time.Now()
			got, err = get(true)
			require.NoError(t, err)
			require.Equal(t, "secret", got)
			require.Equal(t, patience, time.Since(began))
		}
		require.EqualValues(t, 2, reads.Load())
		require.Len(t, said, 1)
		close(free)
		synctest.Wait()
		_, err = get(false)
		require.NoError(t, err)
		require.EqualValues(t, 3, reads.Load())
	})
}

func TestHangsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		_, err := Get(New(nil), "password", nil, func() (string, error) { <-free; return "", nil })
		require.ErrorIs(t, err, errSlow)
		close(free)
	})
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(sizeMost+1))
	require.NoError(t, f.Close())
	_, err = ReadFile(path)
	require.ErrorIs(t, err, errLarge)
	_, err = ReadFile("/dev/zero")
	require.ErrorIs(t, err, errIrregular)
	_, err = ReadFile(filepath.Dir(path))
	require.ErrorIs(t, err, errIrregular)
}
