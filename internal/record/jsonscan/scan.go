package jsonscan

// MaxDepth is how deep Skip and Valid follow nested values; deeper is invalid. It bounds the stack.
// Records of X nest about ten deep.
const MaxDepth = 512

// Valid reports whether b is exactly one JSON value, with space around it allowed. Invalid UTF-8
// within strings is valid here, as it is for encoding/json.
func Valid(b []byte) bool {
	i := Skip(b, Space(b, 0))
	return i >= 0 && Space(b, i) == len(b)
}

// Space is the position of the first byte at or after i that is not JSON white space, or len(b).
func Space(b []byte, i int) int {
	if uint(i) < uint(len(b)) && b[i] > ' ' {
		return i
	}
	return longSpace(b, i)
}

func longSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// Skip validates the value that begins at i and returns the position behind it, or -1.
func Skip(b []byte, i int) int { return skip(b, i, MaxDepth) }

func skip(b []byte, i, depth int) int {
	if uint(i) >= uint(len(b)) {
		return -1
	}
	switch b[i] {
	case '"':
		i, _ = String(b, i)
		return i
	case '{':
		return skipObject(b, i, depth-1)
	case '[':
		return skipArray(b, i, depth-1)
	case 't', 'f', 'n':
		return literal(b, i)
	}
	i, _ = Number(b, i)
	return i
}

func literal(b []byte, i int) int {
	if len(b)-i >= 4 {
		switch string(b[i : i+4]) {
		case "true", "null":
			return i + 4
		case "fals":
			if i+4 < len(b) && b[i+4] == 'e' {
				return i + 5
			}
		}
	}
	return -1
}

func skipObject(b []byte, i, depth int) int {
	i = Space(b, i+1)
	if depth < 0 || i >= len(b) {
		return -1
	}
	if b[i] == '}' {
		return i + 1
	}
	for {
		if i = skipKey(b, i); i < 0 {
			return -1
		}
		if i = skip(b, i, depth); i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		if b[i] != ',' {
			return closing(b[i] == '}', i)
		}
		i = Space(b, i+1)
	}
}

func skipArray(b []byte, i, depth int) int {
	i = Space(b, i+1)
	if depth < 0 || i >= len(b) {
		return -1
	}
	if b[i] == ']' {
		return i + 1
	}
	for {
		if i = skip(b, i, depth); i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		if b[i] != ',' {
			return closing(b[i] == ']', i)
		}
		i = Space(b, i+1)
	}
}

func closing(right bool, i int) int {
	if right {
		return i + 1
	}
	return -1
}

// skipKey reads `"key":` and returns the position of the value.
func skipKey(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i, _ = String(b, i); i < 0 {
		return -1
	}
	return afterColon(b, i)
}

func afterColon(b []byte, i int) int {
	if i = Space(b, i); i >= len(b) || b[i] != ':' {
		return -1
	}
	return Space(b, i+1)
}
