package archive

import (
	"bytes"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
)

// joinMost bounds what is made one line again: more than any Tweet takes.
const joinMost = 1 << 20

// Joiner makes one line again of those into which an output cut it: outputs.execd with influx_max_line_bytes writes a
// metric as several lines that follow each other, each with its tags, its time and some of its fields. Lines that share a
// field are copies, and stay as they are. The zero value holds nothing; it has one owner.
type Joiner struct {
	held        []byte // the line that may go on, without its newline
	fresh       []byte // memory of the one that was handed out
	first, next lineproto.Line
}

// Add takes the next line, and returns the one before it, nil where there is none or where this one is a part of it. What
// is returned is valid until the next call.
func (j *Joiner) Add(line []byte) (whole []byte) {
	line = bytes.TrimRight(line, "\r\n")
	if j.continues(line) {
		series, at := splitLine(line)
		j.held = append(j.held[:len(j.held)-len(at)-1], ',')
		j.held = append(j.held, line[len(series)+1:]...)
		return nil
	}
	whole = j.Rest()
	j.held = append(j.held[:0], line...)
	return whole
}

// Rest hands out the line that is held, nil if there is none: no more of it can come.
func (j *Joiner) Rest() []byte {
	if len(j.held) == 0 {
		return nil
	}
	j.held, j.fresh = j.fresh[:0], j.held
	return j.fresh
}

// Size is how many bytes are held.
func (j *Joiner) Size() int { return len(j.held) }

// continues reports whether the line has the series and time of the one that is held, and none of its fields. It parses
// only where the first two hold, which copies and parts do.
func (j *Joiner) continues(line []byte) bool {
	series, at := splitLine(line)
	held, heldAt := splitLine(j.held)
	if len(at) == 0 || len(j.held)+len(line) > joinMost || !bytes.Equal(series, held) || !bytes.Equal(at, heldAt) {
		return false
	}
	if j.first.Parse(j.held) != nil || j.next.Parse(line) != nil {
		return false
	}
	for _, f := range j.next.Fields {
		if j.first.Field(string(f.Key)) != nil {
			return false
		}
	}
	return true
}

// splitLine returns what stands before a line's fields and what behind them; at is empty where it has no time.
func splitLine(line []byte) (series, at []byte) {
	end := 0
	for end < len(line) && line[end] != ' ' {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(line) {
		return line, nil
	}
	series = line[:end]
	at = line[bytes.LastIndexByte(line, ' ')+1:]
	if len(at) == len(line)-end-1 { // there is one space only
		return series, nil
	}
	return series, at
}
