package jsonscan

// Enter begins to walk the object whose `{` is at i. While more, key is the member's name and
// value the position of its value, within b; the caller reads or skips that value and calls Next
// with the position behind it. When not more, value is the position behind the object, or -1.
//
// Only a key that is written with escapes, which X does not do, costs an allocation.
func Enter(b []byte, i int) (key []byte, value int, more bool) {
	i = Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return nil, i + 1, false
	}
	return member(b, i)
}

// Next goes on from the position behind a member's value; see Enter.
func Next(b []byte, i int) (key []byte, value int, more bool) {
	if i < 0 {
		return nil, -1, false
	}
	if i = Space(b, i); i >= len(b) {
		return nil, -1, false
	}
	switch b[i] {
	case ',':
		return member(b, Space(b, i+1))
	case '}':
		return nil, i + 1, false
	}
	return nil, -1, false
}

func member(b []byte, i int) (key []byte, value int, more bool) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1, false
	}
	end, flags := String(b, i)
	if end < 0 {
		return nil, -1, false
	}
	if key = b[i+1 : end-1]; flags&Escaped != 0 {
		key = Decode(nil, key)
	}
	if i = afterColon(b, end); i < 0 || i >= len(b) {
		return nil, -1, false
	}
	return key, i, true
}

// EnterArray begins to walk the array whose `[` is at i, as Enter does an object.
func EnterArray(b []byte, i int) (value int, more bool) {
	if i = Space(b, i+1); i >= len(b) {
		return -1, false
	}
	if b[i] == ']' {
		return i + 1, false
	}
	return i, true
}

// NextElement goes on from the position behind an element; see EnterArray.
func NextElement(b []byte, i int) (value int, more bool) {
	if i < 0 {
		return -1, false
	}
	if i = Space(b, i); i >= len(b) {
		return -1, false
	}
	if b[i] == ']' {
		return i + 1, false
	}
	if b[i] != ',' {
		return -1, false
	}
	if i = Space(b, i+1); i >= len(b) {
		return -1, false
	}
	return i, true
}
