package jsonscan

import "math"

// Number validates the number at i and returns the position behind it, or -1; integer says that
// it has neither fraction nor exponent.
func Number(b []byte, i int) (end int, integer bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return -1, false
	}
	if i >= len(b) || b[i] != '.' && b[i]|0x20 != 'e' {
		return i, true
	}
	return fraction(b, i), false
}

func fraction(b []byte, i int) int {
	if b[i] == '.' {
		start := i + 1
		if i = digits(b, start); i == start {
			return -1
		}
	}
	if i >= len(b) || b[i]|0x20 != 'e' {
		return i
	}
	i++
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		i++
	}
	start := i
	if i = digits(b, start); i == start {
		return -1
	}
	return i
}

func digits(b []byte, i int) int {
	for uint(i) < uint(len(b)) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// Int validates the number at i like Number. ok says that it is an integer that fits v.
func Int(b []byte, i int) (v int64, end int, ok bool) {
	end, integer := Number(b, i)
	if !integer {
		return 0, end, false
	}
	if b[i] != '-' {
		v, ok = Digits(b[i:end])
		return v, end, ok
	}
	v, ok = Digits(b[i+1 : end])
	return -v, end, ok // -1<<63 does not fit: nothing of X's is that small
}

// Digits is the value of a string of decimal digits that fits an int64.
func Digits(s []byte) (v int64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		d := int64(c - '0')
		if d > 9 || v > (math.MaxInt64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}
