package lineproto

import (
	"bytes"
	"strings"
)

// AppendFolded appends a line that Parse took as one physical line, with its newline: line breaks in strings become \n
// and \r, which stand for nothing else there, since every other backslash in a string has its own before it.
func AppendFolded(dst, line []byte) []byte {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	for {
		i := bytes.IndexAny(line, "\n\r")
		if i < 0 {
			return append(append(dst, line...), '\n')
		}
		dst = append(dst, line[:i]...)
		dst = append(dst, '\\', "nr"[strings.IndexByte("\n\r", line[i])])
		line = line[i+1:]
	}
}

// AppendUnfolded is the inverse. l is the line as Parse reads it.
func AppendUnfolded(dst, line []byte, l *Line) []byte {
	if bytes.IndexByte(line, '\\') < 0 {
		return append(dst, line...)
	}
	for _, f := range l.Fields {
		if !f.IsString() || bytes.IndexByte(f.Value, '\\') < 0 {
			continue
		}
		at := offset(line, f.Value)
		dst = append(dst, line[:at]...)
		dst = appendUnfoldedString(dst, f.Value)
		line = line[at+len(f.Value):]
	}
	return append(dst, line...)
}

// offset is where in line its part begins.
func offset(line, part []byte) int { return cap(line) - cap(part) }

func appendUnfoldedString(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		if c := escaped(s[i+1]); c != s[i+1] {
			dst = append(dst, c)
		} else {
			dst = append(dst, s[i], s[i+1])
		}
		s = s[i+2:]
	}
}
