package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// benchParse compares the strict parse of every record with encoding/json into a struct of the same
// members. Both must find the same fields.
func benchParse(r *report, c *corpus, rounds int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := sameFields(c); err != nil {
		return err
	}
	parser, t := tweet.NewParser(false), &tweet.Tweet{}
	ours := func() (sum tally, err error) {
		for i, rec := range c.records {
			if i%turnRecords == 0 {
				parser.Reset()
			}
			if err = parser.Parse(rec, t); err != nil {
				return sum, err
			}
			sum.add(int64(t.ID))
		}
		return sum, nil
	}
	peer := func() (sum tally, err error) {
		for _, b := range c.records {
			var rec record
			if err = json.Unmarshal(b, &rec); err != nil {
				return sum, err
			}
			sum.add(rec.ID)
		}
		return sum, nil
	}
	times, err := roundRobin(rounds, []contender{{"ours", ours}, {"encoding/json", peer}})
	if err != nil {
		return err
	}
	r.section("strict parse of every record, 1 core")
	r.times("ours", times[0], len(c.records), c.bytes)
	r.times("encoding/json", times[1], len(c.records), c.bytes)
	allocs := testing.AllocsPerRun(3, func() { _, _ = ours() }) / float64(len(c.records))
	r.line("%-28s %8.4f allocations/record", "ours", allocs)
	if allocs > 0.001 {
		r.line("ours allocates: the goal is 0")
	}
	r.ratio("parse_x_encoding_json", times[1], times[0])
	return nil
}

// sameFields compares what both parsers found, record by record.
func sameFields(c *corpus) error {
	parser, t := tweet.NewParser(false), &tweet.Tweet{}
	for _, b := range c.records {
		var rec record
		if err := json.Unmarshal(b, &rec); err != nil {
			return fmt.Errorf("%w: encoding/json: %w", errDisagree, err)
		}
		parser.Reset()
		if err := parser.Parse(b, t); err != nil {
			return fmt.Errorf("%w: record %d: %w", errDisagree, rec.ID, err)
		}
		if want, got := rec.row(), rowOf(t); got != want {
			return fmt.Errorf("%w: record %d:\nencoding/json %+v\nours          %+v", errDisagree, rec.ID, want, got)
		}
	}
	return nil
}

func rowOf(t *tweet.Tweet) row {
	r := row{id: int64(t.ID), userID: t.UserID, followers: t.UserFollowers, replyTo: t.InReplyToID,
		retweetedID: t.RetweetedID, quotedID: t.QuotedID, hashtagCount: t.HashtagCount, urlCount: t.URLCount,
		mentionCount: t.MentionCount, mediaCount: t.MediaCount, kind: t.Kind.String(), lang: string(t.Lang),
		text: string(t.Text), screenName: string(t.UserScreenName), source: string(t.Source),
		hashtags: string(t.Hashtags), mediaType: string(t.MediaType), countryCode: string(t.PlaceCountryCode),
		placeName: string(t.PlaceFullName), verified: t.UserVerified, sensitive: t.PossiblySensitive,
		hasPoint: t.HasPoint, longitude: t.Longitude, latitude: t.Latitude}
	if t.EditOf != 0 {
		r.editOf = strconv.FormatInt(t.EditOf, 10)
	}
	return r
}
