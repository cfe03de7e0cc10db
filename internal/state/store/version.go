package store

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// What of SQLite's file format is read without SQLite, which would touch the files (sqlite.org/fileformat2.html).
const (
	walHeaderLen    = 32
	walFrameHead    = 24
	walMagic        = 0x377f0682 // the lowest bit says that checksums are big-endian
	walPageSizeAt   = 8
	walChecksumAt   = 24
	frameCommitAt   = 4
	frameSaltAt     = 8
	frameChecksumAt = 16
	minPage         = 512
	maxPage         = 65536
)

// storedVersion is the schema's version, read without touching anything; 0 where it cannot be told.
func storedVersion(dir string) (int, error) {
	path := filepath.Join(dir, dbName)
	head := make([]byte, sqlfile.HeaderLen)
	n, err := readStart(path, head)
	if err != nil {
		return 0, err
	}
	version := sqlfile.Version(head[:n], application)
	later, err := walVersion(path + sqlfile.LogSuffix)
	return max(version, later), err
}

func readStart(path string, b []byte) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// walVersion is the highest version in the first pages that the log holds.
func walVersion(path string) (version int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, walHeaderLen)
	if _, err := io.ReadFull(f, head); err != nil {
		return 0, nil // too short to be a log
	}
	size := binary.BigEndian.Uint32(head[walPageSizeAt:])
	if binary.BigEndian.Uint32(head)&^1 != walMagic || size < minPage || size > maxPage {
		return 0, nil
	}
	frame := make([]byte, walFrameHead+size)
	sum := newWALSum(head)
	if !sum.take(head[:walChecksumAt], head[walChecksumAt:]) {
		return 0, nil
	}
	for pending := 0; ; {
		if _, err := io.ReadFull(f, frame); err != nil {
			return version, nil // its end
		}
		salted := string(frame[frameSaltAt:frameChecksumAt]) == string(head[16:24])
		if !salted || !sum.take(frame[:frameSaltAt], nil) || !sum.take(frame[walFrameHead:], frame[frameChecksumAt:]) {
			return version, nil
		}
		if binary.BigEndian.Uint32(frame) == 1 {
			pending = sqlfile.Version(frame[walFrameHead:], application)
		}
		if binary.BigEndian.Uint32(frame[frameCommitAt:]) != 0 {
			version = max(version, pending)
		}
	}
}

// walSum is the running checksum of a log.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func newWALSum(head []byte) *walSum {
	if binary.BigEndian.Uint32(head)&1 != 0 {
		return &walSum{order: binary.BigEndian}
	}
	return &walSum{order: binary.LittleEndian}
}

// take goes on over b, and reports whether the sum is then the stored one, if there is one.
func (s *walSum) take(b, stored []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
	return stored == nil || s.s0 == binary.BigEndian.Uint32(stored) && s.s1 == binary.BigEndian.Uint32(stored[4:])
}
