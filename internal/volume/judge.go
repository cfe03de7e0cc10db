package volume

import "github.com/decahose/telegraf-decahose/internal/timeline"

// Judge follows the volume of one stream, minute by minute. It has one owner and no lock. Its memory is bounded: some
// 300 KB for each partition.
type Judge struct {
	config Config
}

// New is a judge without history.
func New(c Config) *Judge {
	if c.FalseAlarms == 0 {
		c.FalseAlarms = FalseAlarms
	}
	return &Judge{config: c}
}

// Learn takes a minute of an earlier process into the history: whole minutes only, oldest first. History of more than six
// weeks is of no use.
func (j *Judge) Learn(m timeline.Minute, partition int, unique int64) {}

// Close judges a minute that closed. Minutes come in the order of closing; some may be absent.
func (j *Judge) Close(m Minute) Verdict { return Verdict{Parts: make([]Grade, len(m.Parts))} }

// Revise takes a minute that became whole after it closed, such as a recovered one, into the history.
func (j *Judge) Revise(m timeline.Minute, partition int, unique int64) {}

// Outside takes an alarm that was decided elsewhere, such as by an audit: a.Active says whether it is so now; Since is
// not read. It is to be told as often as it is looked at, also while nothing is wrong. The same hysteresis applies as to the judge's
// own: it is active at once and ends when nothing was wrong for some minutes. What changed now is returned.
func (j *Judge) Outside(at timeline.Minute, a Alarm) []Alarm { return nil }

// Active are the alarms that are active, in a fixed order.
func (j *Judge) Active() []Alarm { return nil }
