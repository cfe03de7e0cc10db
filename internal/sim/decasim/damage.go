package decasim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// record is the whole line of a Tweet, \r\n included.
func (c *conn) record(it item) []byte {
	if it.record != nil {
		return it.record
	}
	if a, ok := c.s.cfg.Source.(world.Aging); ok && c.job != nil {
		return append(a.AppendLater(nil, it.id), "\r\n"...)
	}
	return append(c.s.cfg.Source.AppendRecord(nil, it.id), "\r\n"...)
}

// cut ends the connection as a fault wants it.
func (c *conn) cut(f *planned) {
	now := time.Now()
	if c.records > 0 {
		c.flush(now)
	}
	e := ending{mode: f.End, reason: string(f.Kind)}
	switch f.Kind {
	case Reset:
		e.mode = ModeRST
	case Close:
		e.mode = ModeClose
	case CloseMessage:
		e.mode, e.message = ModeClose, f.Message
	default:
		c.cutInside(f.Kind)
	}
	c.finish(e)
}

// cutInside writes the front part of a record, to where the fault wants it cut.
func (c *conn) cutInside(k Kind) {
	if c.over {
		return
	}
	record := c.record(c.pending[0])
	switch k {
	case CutCRLF:
		record = record[:len(record)-1]
	case CutRecord:
		record = record[:len(record)/2]
	case CutUTF8:
		for _, it := range c.pending {
			if at := multibyte(c.record(it)); at >= 0 {
				record = c.record(it)[:at+1]
				break
			}
		}
	}
	c.out.write(record)
	send := c.out.flush
	if k == CutGzip {
		send = c.out.flushPart
	}
	if _, err := send(); err != nil {
		c.broken()
	}
}

// trickleEvery is how often a trickling record grows by a byte.
const trickleEvery = time.Second

// trickle writes a record byte by byte while on, and the rest of it afterwards.
func (c *conn) trickle(now time.Time, on bool) {
	if c.dribble == nil {
		if len(c.pending) == 0 {
			return
		}
		if c.records > 0 {
			c.flush(now)
		}
		c.dribble, c.dribbleID = bytes.Clone(c.record(c.pending[0])), c.pending[0].id
		c.pending = c.pending[1:]
	}
	c.forget()
	n := 1
	switch {
	case !on:
		n = len(c.dribble)
	case now.Sub(c.wrote) < trickleEvery || len(c.dribble) == 1:
		return
	}
	c.out.write(c.dribble[:n])
	if c.dribble = c.dribble[n:]; len(c.dribble) == 0 {
		c.dribble, c.batch = nil, append(c.batch, c.dribbleID)
	}
	c.flush(now)
}

// damage writes what a spoiled record looks like. Nothing that replaces a record is valid JSON of an
// acceptable size with that record's id, save for the utf8 variant, which is not valid UTF-8.
func (c *conn) damage(record []byte, id snowflake.ID, f *planned) {
	variant := f.Variant
	if variant == "" {
		variant = Variants[c.rng.N(len(Variants))]
	}
	body := record[:len(record)-2]
	switch variant {
	case "unknown":
		c.add(fmt.Appendf(nil, `{"x_new_kind":{"id":%d,"id_str":"%d","text":"not a Tweet"}}`+"\r\n", id, id))
	case "notice":
		c.add(notice([]string{"info", "warn"}[c.rng.N(2)], "Some words from X.\n\n", time.Now()))
	case "delete":
		c.add(fmt.Appendf(nil, `{"delete":{"status":{"id":%d,"id_str":"%d","user_id":1,"user_id_str":"1"},"timestamp_ms":"%d"}}`+"\r\n", id, id, id.Milli()))
	case "braces", "keys", "digits", "minutes", "deep", "blanks":
		c.add(append(bomb(variant), "\r\n"...))
	default:
		c.withhold()
		c.add(c.spoiled(variant, body, f.Size))
		return
	}
	c.write(record, id)
}

// bombBytes is the length of a bomb: enough to tell who pays more for it than its length.
const bombBytes = 128 << 10

// bomb is a line that is no record, is short on the wire, and costs much to who is careless.
func bomb(variant string) []byte {
	var b []byte
	switch variant {
	case "braces":
		return bytes.Repeat([]byte("{}"), bombBytes/2)
	case "digits":
		return append(append([]byte(`{"x_new_kind":`), bytes.Repeat([]byte("9"), bombBytes)...), '}')
	case "minutes":
		return append(append([]byte(`{"warn":{"message":"Some words from X.","minutes_failed":[0`), bytes.Repeat([]byte(",0"), bombBytes/2)...), "]}}"...)
	case "deep":
		return bytes.Repeat([]byte(`{"a":`), bombBytes/5)
	case "blanks":
		return bytes.Repeat([]byte("\r\n"), bombBytes/2)
	}
	b = append(b, `{"x_new_kind":1`...)
	for i := 0; len(b) < bombBytes; i++ {
		b = fmt.Appendf(b, `,"%x":0`, i)
	}
	return append(b, '}')
}

func (c *conn) spoiled(variant string, body []byte, size int) []byte {
	c.glued = false
	switch variant {
	case "truncated":
		return append(bytes.Clone(body[:len(body)/4+c.rng.N(len(body)/2)]), "\r\n"...)
	case "garbled":
		return append(garble(&c.rng, body), "\r\n"...)
	case "glued":
		c.glued = true
		return body
	case "giant":
		b := append([]byte(`{"padding":"`), bytes.Repeat([]byte("x"), size)...)
		return append(append(append(b, `",`...), body[1:]...), "\r\n"...)
	}
	b := bytes.Replace(body, []byte(`"text":"`), []byte("\"text\":\"\xff\xc3("), 1)
	return append(b, "\r\n"...)
}

// garble flips bits until what is left is not valid JSON; line ends are spared.
func garble(r *rng.Rand, body []byte) []byte {
	b := bytes.Clone(body)
	for range 8 {
		i := r.N(len(b))
		b[i] ^= byte(1 << r.N(7))
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = '~'
		}
	}
	if json.Valid(b) {
		b[len(b)-1] = '~'
	}
	return b
}

// lie writes a Tweet whose id is of another time than that at which it is sent. Which Tweets it is sent with depends on
// those alone, so that all connections bring the same.
func (c *conn) lie(with snowflake.ID, fx effects) {
	if r := rng.New(c.s.cfg.Seed, rng.SaltLie, uint64(with)); c.over || c.glued || !fx.draw(fx.liar, &r) {
		return
	}
	f, at := fx.liar, time.UnixMilli(with.Milli())
	off := f.Ahead + time.Duration(int64(f.Walk)*int64(at.Sub(f.begun)/time.Second))
	id := snowflake.First(at.Add(off).UnixMilli()) | with&(1<<22-1)
	c.add(append(c.s.cfg.Source.AppendRecord(nil, id), "\r\n"...))
}
