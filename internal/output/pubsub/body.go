package pubsub

import (
	"encoding/base64"
	"errors"
	"io"
	"sync"
)

// What stands around the lines in the JSON of a Pub/Sub push.
const (
	before = `{"message":{"data":"`
	after  = `"}}`
)

// message is the text of one POST, made while it is sent: lines are read where they are, and nothing is copied.
// net/http may read a body after Do has returned, so mu guards lines until end.
type message struct {
	mu    sync.Mutex
	lines []byte
	ended bool
}

// end waits for a Read that has begun; later ones fail. lines then belong to the caller again.
func (m *message) end() {
	m.mu.Lock()
	m.lines, m.ended = nil, true
	m.mu.Unlock()
}

func (m *message) size() int64 {
	return int64(len(before) + base64.StdEncoding.EncodedLen(len(m.lines)) + len(after))
}

// body starts at the beginning.
func (m *message) body() io.ReadCloser { return &body{message: m} }

// body is one reader of a message.
type body struct {
	message *message
	at      int // in the text
}

var errEnded = errors.New("post has ended")

// Close does nothing: the message is ended by who posts it.
func (*body) Close() error { return nil }

func (b *body) Read(p []byte) (int, error) {
	b.message.mu.Lock()
	defer b.message.mu.Unlock()
	if b.message.ended {
		return 0, errEnded
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := fill(p, b.at, b.message.lines)
	b.at += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// fill puts some of the text into p, from at on.
func fill(p []byte, at int, lines []byte) int {
	if at < len(before) {
		return copy(p, before[at:])
	}
	at -= len(before)
	encoded := base64.StdEncoding.EncodedLen(len(lines))
	if at >= encoded {
		return copy(p, after[at-encoded:])
	}
	group := at / 4 // three bytes are four characters
	if at%4 != 0 || len(p) < 4 {
		var one [4]byte
		encodeGroups(one[:], group, lines)
		return copy(p, one[at%4:])
	}
	return encodeGroups(p, group, lines)
}

// encodeGroups fills p with whole groups of characters.
func encodeGroups(p []byte, group int, lines []byte) int {
	from := group * 3
	to := min(from+len(p)/4*3, len(lines))
	base64.StdEncoding.Encode(p, lines[from:to])
	return base64.StdEncoding.EncodedLen(to - from)
}
