package latest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	// patience is how long a file system or a secret store may take before the last good value is used.
	patience = 5 * time.Second
	// sizeMost bounds a file, in bytes: bundles of authorities have some hundred kilobytes.
	sizeMost = 8 << 20
)

var (
	errSlow      = fmt.Errorf("reading takes more than %v", patience)
	errIrregular = errors.New("it is not a regular file")
	errLarge     = fmt.Errorf("it is larger than %d bytes", sizeMost)
)

// Values are what one part of the configuration is made of, by name. Make them with New; nil keeps nothing.
type Values struct {
	say func(text string)
	mu  sync.Mutex
	all map[string]any // *value[T]
}

// New returns an empty set. say hears, once until it changes, that something cannot be renewed; nil: nobody does.
func New(say func(text string)) *Values { return &Values{say: say, all: make(map[string]any)} }

// Get returns the value of that name, which read makes of the files. It is made anew when one of them changed; with nil,
// each time. While that fails, or takes longer than 5 s, the last good value stands, and the
// operator is told once. A name always stands for the same type.
func Get[T any](v *Values, name string, files []string, read func() (T, error)) (T, error) {
	if v == nil {
		return read()
	}
	v.mu.Lock()
	one, _ := v.all[name].(*value[T])
	if one == nil {
		one = &value[T]{}
		v.all[name] = one
	}
	v.mu.Unlock()
	got, told, err := one.get(files, read)
	if told != "" && v.say != nil {
		v.say(name + " cannot be renewed, and the last one is used on: " + told)
	}
	return got, err
}

// value is one of them.
type value[T any] struct {
	mu      sync.Mutex
	good    bool // there is a last one
	last    T
	digest  [sha256.Size]byte // of the files that last was made of
	failing bool              // the operator was told
	making  chan struct{}     // open while a reading is under way, which may hang for good; nil: none is
	err     error             // of the last reading
}

// get is the value; told is not empty when the operator should hear why it is not renewed.
func (v *value[T]) get(files []string, read func() (T, error)) (got T, told string, err error) {
	v.mu.Lock()
	made := v.making
	if made == nil {
		made = make(chan struct{})
		v.making = made
		var wg sync.WaitGroup
		wg.Go(func() { v.renew(files, read, made) }) // left behind where the file system hangs; then no other begins
	}
	v.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var slow error
	select {
	case <-made:
	case <-timer.C:
		slow = errSlow
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err = v.err
	if slow != nil {
		err = slow
	}
	if err == nil {
		v.failing = false
		return v.last, "", nil
	}
	if !v.good {
		return got, "", err
	}
	if !v.failing {
		v.failing, told = true, err.Error()
	}
	return v.last, told, nil
}

// renew reads the value, if its files are not those of the last one.
func (v *value[T]) renew(files []string, read func() (T, error), made chan struct{}) {
	digest, err := digestOf(files)
	v.mu.Lock()
	same := err == nil && v.good && files != nil && digest == v.digest
	v.mu.Unlock()
	var fresh T
	if err == nil && !same {
		fresh, err = read()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil && !same {
		v.last, v.good, v.digest = fresh, true, digest
	}
	v.err, v.making = err, nil
	close(made)
}

// digestOf is that of the files' content: their times have no more than the resolution of the file system.
func digestOf(files []string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, path := range files {
		b, err := ReadFile(path)
		if err != nil {
			return sum, err
		}
		one := sha256.Sum256(b)
		h.Write(one[:])
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// ReadFile reads a regular file of bounded size: another kind may be endless, or never come to an end.
func ReadFile(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular():
		return nil, &os.PathError{Op: "read", Path: path, Err: errIrregular}
	case fi.Size() > sizeMost:
		return nil, &os.PathError{Op: "read", Path: path, Err: errLarge}
	}
	return os.ReadFile(path)
}
