package archive

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/decahose/telegraf-decahose/internal/state/durable"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// disk is what is written through, so that tests can take away what was not synced. Reading goes around it.
type disk interface {
	// mkdir makes the directory and those above it, durably.
	mkdir(path string) error
	// create makes a file that must not exist.
	create(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	// syncDir makes the names in the directory durable.
	syncDir(path string) error
}

// file is one that is appended to.
type file interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
	Close() error
}

// realDisk is the operating system's.
type realDisk struct{}

func (d realDisk) mkdir(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := d.mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, dirMode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.syncDir(parent)
}

func (realDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, fileMode)
	if err != nil {
		return nil, err // not f: a nil *os.File is no nil file
	}
	return f, nil
}

func (realDisk) rename(from, to string) error { return os.Rename(from, to) }
func (realDisk) remove(path string) error     { return os.Remove(path) }

func (realDisk) syncDir(path string) error { return durable.Dir(path) }

// writeFile makes the file whole and durable under its name, or not at all: it is written under a name beside, synced and renamed.
func writeFile(d disk, temp, path string, body []byte) error {
	f, err := d.create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(temp, path)
	}
	if err != nil {
		_ = d.remove(temp) // only room is lost if it stays: the next start removes it
		return err
	}
	return d.syncDir(filepath.Dir(path))
}
