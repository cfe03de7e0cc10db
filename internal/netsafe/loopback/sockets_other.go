//go:build !linux

package loopback

import "errors"

func sockets() ([]socket, error) { return nil, errors.ErrUnsupported }
