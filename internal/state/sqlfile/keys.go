package sqlfile

import "math"

// Keys are a range of keys, both ends in it.
type Keys struct{ From, To int64 }

// All are all keys that there can be.
var All = Keys{math.MinInt64, math.MaxInt64}

var noKeys = Keys{1, 0}

func (k Keys) empty() bool { return k.From > k.To }

// above is what of the range lies above a key.
func (k Keys) above(key int64) Keys {
	if key >= k.To {
		return noKeys
	}
	return Keys{max(k.From, key+1), k.To}
}

// below is what of the range lies below a key.
func (k Keys) below(key int64) Keys {
	if key <= k.From {
		return noKeys
	}
	return Keys{k.From, min(k.To, key-1)}
}

// halves are the two of a range; none of a single key.
func (k Keys) halves() []Keys {
	if k.From >= k.To {
		return nil
	}
	mid := k.From + int64(uint64(k.To-k.From)/2) // the difference may be more than an int64 holds
	return []Keys{{k.From, mid}, {mid + 1, k.To}}
}

// fan are parts of a range, each twice as large as the one before: from its begin up, or from its end down.
func (k Keys) fan(up bool) (parts []Keys) {
	for size := uint64(64); !k.empty(); size *= 2 { // 0 at last, and one less is the largest number
		more := int64(min(size-1, uint64(k.To-k.From)))
		one := Keys{k.To - more, k.To}
		if up {
			one = Keys{k.From, k.From + more}
			k = k.above(one.To)
		} else {
			k = k.below(one.From)
		}
		parts = append(parts, one)
	}
	return parts
}
