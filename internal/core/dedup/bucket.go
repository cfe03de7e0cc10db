package dedup

// minSlots is the size of a new bucket's table. Small, because input may be sparse in time; a
// busy second doubles its way up through recycled tables.
const minSlots = 16

// bucket holds the ids of one second: an open-addressed table with linear probing, power-of-two
// sized, at most 7/8 full. The key 0 marks an empty slot; the id whose 32 bits are 0 is kept beside.
type bucket struct {
	sec          int64 // of id>>22
	touched      int64 // seconds of the set's clock
	older, newer *bucket
	keys         []uint32
	seen         []uint8 // witness bits, parallel to keys; nil once closed
	openAt       int     // place in Set.open, -1 when closed
	used         uint32  // slots in use
	zero         bool    // the id with rest 0 is in
	zeroSeen     uint8
	shift        uint8 // 32 less log2 of the table's size
}

// zeroAt is the place of the id with rest 0, which has no slot.
const zeroAt = 1 << 40

func (b *bucket) ids() int {
	if b.zero {
		return int(b.used) + 1
	}
	return int(b.used)
}

// slot spreads rest over the table: the low bits (node, sequence) repeat from one millisecond to
// the next, so they are folded before the multiplication.
func (b *bucket) slot(rest uint32) uint32 {
	return (rest ^ rest>>15) * 0x9E3779B1 >> (b.shift & 31)
}

// setKeys gives the bucket an empty table.
func (b *bucket) setKeys(keys []uint32) {
	b.keys, b.shift = keys, uint8(32-class(len(keys)))
}

// find returns the place of rest, or -1.
func (b *bucket) find(rest uint32) int {
	if rest == 0 {
		if b.zero {
			return zeroAt
		}
		return -1
	}
	if at := b.probe(rest); b.keys[at] == rest {
		return at
	}
	return -1
}

// probe returns the slot that holds rest, or the empty one where it belongs.
func (b *bucket) probe(rest uint32) int {
	keys := b.keys
	mask := uint32(len(keys) - 1)
	for i := b.slot(rest); ; i++ {
		if k := keys[i&mask]; k == rest || k == 0 {
			return int(i & mask)
		}
	}
}

func (b *bucket) insert(rest uint32, from *stock) (at int, added bool) {
	if rest == 0 {
		added, b.zero = !b.zero, true
		return zeroAt, added
	}
	at = b.probe(rest)
	if b.keys[at] == rest {
		return at, false
	}
	if (int(b.used)+1)*8 > len(b.keys)*7 {
		b.grow(from)
		at = b.probe(rest)
	}
	b.keys[at] = rest
	b.used++
	return at, true
}

func (b *bucket) grow(from *stock) {
	keys, seen := b.keys, b.seen
	b.setKeys(from.keys(2 * len(keys)))
	if seen != nil {
		b.seen = from.seen(2 * len(keys))
	}
	for i, rest := range keys {
		if rest == 0 {
			continue
		}
		at := b.probe(rest)
		b.keys[at] = rest
		if seen != nil {
			b.seen[at] = seen[i]
		}
	}
	from.putKeys(keys)
	if seen != nil {
		from.putSeen(seen)
	}
}

// witness records that w delivered the id at the place, and returns who had before.
func (b *bucket) witness(at int, w uint8) (before uint8) {
	if b.seen == nil {
		return All
	}
	p := &b.zeroSeen
	if at != zeroAt {
		p = &b.seen[at]
	}
	before = *p
	*p |= 1 << (w & 7)
	return before
}
