package sqlfile

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// Where SQLite's file format has what is read and written without SQLite, which would touch the file
// (sqlite.org/fileformat2.html).
const (
	HeaderLen      = 100
	writeVersionAt = 18 // then the read version
	changeAt       = 24
	pageCountAt    = 28
	freelistAt     = 32
	UserVersionAt  = 60
	ApplicationAt  = 68
	validForAt     = 92
)

// Inspected is what can be told of a file and its log without SQLite, which would touch them.
type Inspected struct {
	Version int  // of the schema, the highest in file and log; 0 where it cannot be told
	Torn    bool // a synced commit in the log cannot be read: SQLite drops it and all after it, and says nothing
}

// Inspect reads the header of a file, and its log. They need not be there.
func Inspect(path string, application uint32) (Inspected, error) {
	head, err := readStart(path, HeaderLen)
	if err != nil {
		return Inspected{}, err
	}
	l, err := inspectLog(path+LogSuffix, application)
	l.Version = max(l.Version, Version(head, application))
	return l, err
}

// readStart reads the first n bytes of a file, or all that there are.
func readStart(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

// BorrowFirstPage puts the first page of a new file of the same schema and layout in the place of a damaged one: the roots
// of the tables are at the same places.
func BorrowFirstPage(path, from string, pageSize int64) error {
	page, err := readStart(from, pageSize)
	if err != nil {
		return err
	}
	if int64(len(page)) < pageSize {
		return io.ErrUnexpectedEOF
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	page[writeVersionAt], page[writeVersionAt+1] = newestWriteVersion, newestWriteVersion
	binary.BigEndian.PutUint32(page[pageCountAt:], uint32(info.Size()/pageSize))
	binary.BigEndian.PutUint64(page[freelistAt:], 0)
	copy(page[validForAt:validForAt+4], page[changeAt:])
	_, err = f.WriteAt(page, 0)
	return err
}
