package dedup

// index finds a bucket by its second: open addressing over pointers, at most half full, with
// backward-shift deletion, so that buckets coming and going leave nothing behind to clean up and
// nothing is allocated once it is large enough. Two buckets never share a slot, so none is lost.
type index struct {
	slots []*bucket
	n     int
	shift uint
}

func (x *index) home(sec int64) int {
	return int(uint64(sec) * 0x9E3779B97F4A7C15 >> x.shift)
}

func (x *index) find(sec int64) *bucket {
	if x.n == 0 {
		return nil
	}
	mask := len(x.slots) - 1
	for i := x.home(sec); ; i++ {
		b := x.slots[i&mask]
		if b == nil || b.sec == sec {
			return b
		}
	}
}

func (x *index) add(b *bucket) {
	if 2*(x.n+1) > len(x.slots) {
		x.grow()
	}
	x.put(b)
	x.n++
}

func (x *index) put(b *bucket) {
	mask := len(x.slots) - 1
	i := x.home(b.sec)
	for x.slots[i&mask] != nil {
		i++
	}
	x.slots[i&mask] = b
}

func (x *index) grow() {
	old := x.slots
	if len(old) == 0 {
		x.slots, x.shift = make([]*bucket, 64), 64-6
		return
	}
	x.slots, x.shift = make([]*bucket, 2*len(old)), x.shift-1
	for _, b := range old {
		if b != nil {
			x.put(b)
		}
	}
}

func (x *index) remove(b *bucket) {
	mask := len(x.slots) - 1
	hole := x.home(b.sec) & mask
	for x.slots[hole] != b {
		hole = (hole + 1) & mask
	}
	x.n--
	for i := (hole + 1) & mask; x.slots[i] != nil; i = (i + 1) & mask {
		// The entry at i may move back to the hole only if its home is not between them.
		if home := x.home(x.slots[i].sec); (i-home)&mask >= (i-hole)&mask {
			x.slots[hole], hole = x.slots[i], i
		}
	}
	x.slots[hole] = nil
}
