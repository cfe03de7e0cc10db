package store

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// contents are all rows of a ledger.
type contents struct {
	minutes    []ledger.MinuteRecord
	copies     []ledger.CopyRecord
	deliveries []ledger.DeliveryRecord
	hours      []ledger.HourRecord
	repairs    []ledger.RepairRecord
	gone       []ledger.GoneRecord
	fills      []ledger.FillRecord
	gaps       []ledger.GapRecord
	partitions []ledger.PartitionRecord
	requests   []ledger.RequestRecord
	connects   []connect
	moments    []moment
	steps      []gapStep // written only: the next process decides anew
	orders     []ledger.Order
	tweets     []orderTweets
	answers    []ledger.Answer

	damage  []string // per table that was not read whole, what is wrong
	trouble error    // the first that is of the machine
}

// readAll reads every row; damage tells of those that cannot be read. An error is one of the machine: nothing is known then.
func readAll(db sqlfile.Queryer, now time.Time) (*contents, error) {
	c := &contents{}
	c.minutes = readTable(c, db, minutes, keysAround(now))
	c.copies = readTable(c, db, copies, keysAround(now))
	c.deliveries = readTable(c, db, deliveries, keysAround(now))
	c.hours = readTable(c, db, hours, hoursAround(now))
	c.repairs = readTable(c, db, repairs, keysAround(now))
	c.gone = readTable(c, db, gone, keysAround(now))
	c.fills = readTable(c, db, fills, keysAround(now))
	c.gaps = readTable(c, db, gaps, keysAround(now))
	c.partitions = readTable(c, db, partitions, smallKeys)
	c.requests = readTable(c, db, requests, smallKeys)
	c.connects = readTable(c, db, connects, smallKeys)
	c.moments = readTable(c, db, moments, smallKeys)
	before := len(c.damage)
	c.orders = readTable(c, db, orders, smallKeys)
	c.tweets = readTable(c, db, ordersTweets, smallKeys)
	c.answers = readTable(c, db, answers, smallKeys)
	if len(c.damage) > before {
		c.orders, c.tweets, c.answers = nil, nil, nil // an order must not be carried out twice; the operator asks again
	}
	return c, c.trouble
}

// fill adds what is missing from an older copy. A minute or gap of long ago claims less than was true later, never
// more; so do positions. Orders of long ago may have been carried out.
func (c *contents) fill(old *contents) (n int) {
	a := fillTable(minutes, &c.minutes, old.minutes)
	a += fillTable(deliveries, &c.deliveries, old.deliveries)
	a += fillTable(copies, &c.copies, old.copies)
	a += fillTable(hours, &c.hours, old.hours)
	a += fillTable(repairs, &c.repairs, old.repairs)
	a += fillTable(gone, &c.gone, old.gone)
	a += fillTable(fills, &c.fills, old.fills)
	b := fillTable(gaps, &c.gaps, old.gaps)
	n = a + b + fillTable(requests, &c.requests, old.requests) + fillTable(connects, &c.connects, old.connects)
	for i := range old.moments {
		old.moments[i].clean = false
	}
	n += fillTable(moments, &c.moments, old.moments) + fillTable(partitions, &c.partitions, old.partitions)
	for i := range c.partitions {
		for _, p := range old.partitions {
			if p.Partition == c.partitions[i].Partition && p.Position > c.partitions[i].Position {
				c.partitions[i] = p
			}
		}
	}
	return n
}

func fillTable[T any](t *sqlfile.Table[T], have *[]T, old []T) (n int) {
	keys := make(map[int64]bool, len(*have))
	for i := range *have {
		keys[t.Key(&(*have)[i])] = true
	}
	for i := range old {
		if !keys[t.Key(&old[i])] {
			*have = append(*have, old[i])
			n++
		}
	}
	return n
}

// derive makes records of partitions that have rows or ids and no record of their own: from their first minute on,
// up to the last but one, so that the end is asked for again.
func (c *contents) derive(ids map[timeline.Minute]map[int]int) (derived []int) {
	seen := make(map[int]timeline.Span) // of minutes
	note := func(partition int, m timeline.Minute) {
		s, ok := seen[partition]
		if !ok {
			s = timeline.Span{From: int64(m), To: int64(m)}
		}
		seen[partition] = timeline.Span{From: min(s.From, int64(m)), To: max(s.To, int64(m))}
	}
	for i := range c.minutes {
		note(c.minutes[i].Partition, c.minutes[i].Minute)
	}
	for i := range c.gaps {
		note(c.gaps[i].Partition, c.gaps[i].First())
	}
	for m, of := range ids {
		for partition := range of {
			note(partition, m)
		}
	}
	delete(seen, ledger.AnyPartition)
	for i := range c.partitions {
		delete(seen, c.partitions[i].Partition)
	}
	for partition, s := range seen {
		begin, position := timeline.Minute(s.From).Milli(), timeline.Minute(s.To-1).Milli()
		c.partitions = append(c.partitions, ledger.PartitionRecord{Partition: partition, Begin: begin, Position: max(begin, position)})
		derived = append(derived, partition)
	}
	return derived
}

// requestsAt is how long a request that ended is still told of: longer than any limit of X's counts it.
const requestsAt = 24 * time.Hour

// past is what the next process must know.
func (c *contents) past(ids map[timeline.Minute]map[int]int, now time.Time) *ledger.Past {
	p := &ledger.Past{Minutes: c.minutes, Copies: c.copies, Deliveries: c.deliveries, Hours: c.hours, Repairs: c.repairs, Gone: c.gone, Fills: c.fills,
		Gaps: c.gaps, Partitions: c.partitions, IDs: ids}
	for i, r := range c.requests {
		newest := i == len(c.requests)-1 // the next one counts on from it
		if r.Ended == 0 || newest || r.At > now.Add(-requestsAt).UnixNano() {
			p.Requests = append(p.Requests, r)
		}
	}
	for _, a := range c.connects {
		p.Connects = append(p.Connects, a.at)
	}
	if len(c.moments) > 0 {
		p.Moment, p.Clean = c.moments[0].Moment, c.moments[0].clean
	}
	p.Known = len(c.moments)+len(c.minutes)+len(c.gaps)+len(c.partitions)+len(ids) > 0
	return p
}

var smallKeys = sqlfile.Keys{From: 0, To: 1<<14 - 1}

// keysAround are those of all minutes that may be in a ledger.
func keysAround(now time.Time) sqlfile.Keys {
	m := timeline.MinuteOf(now.UnixMilli())
	return sqlfile.Keys{From: firstKey(m - 14*24*60), To: firstKey(m + 2*24*60)}
}

// hoursAround are those of all hours that may be in a ledger.
func hoursAround(now time.Time) sqlfile.Keys {
	h := now.Unix() / 3600
	return sqlfile.Keys{From: hourKey(h-(ledger.HistoryMinutes/60+14*24), 0), To: hourKey(h+2*24, 0)}
}

// readTable reads all rows of the table or, when a page of it is broken, those that are on the others.
func readTable[T any](c *contents, db sqlfile.Queryer, t *sqlfile.Table[T], likely sqlfile.Keys) []T {
	if c.trouble != nil {
		return nil
	}
	found, err := t.Rescue(db, likely)
	if err != nil {
		c.trouble = fmt.Errorf("read %s: %w", t.Name, err)
		return nil
	}
	if found.Broken != nil {
		c.damage = append(c.damage, fmt.Sprintf("read %s: %v", t.Name, found.Broken))
	}
	if found.Bad > 0 {
		c.damage = append(c.damage, fmt.Sprintf("%s: %d rows have a wrong checksum", t.Name, found.Bad))
	}
	return found.Records
}
