//go:build !linux

package main

import "errors"

func evict(string) error {
	return errors.New("this system cannot be told to drop files from its page cache")
}
