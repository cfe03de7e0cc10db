package decasim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind of a fault.
type Kind string

const (
	CutRecord    Kind = "cut-record"    // half a record, then the end
	CutGzip      Kind = "cut-gzip"      // part of a compressed block, then the end
	CutUTF8      Kind = "cut-utf8"      // a record up to the middle of a character, then the end
	CutCRLF      Kind = "cut-crlf"      // a record and \r without \n, then the end
	Reset        Kind = "reset"         // TCP reset
	Close        Kind = "close"         // zero-length final chunk, no words
	CloseMessage Kind = "close-message" // the same after an error object
	SlowCut      Kind = "slow-cut"      // as if the client read too slowly: queue thrown away, no backfill next
	AcceptClose  Kind = "accept-close"  // 200, then the end

	Stall     Kind = "stall"     // not a byte for a while; then what waited
	Silence   Kind = "silence"   // heartbeats only for a while; then what waited
	Trickle   Kind = "trickle"   // a record byte by byte; then what waited
	Loss      Kind = "loss"      // a share of the records is withheld
	Damage    Kind = "damage"    // a share of the records is spoiled, or joined by something else: see Variants
	Duplicate Kind = "duplicate" // a share of the records comes twice
	Disorder  Kind = "disorder"  // records overtake each other by up to Spread
	Liar      Kind = "liar"      // in front of a share of the live records comes a Tweet whose id is off by Ahead, on all connections the same

	Status Kind = "status" // connects are refused with an HTTP status
	Outage Kind = "outage" // connections reset, connects refused by TCP
	Burst  Kind = "burst"  // Factor times the Tweets
	Dip    Kind = "dip"    // a share of the Tweets of all partitions is never made

	Phantoms Kind = "phantoms" // all slots are held by sockets that are gone: each connection is one too many

	// These befall a Replay or a Recovery, each at most one of a kind, Times of them.
	ReplayStatus  Kind = "replay-status"         // it gets an HTTP status
	ReplayCut     Kind = "replay-cut"            // half a record, then the end, after AfterRecords
	ReplayMute    Kind = "replay-lost-completed" // it ends without its last message
	ReplayErrors  Kind = "replay-errors"         // Completed with Errors: a share of its minutes failed, and came in part or not at all
	ReplayFailed  Kind = "replay-failed"         // Failed to Complete, in the minute in which AfterRecords was reached, or in any
	ReplayCount   Kind = "replay-count"          // a share of the records is withheld, but counted in activity_count
	ReplayStray   Kind = "replay-stray"          // a share more Tweets, of minutes that were not asked for
	ReplaySilence Kind = "replay-silence"        // heartbeats only for a while, after AfterRecords
	ReplayStall   Kind = "replay-stall"          // not a byte for a while, after AfterRecords
	ReplayDamage  Kind = "replay-damage"         // as damage
	ReplayLie     Kind = "replay-lie"            // it says that it is completed, and delivers next to nothing: see Lies
)

// Variants of Damage. The first five replace the record; the others come in front of it, and it is sound. Those from
// braces on are bombs: much of little.
var Variants = []string{"truncated", "garbled", "glued", "giant", "utf8", "unknown", "notice", "delete",
	"braces", "keys", "digits", "minutes", "deep", "blanks"}

// Lies are variants of ReplayLie: a Tweet a partition, of which the count says as much, or no count is given; or a tenth of
// the Tweets, of which the count says as much.
var Lies = []string{"one", "no-count", "tenth"}

// replacing is how many of Variants replace the record.
const replacing = 5

// Connections that are not a slot.
const (
	AnyConnection   = -1 // one, whichever comes first
	EveryConnection = -2 // all that are live when it begins
)

// Fault is one planned misbehaviour. All of At, AfterConnect and AfterRecords must have come.
type Fault struct {
	Kind       Kind
	Partition  int // 0: any
	Connection int // slot: the lowest number free in its partition when it connected; or AnyConnection, EveryConnection

	At           time.Duration // since the first request to the stream
	AfterConnect time.Duration // since the connection was accepted
	AfterRecords int           // sound records flushed to the connection
	For          time.Duration // how long; 0: until the connection ends, one connect (Status, AcceptClose, ReplayStatus), 10 s (Outage, Burst, Dip, Phantoms)
	Times        int           // how often, for kinds that end a connection or befall a request; 0: once
	Every        time.Duration // least time between two of them

	End     Mode          // of the cut kinds; eof
	Code    int           // of Status; 503
	Message string        // of CloseMessage; X's operational one
	Share   float64       // of Loss, Damage, Duplicate, Dip; 0.1
	Same    bool          // of Loss: all connections lose the same Tweets; else each draws for itself
	Variant string        // of Damage; all in turn. Of ReplayLie; the first
	Factor  float64       // of Burst; 5
	Spread  time.Duration // of Disorder; 2 s
	Size    int           // of the giant, in bytes; 5 MiB
	Ahead   time.Duration // of Liar, behind if negative; 9 min
	Walk    time.Duration // of Liar: by so much more each second
}

func (f Fault) withDefaults() Fault {
	f.End, f.Code = cmp.Or(f.End, ModeEOF), cmp.Or(f.Code, 503)
	f.Message, f.Share = cmp.Or(f.Message, wordsOperational), cmp.Or(f.Share, 0.1)
	f.Factor, f.Spread, f.Size = cmp.Or(f.Factor, 5), cmp.Or(f.Spread, 2*time.Second), cmp.Or(f.Size, 5<<20)
	f.Ahead = cmp.Or(f.Ahead, 9*time.Minute)
	f.Times = max(1, f.Times)
	if f.For == 0 && (f.Kind == Outage || f.Kind == Burst || f.Kind == Dip || f.Kind == Phantoms) {
		f.For = 10 * time.Second
	}
	return f
}

// kinds by how they are carried out.
var (
	instant = map[Kind]bool{CutRecord: true, CutGzip: true, CutUTF8: true, CutCRLF: true, Reset: true, Close: true, CloseMessage: true, SlowCut: true}
	lasting = map[Kind]bool{Stall: true, Silence: true, Trickle: true, Loss: true, Damage: true, Duplicate: true, Disorder: true, Liar: true}
	global  = map[Kind]bool{Status: true, Outage: true, Burst: true, Dip: true, AcceptClose: true, Phantoms: true}
	request = map[Kind]bool{ReplayStatus: true, ReplayCut: true, ReplayMute: true, ReplayErrors: true, ReplayFailed: true,
		ReplayCount: true, ReplayStray: true, ReplaySilence: true, ReplayStall: true, ReplayDamage: true, ReplayLie: true}
)

// String is the fault in the syntax of ParseFault.
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s@%s", f.Kind, f.At)
	for _, o := range faultOptions {
		if v := o.get(&f); v != "" {
			fmt.Fprintf(&b, ",%s=%s", o.name, v)
		}
	}
	return b.String()
}

type faultOption struct {
	name string
	get  func(*Fault) string
	set  func(*Fault, string) error
}

var faultOptions = []faultOption{
	{"partition", func(f *Fault) string { return showInt(f.Partition) }, func(f *Fault, s string) error { return setInt(&f.Partition, s) }},
	{"connection", showConnection, setConnection},
	duration("after-connect", func(f *Fault) *time.Duration { return &f.AfterConnect }),
	{"after-records", func(f *Fault) string { return showInt(f.AfterRecords) }, func(f *Fault, s string) error { return setInt(&f.AfterRecords, s) }},
	duration("for", func(f *Fault) *time.Duration { return &f.For }),
	{"times", func(f *Fault) string { return showInt(f.Times) }, func(f *Fault, s string) error { return setInt(&f.Times, s) }},
	duration("every", func(f *Fault) *time.Duration { return &f.Every }),
	{"end", func(f *Fault) string { return string(f.End) }, setEnd},
	{"code", func(f *Fault) string { return showInt(f.Code) }, func(f *Fault, s string) error { return setInt(&f.Code, s) }},
	{"message", func(f *Fault) string { return f.Message }, func(f *Fault, s string) error { f.Message = s; return nil }},
	{"share", func(f *Fault) string { return showFloat(f.Share) }, func(f *Fault, s string) error { return setFloat(&f.Share, s) }},
	{"same", func(f *Fault) string { return showBool(f.Same) }, func(f *Fault, s string) (err error) { f.Same, err = strconv.ParseBool(s); return err }},
	{"variant", func(f *Fault) string { return f.Variant }, setVariant},
	{"factor", func(f *Fault) string { return showFloat(f.Factor) }, func(f *Fault, s string) error { return setFloat(&f.Factor, s) }},
	duration("spread", func(f *Fault) *time.Duration { return &f.Spread }),
	duration("ahead", func(f *Fault) *time.Duration { return &f.Ahead }),
	duration("walk", func(f *Fault) *time.Duration { return &f.Walk }),
	{"size", func(f *Fault) string { return showInt(f.Size) }, func(f *Fault, s string) error { return setInt(&f.Size, s) }},
}

func duration(name string, field func(*Fault) *time.Duration) faultOption {
	return faultOption{name, func(f *Fault) string {
		if *field(f) == 0 {
			return ""
		}
		return field(f).String()
	}, func(f *Fault, s string) (err error) {
		*field(f), err = time.ParseDuration(s)
		return err
	}}
}

func showInt(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func showFloat(x float64) string {
	if x == 0 {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func showBool(b bool) string {
	if !b {
		return ""
	}
	return "true"
}

func setInt(p *int, s string) (err error) {
	*p, err = strconv.Atoi(s)
	return err
}

func setFloat(p *float64, s string) (err error) {
	*p, err = strconv.ParseFloat(s, 64)
	return err
}

func showConnection(f *Fault) string {
	switch f.Connection {
	case AnyConnection:
		return "any"
	case EveryConnection:
		return "every"
	}
	return strconv.Itoa(f.Connection)
}

func setConnection(f *Fault, s string) error {
	switch s {
	case "any":
		f.Connection = AnyConnection
		return nil
	case "every":
		f.Connection = EveryConnection
		return nil
	}
	return setInt(&f.Connection, s)
}

func setEnd(f *Fault, s string) error {
	switch f.End = Mode(s); f.End {
	case ModeEOF, ModeRST, ModeClose:
		return nil
	}
	return fmt.Errorf("%q is not one of eof, rst, close", s)
}

func setVariant(f *Fault, s string) error {
	allowed := Variants
	if f.Kind == ReplayLie {
		allowed = Lies
	}
	if slices.Contains(allowed, s) {
		f.Variant = s
		return nil
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(allowed, ", "))
}

// ParseFault reads KIND@AT[,option=value…], for example "cut-record@30s,partition=1,every=1m,times=5".
// Without a connection option, any one connection is meant.
func ParseFault(s string) (Fault, error) {
	head, options, _ := strings.Cut(s, ",")
	kind, at, timed := strings.Cut(head, "@")
	f := Fault{Kind: Kind(kind), Connection: AnyConnection}
	if !instant[f.Kind] && !lasting[f.Kind] && !global[f.Kind] && !request[f.Kind] {
		return f, fmt.Errorf("read fault %q: unknown kind %q", s, kind)
	}
	var err error
	if timed {
		if f.At, err = time.ParseDuration(at); err != nil {
			return f, fmt.Errorf("read fault %q: time behind @: %w", s, err)
		}
	}
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ",")
		if err := f.setOption(option); err != nil {
			return f, fmt.Errorf("read fault %q: %w", s, err)
		}
	}
	return f, nil
}

func (f *Fault) setOption(option string) error {
	name, value, _ := strings.Cut(option, "=")
	for _, o := range faultOptions {
		if o.name == name {
			if err := o.set(f, value); err != nil {
				return fmt.Errorf("option %s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("unknown option %q", name)
}
