package option

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Unwritable says why this process cannot make the directory, or files in it; empty: it can, as far as that can be told
// without writing.
func Unwritable(dir string) string {
	at, err := filepath.Abs(dir)
	for ; err == nil; at = filepath.Dir(at) {
		info, statErr := os.Stat(at)
		switch {
		case errors.Is(statErr, os.ErrNotExist) && at != filepath.Dir(at):
			continue
		case statErr != nil:
			return statErr.Error()
		case !info.IsDir():
			return at + " is no directory"
		case !writable(at):
			return fmt.Sprintf("user %d cannot write to %s", os.Geteuid(), at)
		}
		return ""
	}
	return err.Error()
}
