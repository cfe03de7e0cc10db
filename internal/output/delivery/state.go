package delivery

import "time"

// State is what a Delivery is doing, the gravest that holds. Its text is a metric's value, so it must not change.
type State uint8

// States, the gravest last.
const (
	Idle       State = iota // nothing is undelivered
	Delivering              // Tweets are in flight, or wait for a slot
	Spooling                // the spool holds Tweets that did not fit into memory
	Retrying                // the outputs accepted nothing lately: one batch at a time is a probe
	Paused                  // Telegraf's buffers are nearly full, or Pause was called
	Full                    // neither memory nor the spool has room: Write blocks
)

var stateNames = [...]string{"idle", "delivering", "spooling", "retrying", "paused", "full"}

func (s State) String() string { return stateNames[s] }

// Behind reports whether the outputs do not keep up: nothing should be added that can be had later.
func (s State) Behind() bool { return s >= Spooling }

// Status is how things stand.
type Status struct {
	State       State
	Undelivered int64     // Tweets given and not delivered, those in the spool included
	InMemory    int64     // Tweets that only memory holds, or that are in flight
	Oldest      time.Time // when the oldest of them was given, or spooled; zero: none
	Spooled     int64     // Tweets in the spool
	SpoolBytes  int64
	Refused     int64 // Tweets in quarantine since the start
	Retries     int64 // batches sent again since the start
}

// status is how things stand.
func (s *scheduler) status() *Status {
	st := &Status{State: s.state(), Undelivered: s.undelivered, InMemory: int64(s.held), Spooled: s.disk.spooled, SpoolBytes: s.disk.bytes,
		Refused: s.refused, Retries: s.sink.retries}
	if first := s.groups.Front(); first != nil {
		st.Oldest = first.Value.(*group).at
	}
	return st
}

func (s *scheduler) state() State {
	switch {
	case s.offer != nil && (s.offer.failed || !s.keeps):
		return Full
	case s.paused:
		return Paused
	case s.sink.probing:
		return Retrying
	case s.spilling && len(s.stored) > 0:
		return Spooling
	case s.undelivered > 0:
		return Delivering
	}
	return Idle
}
