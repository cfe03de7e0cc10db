package main

import (
	"fmt"
	"os/exec"
	"time"
)

// jqProgram takes the same fields as a person at a shell would.
const jqProgram = `(.retweeted_status // .) as $t | ($t.extended_tweet // $t) as $x | {
id, text: ($x.full_text // $t.text), lang, user_id: .user.id, user_screen_name: .user.screen_name,
user_followers_count: .user.followers_count, user_verified: .user.verified, source,
in_reply_to_id: .in_reply_to_status_id, retweeted_id: .retweeted_status.id, quoted_id: .quoted_status_id,
hashtags: ($x.entities.hashtags | map(.text) | join(",")), hashtag_count: ($x.entities.hashtags | length),
url_count: ($x.entities.urls | length), mention_count: ($x.entities.user_mentions | length),
media_count: ($x.extended_entities.media | length), media_type: $x.extended_entities.media[0].type,
place_country_code: .place.country_code, place_full_name: .place.full_name,
longitude: .coordinates.coordinates[0], latitude: .coordinates.coordinates[1], possibly_sensitive}`

// childLimit is how long one contender may take: many times what it needs.
const childLimit = 90 * time.Second

// benchJQ compares the CPU of whole processes that turn one connection's bytes into fields.
func benchJQ(b *bench) error {
	for _, tool := range []string{"curl", "jq", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: %w", tool, err)
		}
	}
	if _, err := b.product(); err != nil {
		return err
	}
	rounds := 5
	if b.quick {
		rounds = 1
	}
	var ours, theirs series
	for range rounds {
		for _, c := range []struct {
			s   *series
			run func() (time.Duration, error)
		}{{&ours, b.runProduct}, {&theirs, b.runJQ}} {
			took, err := c.run()
			if err != nil {
				return err
			}
			*c.s = append(*c.s, took)
		}
	}
	b.section("processes, one connection over loopback HTTP, CPU of the process tree")
	b.times("telegraf-decahose", ours, len(b.corpus.records), b.corpus.bytes)
	b.times("curl --compressed | jq -c", theirs, len(b.corpus.records), b.corpus.bytes)
	b.ratio("cpu_x_jq", theirs, ours)
	return nil
}

func (b *bench) runProduct() (time.Duration, error) {
	s, err := newServer(once(b.corpus.a))
	if err != nil {
		return 0, err
	}
	defer s.close()
	conf, err := config(b.dir, s.url, "1", 1)
	if err != nil {
		return 0, err
	}
	c, err := startChild(tweetMark, nil, b.binary, "-config", conf)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	if err := c.all(len(b.corpus.records)); err != nil {
		return 0, err
	}
	took, err := c.stop()
	if n := int(c.lines.Load()); err == nil && n != len(b.corpus.records) {
		return 0, fmt.Errorf("%w: %d Tweets emitted of %d", errDisagree, n, len(b.corpus.records))
	}
	return took, err
}

func (b *bench) runJQ() (time.Duration, error) {
	s, err := newServer(once(b.corpus.a))
	if err != nil {
		return 0, err
	}
	defer s.close()
	c, err := startChild(`{"id":`, nil, "sh", "-c", `curl -sS --compressed "$1" | jq -c "$2"`, "sh", s.url, jqProgram)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	if err := c.all(len(b.corpus.records)); err != nil {
		return 0, err
	}
	return c.stop()
}

// all waits until n Tweets came out.
func (c *child) all(n int) error {
	return c.until(fmt.Sprintf("%d Tweets", n), childLimit, func() bool { return c.lines.Load() >= int64(n) })
}
