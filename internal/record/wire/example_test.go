package wire_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// A connection reads into the scanner's space, however its bytes are cut, and hands batches on.
func ExampleScanner() {
	s := wire.NewScanner(wire.DefaultLimit)
	s.Start(wire.NewBatch())
	for _, part := range []string{"\r\n{\"id\":1212092628029698048,\"te", "xt\":\"hello\"}\r\n{\"info\":{\"message\":\"Replay Request Completed\"}}\r\n"} {
		s.Advance(copy(s.Space(), part))
	}
	b := s.Take(wire.NewBatch())
	fmt.Println("heartbeats:", b.Heartbeats)
	for _, f := range b.Frames {
		fmt.Println(f.Kind == wire.Record, f.ID, string(f.Data))
	}
	// Output:
	// heartbeats: 1
	// true 1212092628029698048 {"id":1212092628029698048,"text":"hello"}
	// false 0 {"info":{"message":"Replay Request Completed"}}
}
