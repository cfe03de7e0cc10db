package main

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/go-faster/jx"
	"github.com/goccy/go-json"
	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// library is the best that a careful developer builds from libraries alone: the fastest gunzip in pure
// Go, the id read first and a known one parsed no further, a map per minute of ids, a fast decoder
// with a reused struct's worth of members, an encoder of line protocol with a reused buffer, and
// writes of 64 KiB.
type library struct {
	seen  map[timeline.Minute]map[int64]struct{}
	dec   *jx.Decoder
	enc   lineprotocol.Encoder
	out   io.Writer
	now   int64
	tally tally
}

// writeBytes is how much the careful peer collects before it writes, as the plugin does.
const writeBytes = 64 << 10

func runLibrary(c *corpus, out io.Writer) (tally, error) {
	l := &library{seen: map[timeline.Minute]map[int64]struct{}{}, dec: jx.DecodeBytes(nil), out: out}
	l.enc.SetPrecision(lineprotocol.Nanosecond)
	open := func(b []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(b)) }
	if err := eachRecord(c, open, l.record); err != nil {
		return tally{}, err
	}
	return l.tally, l.flush()
}

func (l *library) record(line []byte) error {
	l.tally.received++
	id, err := l.topID(line)
	if err != nil {
		return err
	}
	m := timeline.MinuteOf(snowflake.ID(id).Milli())
	minute := l.seen[m]
	if _, known := minute[id]; known {
		l.tally.duplicate++
		return nil
	}
	var rec record
	if err := json.Unmarshal(line, &rec); err != nil {
		return err
	}
	if minute == nil {
		minute = map[int64]struct{}{}
		l.seen[m] = minute
	}
	minute[id] = struct{}{}
	l.tally.add(rec.ID)
	r := rec.row()
	return l.emit(&r)
}

// errFound ends jx's walk once the id is there.
var errFound = errors.New("found")

func (l *library) topID(line []byte) (id int64, err error) {
	l.dec.ResetBytes(line)
	err = l.dec.ObjBytes(func(d *jx.Decoder, key []byte) error {
		if string(key) != "id" {
			return d.Skip()
		}
		if id, err = d.Int64(); err != nil {
			return err
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		return id, nil
	}
	return 0, errors.Join(err, errors.New("record has no id"))
}

func (l *library) emit(r *row) error {
	e := &l.enc
	e.StartLine("decahose_tweet")
	e.AddTag("kind", r.kind)
	e.AddTag("lang", r.lang)
	e.AddTag("stream_label", "bench")
	l.integer("id", r.id)
	l.text("text", r.text)
	l.integer("user_id", r.userID)
	l.text("user_screen_name", r.screenName)
	l.integer("user_followers_count", r.followers)
	e.AddField("user_verified", lineprotocol.BoolValue(r.verified))
	l.text("source", r.source)
	l.applicable("in_reply_to_id", r.replyTo)
	l.applicable("retweeted_id", r.retweetedID)
	l.applicable("quoted_id", r.quotedID)
	l.text("hashtags", r.hashtags)
	l.integer("hashtag_count", r.hashtagCount)
	l.integer("url_count", r.urlCount)
	l.integer("mention_count", r.mentionCount)
	l.integer("media_count", r.mediaCount)
	l.text("media_type", r.mediaType)
	l.text("place_country_code", r.countryCode)
	l.text("place_full_name", r.placeName)
	if r.hasPoint {
		l.float("longitude", r.longitude)
		l.float("latitude", r.latitude)
	}
	e.AddField("possibly_sensitive", lineprotocol.BoolValue(r.sensitive))
	if first, err := strconv.ParseInt(r.editOf, 10, 64); err == nil {
		l.integer("edit_of", first)
	}
	if l.tally.fresh%turnRecords == 1 {
		l.now = time.Now().UnixNano()
	}
	l.integer("received_at", l.now)
	e.EndLine(identity(r.id))
	if err := e.Err(); err != nil {
		return err
	}
	if len(e.Bytes()) < writeBytes {
		return nil
	}
	return l.flush()
}

func (l *library) integer(key string, v int64) { l.enc.AddField(key, lineprotocol.IntValue(v)) }

func (l *library) applicable(key string, v int64) {
	if v != 0 {
		l.integer(key, v)
	}
}

func (l *library) float(key string, v float64) {
	if f, ok := lineprotocol.FloatValue(v); ok {
		l.enc.AddField(key, f)
	}
}

func (l *library) text(key, v string) {
	if s, ok := lineprotocol.StringValue(v); ok && v != "" {
		l.enc.AddField(key, s)
	}
}

func (l *library) flush() error {
	_, err := l.out.Write(l.enc.Bytes())
	l.enc.Reset()
	return err
}
