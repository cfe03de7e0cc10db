package sqlfile

import "fmt"

// Taken are values of a row that are taken one by one. The first that is of another type than what is asked for is
// kept as an error.
type Taken struct {
	rest []any
	err  error
}

// Take begins with the first.
func Take(values []any) *Taken { return &Taken{rest: values} }

// Err is an ErrRow if a value was of another type than what was asked for.
func (t *Taken) Err() error { return t.err }

func (t *Taken) next() (v any) {
	v, t.rest = t.rest[0], t.rest[1:]
	return v
}

func (t *Taken) wrong(v any, due string) {
	if t.err == nil {
		t.err = fmt.Errorf("%w: a %T where %s is due", ErrRow, v, due)
	}
}

// Int takes an integer.
func (t *Taken) Int() int64 {
	v := t.next()
	n, ok := v.(int64)
	if !ok {
		t.wrong(v, "an integer")
	}
	return n
}

// Bool takes an integer that is not 0.
func (t *Taken) Bool() bool { return t.Int() != 0 }

// Text takes a text.
func (t *Taken) Text() string {
	v := t.next()
	s, ok := v.(string)
	if !ok {
		t.wrong(v, "a text")
	}
	return s
}

// Bytes takes bytes, stored as such or as a text. None come back as NULL.
func (t *Taken) Bytes() []byte {
	switch v := t.next().(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	case nil:
	default:
		t.wrong(v, "bytes")
	}
	return nil
}

// Scanned are n values, and where to scan them to.
func Scanned(n int) (values, into []any) {
	values, into = make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	return values, into
}
