package sqlfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// What of the format of a log (-wal) is read.
const (
	logHeaderLen   = 32
	logMagic       = 0x377f0682 // the lowest bit says that checksums are of big-endian words
	logPageSizeAt  = 8
	logSaltAt      = 16
	logChecksumAt  = 24
	frameHeaderLen = 24
	frameCommitAt  = 4
	frameSaltAt    = 8
	frameSumAt     = 16
	minPageSize    = 512
	maxPageSize    = 65536
)

func inspectLog(path string, application uint32) (l Inspected, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, logHeaderLen)
	if _, err := io.ReadFull(r, head); err != nil {
		return l, nil // too short to be a log
	}
	log, sound := newLog(head)
	if !sound {
		info, err := f.Stat()
		return Inspected{Torn: err == nil && info.Size() > logHeaderLen}, err
	}
	return log.inspect(r, application), nil
}

// log is what the header of a log says, and the running checksum of its frames.
type log struct {
	salt   string // of its frames; others are of an earlier use of the file
	order  binary.ByteOrder
	s0, s1 uint32
	page   uint32
}

func newLog(head []byte) (l *log, sound bool) {
	magic := binary.BigEndian.Uint32(head)
	l = &log{salt: string(head[logSaltAt:logChecksumAt]), order: binary.LittleEndian, page: binary.BigEndian.Uint32(head[logPageSizeAt:])}
	if magic&1 != 0 {
		l.order = binary.BigEndian
	}
	l.sum(head[:logChecksumAt])
	return l, magic&^1 == logMagic && l.page >= minPageSize && l.page <= maxPageSize && l.is(head[logChecksumAt:])
}

// inspect reads the frames as SQLite does, up to the first that does not go on from the one before it.
func (l *log) inspect(r io.Reader, application uint32) (found Inspected) {
	frame := make([]byte, frameHeaderLen+l.page)
	for pending := 0; ; {
		if _, err := io.ReadFull(r, frame); err != nil {
			return found // its end
		}
		if !l.goesOn(frame) {
			found.Torn = l.lost(r, frame)
			return found
		}
		if binary.BigEndian.Uint32(frame) == 1 {
			pending = Version(frame[frameHeaderLen:], application)
		}
		if commits(frame) {
			found.Version = max(found.Version, pending)
		}
	}
}

// lost reports whether a commit that was synced cannot be read, because of a frame that does not go on. That alone is
// what a kill or a loss of power leaves: part of the transaction that was being written, over what the file held before.
// But a commit is synced before the frame behind it is written, and the checksum of that frame goes on from the commit's.
// So a commit with such a frame behind it was synced; of the last commit nobody can tell.
func (l *log) lost(r io.Reader, frame []byte) bool {
	for {
		committed, stored := commits(frame), *l
		stored.s0, stored.s1 = binary.BigEndian.Uint32(frame[frameSumAt:]), binary.BigEndian.Uint32(frame[frameSumAt+4:])
		if _, err := io.ReadFull(r, frame); err != nil {
			return false
		}
		// The damage may be in the checksum itself: then the one that was calculated is what was written.
		if (l.goesOn(frame) || stored.goesOn(frame)) && committed {
			return true
		}
		*l = stored
	}
}

// commits reports whether a frame is the last one of its transaction.
func commits(frame []byte) bool { return binary.BigEndian.Uint32(frame[frameCommitAt:]) != 0 }

// goesOn adds a frame to the checksum, and reports whether it is of this use of the file, and has that checksum.
func (l *log) goesOn(frame []byte) bool {
	l.sum(frame[:frameSaltAt])
	l.sum(frame[frameHeaderLen:])
	return string(frame[frameSaltAt:frameSumAt]) == l.salt && l.is(frame[frameSumAt:])
}

func (l *log) sum(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		l.s0 += l.order.Uint32(b) + l.s1
		l.s1 += l.order.Uint32(b[4:]) + l.s0
	}
}

func (l *log) is(stored []byte) bool {
	return l.s0 == binary.BigEndian.Uint32(stored) && l.s1 == binary.BigEndian.Uint32(stored[4:])
}
