package decasim

import (
	"cmp"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"time"
)

// RandomOptions of a RandomPlan. What is planned can be survived without loss by a client with that
// many connections to each partition and, with Backfill, with backfill of the outages.
type RandomOptions struct {
	Duration    time.Duration // of the run; 2 min
	Spacing     time.Duration // from one fault to the next; 10 s. A client must be whole again after half of it
	Partitions  int           // 2
	Connections int           // to each partition; 2. With fewer, nothing is lost or damaged, and no reader cut as slow
	Backfill    bool          // may a partition be without any connection for a while?
	Recovery    bool          // plan faults of requests too: the client must make one at least
	Long        bool          // plan outages longer than backfill reaches, of up to LongFor; only Replay or Recovery survives them
	LongFor     time.Duration // 30 min
	Liars       bool          // plan Tweets with ids of other times, whatever else goes on
	Lies        bool          // with Recovery: every other plan has requests that lie, fewer than a client may ask again
	Roads       bool          // plan roads that are closed for a while, and healed: 5xx, refusals, pages, sockets that are gone
}

// RandomPlan plans faults one after the other, a pure function of its arguments. Each Tweet stays
// deliverable: faults that lose or spoil records befall one slot of one partition, with nothing else
// going on, and outages are shorter than Spacing.
func RandomPlan(seed uint64, o RandomOptions) *FaultPlan {
	o.Duration, o.Spacing = cmp.Or(o.Duration, 2*time.Minute), cmp.Or(o.Spacing, 10*time.Second)
	o.Partitions, o.Connections = cmp.Or(o.Partitions, 2), cmp.Or(o.Connections, 2)
	r := rng.New(seed, rng.SaltPlan, 0)
	var faults []Fault
	dark := rng.New(seed, rng.SaltPlan, 1)
	roads := rng.New(seed, rng.SaltPlan, 3)
	next := dark.N(3) // faults until a long outage
	for at := o.Spacing / 2; at+o.Spacing <= o.Duration; at += o.Spacing {
		next--
		if room := o.Duration - o.Spacing - at; o.Long && next < 0 && room > longLeast {
			long := o.long(&dark, at, room)
			faults, next = append(faults, long...), dark.Between(3, 9)
			at += long[0].For
			if long[0].Kind == Status {
				at += backoffMost // the client comes back so late, and must be whole before the next fault
			}
			continue
		}
		if room := o.Duration - o.Spacing - at; o.Roads && roads.Chance(0.3) && room > roadMost {
			closed := o.road(&roads, at)
			faults = append(faults, closed...)
			at += closed[0].For + refusedMost
			if closed[0].Kind == Phantoms {
				at += parkedMost // until then one connection is all that a partition has
			}
			continue
		}
		f := o.draw(&r)
		f.At = at + time.Duration(r.N(int(o.Spacing/4)))
		faults = append(faults, f)
	}
	if o.Recovery {
		faults = append(faults, requestFaults(seed)...)
		if o.Lies {
			faults = append(faults, requestLies(seed)...)
		}
	}
	if o.Liars {
		faults = append(faults, o.liars(seed)...)
	}
	return NewFaultPlan(faults...)
}

// longLeast is more than backfill reaches.
const longLeast = 6 * time.Minute

// backoffMost is the longest wait that X wants of a client after errors (x-api.md §5), with jitter.
const backoffMost = 6 * time.Minute

// long leaves a partition, or all of them, without a connection for longer than backfill reaches.
// Nothing else happens meanwhile.
func (o RandomOptions) long(r *rng.Rand, at, room time.Duration) []Fault {
	most := min(room, cmp.Or(o.LongFor, 30*time.Minute))
	span := longLeast + time.Duration(r.N(int(max(1, most-longLeast))))
	if r.Chance(0.5) {
		return []Fault{{Kind: Outage, At: at, For: span}}
	}
	partition := 1 + r.N(o.Partitions)
	return []Fault{{Kind: Status, At: at, For: span, Partition: partition, Code: []int{503, 429, 401}[r.N(3)]},
		{Kind: Reset, At: at, Partition: partition, Connection: EveryConnection}}
}

const (
	// roadMost is the longest time for which a road is closed.
	roadMost = 4 * time.Minute
	// refusedMost is the longest wait of a client that is refused after health.
	refusedMost = time.Minute
	// parkedMost is how long a client leaves connections alone that X called too many.
	parkedMost = 11 * time.Minute
)

// road closes the road for one partition, or all, and ends who is on it.
func (o RandomOptions) road(r *rng.Rand, at time.Duration) []Fault {
	f := Fault{Kind: Status, At: at, For: time.Duration(r.Between(20, 60)) * time.Second, Code: []int{101, 200, 302, 401, 403, 404}[r.N(6)]}
	switch r.N(3) {
	case 0:
		f.Code, f.For = []int{500, 503}[r.N(2)], time.Duration(r.Between(30, 240))*time.Second
	case 1:
		f.Kind, f.Code, f.For = Phantoms, 0, time.Duration(r.Between(30, 150))*time.Second
	}
	if f.Kind == Status && r.Chance(0.5) {
		f.Partition = 1 + r.N(o.Partitions)
	}
	all := []Fault{f}
	for p := 1; p <= o.Partitions; p++ {
		if f.Partition == 0 || f.Partition == p {
			all = append(all, Fault{Kind: Reset, At: at, Partition: p, Connection: EveryConnection})
		}
	}
	return all
}

// giantShare is the share of giants among the records of a request: of thousands, each of megabytes, a few say it all.
const giantShare = 0.01

// requestFaults befall the first requests that are made, one after the other: some kinds, each for one
// or two of them.
func requestFaults(seed uint64) []Fault {
	r := rng.New(seed, rng.SaltPlan, 2)
	all := []Fault{
		{Kind: ReplayStatus, Code: []int{503, 429, 500, 406}[r.N(4)]},
		{Kind: ReplayCut, AfterRecords: r.N(10), End: []Mode{ModeEOF, ModeRST, ModeClose}[r.N(3)]},
		{Kind: ReplayMute},
		{Kind: ReplayErrors, Share: 0.3},
		{Kind: ReplayFailed},
		{Kind: ReplayCount, Share: 0.5},
		{Kind: ReplayStray, Share: 0.5},
		{Kind: ReplaySilence, For: time.Duration(r.Between(5, 40)) * time.Second, AfterRecords: r.N(3)},
		{Kind: ReplayStall, For: time.Duration(r.Between(5, 40)) * time.Second, AfterRecords: r.N(3)},
		{Kind: ReplayDamage, Share: 0.5, Variant: Variants[r.N(replacing)]},
	}
	if damage := &all[len(all)-1]; damage.Variant == "giant" {
		damage.Share = giantShare
	}
	for i := range all {
		k := i + r.N(len(all)-i)
		all[i], all[k] = all[k], all[i]
		all[i].Connection, all[i].Times = AnyConnection, r.Between(1, 2)
	}
	return all[:r.Between(1, 4)]
}

// requestLies are those of one or two requests, in every other plan.
func requestLies(seed uint64) []Fault {
	r := rng.New(seed, rng.SaltPlan, 4)
	if !r.Chance(0.5) {
		return nil
	}
	return []Fault{{Kind: ReplayLie, Variant: Lies[r.N(len(Lies))], Connection: AnyConnection, Times: r.Between(1, 2)}}
}

// lies are how far the ids of liars are off: within what backfill makes plausible and without, and walking.
var lies = []Fault{{Ahead: 11 * time.Second}, {Ahead: time.Minute}, {Ahead: 9 * time.Minute}, {Ahead: -8 * time.Minute}, {Ahead: 50 * time.Minute},
	{Ahead: 7 * time.Hour}, {Ahead: -7 * time.Hour}, {Ahead: 30 * 24 * time.Hour}, {Ahead: -30 * 24 * time.Hour}, {Ahead: 10 * 365 * 24 * time.Hour},
	{Ahead: 5 * time.Second, Walk: 5 * time.Second}, {Ahead: time.Minute, Walk: time.Minute}, {Ahead: time.Minute, Walk: -7 * time.Second}}

// liars lie on one connection, or on all of a partition or of the stream, with few Tweets or with up to as many as are honest.
func (o RandomOptions) liars(seed uint64) (faults []Fault) {
	r := rng.New(seed, rng.SaltPlan, 3)
	for range r.Between(2, 5) {
		f := lies[r.N(len(lies))]
		f.Kind, f.At, f.For = Liar, time.Duration(r.N(int(o.Duration))), time.Duration(r.Between(5, 90))*time.Second
		f.Connection, f.Partition = []int{AnyConnection, EveryConnection, 0}[r.N(3)], r.N(o.Partitions+1)
		f.Share = []float64{0.01, 0.1, 0.5, 1}[r.N(4)]
		faults = append(faults, f)
	}
	return faults
}

var ends = []Kind{CutRecord, CutGzip, CutCRLF, Reset, Close, CloseMessage}

func (o RandomOptions) draw(r *rng.Rand) Fault {
	kinds := []func(*rng.Rand) Fault{o.wait, o.noise}
	if o.Connections > 1 || o.Backfill {
		kinds = append(kinds, o.end, o.end)
	}
	if o.Connections > 1 {
		kinds = append(kinds, o.spoil)
	}
	if o.Backfill {
		kinds = append(kinds, o.dark)
	}
	f := kinds[r.N(len(kinds))](r)
	if f.Partition == 0 && f.Kind != Outage && f.Kind != Burst {
		f.Partition = 1 + r.N(o.Partitions)
	}
	return f
}

// end ends one connection.
func (o RandomOptions) end(r *rng.Rand) Fault {
	f := Fault{Kind: ends[r.N(len(ends))], Connection: AnyConnection}
	if r.Chance(0.3) {
		f.End = ModeRST
	}
	return f
}

// wait holds one connection back for a while; what waited comes afterwards.
func (o RandomOptions) wait(r *rng.Rand) Fault {
	kinds := []Kind{Stall, Silence, Trickle}
	return Fault{Kind: kinds[r.N(len(kinds))], Connection: AnyConnection, For: o.Spacing / 3}
}

// noise changes what comes, and loses nothing.
func (o RandomOptions) noise(r *rng.Rand) Fault {
	switch r.N(4) {
	case 0:
		return Fault{Kind: Burst, Factor: 3, For: o.Spacing / 3}
	case 1:
		return Fault{Kind: Disorder, Connection: AnyConnection, For: o.Spacing / 3}
	case 2:
		return Fault{Kind: Damage, Connection: AnyConnection, For: o.Spacing / 3, Variant: Variants[replacing+r.N(len(Variants)-replacing)]}
	}
	return Fault{Kind: Duplicate, Connection: AnyConnection, For: o.Spacing / 3, Share: 0.3}
}

// spoil takes Tweets from one connection that its twin delivers.
func (o RandomOptions) spoil(r *rng.Rand) Fault {
	switch r.N(3) {
	case 0:
		return Fault{Kind: SlowCut, Connection: 0}
	case 1:
		return Fault{Kind: Loss, Connection: 0, For: o.Spacing / 3, Share: 0.3}
	}
	return Fault{Kind: Damage, Connection: 0, For: o.Spacing / 3, Share: 0.3, Variant: Variants[r.N(replacing)]}
}

// dark leaves a partition, or both, without a connection.
func (o RandomOptions) dark(r *rng.Rand) Fault {
	switch r.N(2) {
	case 0:
		return Fault{Kind: Outage, For: o.Spacing / 3}
	}
	return Fault{Kind: ends[r.N(len(ends))], Connection: EveryConnection}
}
