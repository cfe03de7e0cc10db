package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/plugins/serializers/influx"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// turnRecords is how many records the peers take from one connection before they look at the other:
// about as many as fit the plugin's slab of 64 KiB.
const turnRecords = 12

// recordLimit is the longest record that the peers' scanners take.
const recordLimit = 4 << 20

// naive is what a Go developer writes first: the standard library, a map of strings, Telegraf's own
// metric and serializer, one write per metric.
type naive struct {
	seen   map[string]bool
	out    io.Writer
	serial *influx.Serializer
	tally  tally
}

func runNaive(c *corpus, out io.Writer) (tally, error) {
	n := &naive{seen: map[string]bool{}, out: out, serial: &influx.Serializer{}}
	if err := n.serial.Init(); err != nil {
		return tally{}, err
	}
	open := func(b []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(b)) }
	err := eachRecord(c, open, n.record)
	return n.tally, err
}

func (n *naive) record(line []byte) error {
	n.tally.received++
	var rec record
	if err := json.Unmarshal(line, &rec); err != nil {
		return err
	}
	if n.seen[rec.IDStr] {
		n.tally.duplicate++
		return nil
	}
	n.seen[rec.IDStr] = true
	n.tally.add(rec.ID)
	r := rec.row()
	m := metric.New("decahose_tweet", map[string]string{"kind": r.kind, "lang": r.lang, "stream_label": "bench"}, r.fields(), identity(r.id))
	line, err := n.serial.Serialize(m)
	if err != nil {
		return err
	}
	_, err = n.out.Write(line)
	return err
}

// identity is the time that stands for a Tweet.
func identity(id int64) time.Time {
	ns, _ := snowflake.ID(id).Nano()
	return time.Unix(0, ns)
}

func (r *row) fields() map[string]any {
	f := map[string]any{
		"id": r.id, "text": r.text, "user_id": r.userID, "user_screen_name": r.screenName,
		"user_followers_count": r.followers, "user_verified": r.verified, "source": r.source,
		"hashtag_count": r.hashtagCount, "url_count": r.urlCount, "mention_count": r.mentionCount,
		"media_count": r.mediaCount, "possibly_sensitive": r.sensitive, "received_at": time.Now().UnixNano(),
	}
	applicable(f, "in_reply_to_id", r.replyTo)
	applicable(f, "retweeted_id", r.retweetedID)
	applicable(f, "quoted_id", r.quotedID)
	present(f, "hashtags", r.hashtags)
	present(f, "media_type", r.mediaType)
	present(f, "place_country_code", r.countryCode)
	present(f, "place_full_name", r.placeName)
	if r.hasPoint {
		f["longitude"], f["latitude"] = r.longitude, r.latitude
	}
	if first, err := strconv.ParseInt(r.editOf, 10, 64); err == nil {
		f["edit_of"] = first
	}
	return f
}

func applicable(f map[string]any, key string, id int64) {
	if id != 0 {
		f[key] = id
	}
}

func present(f map[string]any, key, s string) {
	if s != "" {
		f[key] = s
	}
}

// eachRecord alternates between the two connections, some records at a time.
func eachRecord(c *corpus, open func([]byte) (io.Reader, error), take func([]byte) error) error {
	var lines []*bufio.Scanner
	for _, b := range [][]byte{c.a, c.b} {
		r, err := open(b)
		if err != nil {
			return err
		}
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 64<<10), recordLimit)
		lines = append(lines, s)
	}
	for open := 2; open > 0; {
		open = 0
		for _, s := range lines {
			more, err := takeSome(s, take)
			if err != nil {
				return err
			}
			if more {
				open++
			}
		}
	}
	return nil
}

func takeSome(s *bufio.Scanner, take func([]byte) error) (bool, error) {
	for range turnRecords {
		if !s.Scan() {
			return false, s.Err()
		}
		if line := s.Bytes(); len(line) > 0 { // the scanner has cut \r\n; what is empty is a heartbeat
			if err := take(line); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}
