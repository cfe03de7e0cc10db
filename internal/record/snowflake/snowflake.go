package snowflake

import "time"

// Epoch is the Unix time in milliseconds that ids count from (2010-11-04T01:42:54.657Z,
// twitter-archive/snowflake, IdWorker.scala).
const Epoch = 1288834974657

// nodeSpan is the share of a millisecond, in nanoseconds, that one of the 1024 nodes gets:
// 1024 × 976 = 999 424 ≤ 10⁶, so nodes never overlap.
const nodeSpan = 976

// ID is a Tweet's id: 41 bits of milliseconds since Epoch, 10 of node, 12 of sequence.
type ID int64

// Milli is the id's time in Unix milliseconds.
func (id ID) Milli() int64 { return int64(id)>>22 + Epoch }

// Time is the id's time, to the millisecond, in UTC.
func (id ID) Time() time.Time { return time.UnixMilli(id.Milli()).UTC() }

// Nano is the Unix nanosecond that stands for this Tweet and no other. collided says that
// the sequence was 976 or more, where uniqueness cannot be promised.
func (id ID) Nano() (ns int64, collided bool) {
	node, seq := int64(id)>>12&1023, int64(id)&4095
	return id.Milli()*1e6 + node*nodeSpan + seq%nodeSpan, seq >= nodeSpan
}

// FromNano is the inverse of Nano for ids that did not collide.
func FromNano(ns int64) ID {
	ms, rest := ns/1e6, ns%1e6
	return ID((ms-Epoch)<<22 | rest/nodeSpan<<12 | rest%nodeSpan)
}

// First is the smallest id of the given Unix millisecond.
func First(ms int64) ID { return ID((ms - Epoch) << 22) }
