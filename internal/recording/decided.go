package recording

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/core"
)

// Decided sums up what the core made of an event, so that another core's decisions can be compared with it.
type Decided struct {
	Tweets int    // that were new
	Sum    uint32 // of everything else that is to be done; 0: nothing is
}

// DecidedIn sums up a Ready.
func DecidedIn(out *core.Ready) Decided {
	d, _ := decidedIn(nil, out)
	return d
}

func decidedIn(scratch []byte, out *core.Ready) (Decided, []byte) {
	b := appendOrders(scratch[:0], out)
	d := Decided{Tweets: len(out.Tweets)}
	if len(b) > 0 {
		d.Sum = max(1, crc32.Checksum(b, castagnoli))
	}
	return d, b
}

// appendOrders adds all that is to be done and is not Tweets and counters.
func appendOrders(b []byte, out *core.Ready) []byte {
	if out.Wait {
		b = append(b, 'W')
	}
	for _, c := range out.Close {
		b = append(binary.AppendUvarint(append(b, 'C'), uint64(c.Conn)), flagsOf(c.Leave))
		b = appendClass(b, c.Class)
	}
	for _, m := range slices.Sorted(slices.Values(out.Load)) {
		b = binary.AppendVarint(append(b, 'L'), int64(m))
	}
	for _, c := range out.Connect {
		b = binary.AppendUvarint(binary.AppendUvarint(append(b, 'O'), uint64(c.Conn)), uint64(c.Backfill))
	}
	for _, a := range out.Requests {
		b = append(b, 'R')
		for _, n := range [...]int64{int64(a.Conn), int64(a.Archive), int64(a.Query.Partition), int64(a.Query.From), int64(a.Query.To)} {
			b = binary.AppendVarint(b, n)
		}
	}
	if out.Commit != nil {
		b = appendGaps(append(b, 'K', flagsOf(out.Commit.Clean)), out)
	}
	return b
}

func appendGaps(b []byte, out *core.Ready) []byte {
	for i := range out.Commit.Gaps {
		g := &out.Commit.Gaps[i]
		b = append(b, 'G', byte(g.State), flagsOf(g.Dark))
		for _, n := range [...]int64{int64(g.Partition), g.Span.From, g.Span.To, g.Tweets, g.Asked} {
			b = binary.AppendVarint(b, n)
		}
		b = appendClass(appendClass(b, g.Cause), g.FilledBy)
	}
	for _, p := range out.Commit.Partitions {
		b = binary.AppendVarint(binary.AppendVarint(append(b, 'P'), int64(p.Partition)), p.Position)
	}
	return b
}

// decisions appends Decided to a step.
func (e *encoder) decisions(dst []byte, out *core.Ready) []byte {
	d, scratch := decidedIn(e.sum, out)
	e.sum = scratch
	dst = binary.AppendUvarint(dst, uint64(d.Tweets)<<1|uint64(min(1, d.Sum)))
	if d.Sum != 0 {
		dst = binary.BigEndian.AppendUint32(dst, d.Sum)
	}
	return dst
}

func (v *values) decided() (d Decided) {
	n := v.uint()
	d.Tweets = int(n >> 1)
	if n&1 == 0 {
		return d
	}
	if len(v.rest) < 4 {
		v.fail()
		return Decided{}
	}
	d.Sum = binary.BigEndian.Uint32(v.rest)
	v.rest = v.rest[4:]
	return d
}
