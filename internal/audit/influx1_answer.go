package audit

import (
	"encoding/json"
	"fmt"
)

// influxAnswer is what an InfluxDB 1 says besides its rows. These come one by one, so that no answer is ever held whole.
type influxAnswer struct {
	dec     *json.Decoder
	from    *reply
	row     func([]json.RawMessage) error
	err     string // of the whole
	results int
	failed  string // of a result
	partial bool
}

// readInflux reads an answer, and calls row with the columns of each row.
func readInflux(r *reply, row func([]json.RawMessage) error) (*influxAnswer, error) {
	a := &influxAnswer{dec: json.NewDecoder(r), from: r, row: row}
	return a, a.object(map[string]func() error{
		"error": func() error { return a.dec.Decode(&a.err) },
		"results": func() error {
			return a.array(func() error {
				a.results++
				return a.object(map[string]func() error{
					"error":   func() error { return a.dec.Decode(&a.failed) },
					"partial": func() error { return a.dec.Decode(&a.partial) },
					"series":  func() error { return a.array(a.series) },
				})
			})
		},
	})
}

func (a *influxAnswer) series() error {
	return a.object(map[string]func() error{"values": func() error { return a.array(a.value) }})
}

func (a *influxAnswer) value() error {
	var columns []json.RawMessage
	if err := a.dec.Decode(&columns); err != nil {
		return err
	}
	if err := a.from.next(); err != nil {
		return err
	}
	return a.row(columns)
}

// object reads an object with these members; others are read over.
func (a *influxAnswer) object(members map[string]func() error) error {
	if null, err := a.begin('{'); null || err != nil {
		return err
	}
	for a.dec.More() {
		name, err := a.dec.Token()
		if err != nil {
			return err
		}
		read := members[fmt.Sprint(name)]
		if read == nil {
			var other json.RawMessage
			read = func() error { return a.dec.Decode(&other) }
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err := a.dec.Token()
	return err
}

// array reads an array, each of its elements by element.
func (a *influxAnswer) array(element func() error) error {
	if null, err := a.begin('['); null || err != nil {
		return err
	}
	for a.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := a.dec.Token()
	return err
}

// begin reads the delimiter that an object or array begins with; null: null stands in its place.
func (a *influxAnswer) begin(delim json.Delim) (null bool, err error) {
	t, err := a.dec.Token()
	if err != nil || t == nil {
		return true, err
	}
	if t != delim {
		return false, fmt.Errorf("answer has %v where %v is due", t, delim)
	}
	return false, nil
}
