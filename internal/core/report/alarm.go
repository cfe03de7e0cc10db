package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Kinds of alarms that the core finds itself, besides those of the judge of volumes.
const (
	kindConnection volume.Kind = "connection" // a connection has delivered nothing for long
	kindDelivery   volume.Kind = "delivery"   // who is behind the sink does not take Tweets
	kindState      volume.Kind = "state"      // what is done cannot be made durable
	kindRecovery   volume.Kind = "recovery"   // what filled gaps holds too little, and nobody asks again by himself
)

// darkLong is how long a connection may deliver nothing before that is an alarm: longer than X's own restarts
// and than every backoff but that of a refusal.
const darkLong = 10 * time.Minute

// Alarms are those that changed and are not reported yet.
type Alarms struct {
	queue []alarm
}

type alarm struct {
	volume.Alarm
	at int64 // Unix ns
}

// Add queues one that changed, at Unix ns.
func (a *Alarms) Add(changed volume.Alarm, at int64) { a.queue = append(a.queue, alarm{changed, at}) }

// Points are the metrics decahose_alarm of what changed, and of those that last, at Unix ns. What changed is told once.
func (a *Alarms) Points(label string, active []volume.Alarm, at int64) (all []point.Point) {
	for i := range a.queue {
		all = append(all, alarmPoint(label, &a.queue[i].Alarm, a.queue[i].at))
	}
	a.queue = a.queue[:0]
	for i := range active {
		all = append(all, alarmPoint(label, &active[i], at))
	}
	return all
}

func alarmPoint(label string, a *volume.Alarm, at int64) point.Point {
	pt := newPoint(label, "decahose_alarm", at, point.Tag{Key: "kind", Value: string(a.Kind)}, point.Tag{Key: "partition", Value: partitionName(a.Partition)})
	pt.Fields = []point.Field{
		{Key: "active", Value: a.Active},
		{Key: "severity", Value: string(a.Severity)},
		{Key: "message", Value: a.Message},
		{Key: "since", Value: a.Since.Nano()},
	}
	if a.Connection >= 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "connection", Value: int64(a.Connection)})
	}
	for _, e := range a.Evidence {
		pt.Fields = append(pt.Fields, point.Field{Key: e.Key, Value: e.Value})
	}
	return pt
}

func partitionName(id int) string {
	if id == ledger.AnyPartition {
		return "all"
	}
	return strconv.Itoa(id)
}

// Quiet is a connection that delivers nothing.
type Quiet struct {
	Index     int
	For       time.Duration
	LastClass string
}

// DarkConnections says which of a partition's connections, so many in all, have delivered nothing for long. quiet are those
// that are not sound.
func DarkConnections(partition, connections int, quiet []Quiet) volume.Alarm {
	a := volume.Alarm{Kind: kindConnection, Partition: partition, Connection: -1, Severity: volume.Warning}
	var names []string
	longest := time.Duration(0)
	for _, n := range quiet {
		if n.For < darkLong {
			continue
		}
		names = append(names, fmt.Sprintf("%d (%s)", n.Index, n.LastClass))
		if n.For > longest {
			a.Connection, longest = n.Index, n.For
		}
	}
	if a.Active = len(names) > 0; !a.Active {
		a.Message = fmt.Sprintf("partition %d: all connections deliver", partition)
		return a
	}
	if len(names) == connections {
		a.Severity = volume.Critical
	}
	a.Message = fmt.Sprintf("partition %d: no Tweet for %v or more over %s %s; it has %d in all",
		partition, darkLong, Plural("connection", len(names)), strings.Join(names, ", "), connections)
	a.Evidence = []volume.Evidence{{Key: "connections_dark", Value: float64(len(names))}, {Key: "dark_seconds", Value: longest.Seconds()}}
	return a
}

// StateFails says whether what is done cannot be made durable.
func StateFails(failing bool) volume.Alarm {
	return volume.Alarm{Kind: kindState, Connection: -1, Active: failing, Severity: volume.Critical,
		Message: "the state cannot be written: nothing is asked of backfill, Replay or Recovery, and a restart repeats Tweets"}
}

// ThinMinutes says whether minutes were taken as recovered that hold too little: these, in their order.
func ThinMinutes(thin []ledger.FillRecord) volume.Alarm {
	a := volume.Alarm{Kind: kindRecovery, Connection: -1, Severity: volume.Critical, Message: "what was filled is as full as it should be"}
	if a.Active = len(thin) > 0; !a.Active {
		return a
	}
	var held, expected int64
	for i := range thin {
		held, expected = held+thin[i].Held, expected+thin[i].Expected
	}
	first, minutes := &thin[0], len(thin)
	a.Message = fmt.Sprintf("%s from %s recovered and thin: %d Tweets came, by %s at last, where about %d should be",
		timeline.InWords(minutes), first.Minute, held, first.By, expected)
	a.Evidence = []volume.Evidence{{Key: "minutes_thin", Value: float64(minutes)}, {Key: "held", Value: float64(held)}, {Key: "expected", Value: float64(expected)}}
	return a
}

// Plural is the noun for so many.
func Plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
