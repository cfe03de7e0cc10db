package tweet

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// native is a Tweet of the given members after an id.
func nativeRecord(members string) string {
	return `{"id":10,` + members + `}`
}

func TestKinds(t *testing.T) {
	for members, want := range map[string]string{
		`"text":"a"`:                                                                        "original 0 0 0",
		`"text":"a","in_reply_to_status_id":5`:                                              "reply 5 0 0",
		`"text":"a","in_reply_to_status_id_str":"5"`:                                        "reply 5 0 0",
		`"text":"a","in_reply_to_status_id":null`:                                           "original 0 0 0",
		`"text":"a","is_quote_status":true`:                                                 "quote 0 0 0",
		`"text":"a","is_quote_status":"true"`:                                               "original 0 0 0",
		`"text":"a","quoted_status_id":6`:                                                   "quote 0 0 6",
		`"text":"a","quoted_status_id":null`:                                                "original 0 0 0",
		`"text":"a","quoted_status_id_str":"6"`:                                             "quote 0 0 6",
		`"text":"a","quoted_status":{"id":6}`:                                               "quote 0 0 6",
		`"text":"a","quoted_status":{"id_str":"6"}`:                                         "quote 0 0 6",
		`"text":"a","quoted_status":null`:                                                   "original 0 0 0",
		`"quoted_status_id":6,"in_reply_to_status_id":5,"text":"a"`:                         "quote 5 0 6",
		`"retweeted_status":{"id":7,"text":"r"},"text":"a","is_quote_status":true`:          "retweet 0 7 0",
		`"text":"a","quoted_status_id":6,"retweeted_status":{"text":"r","id_str":"7"}`:      "retweet 0 7 6",
		`"text":"a","retweeted_status":null`:                                                "original 0 0 0",
		`"text":"a","retweeted_status":{}`:                                                  "retweet 0 0 0",
		`"text":"a","retweeted_status":{"id":7},"retweeted_status":null`:                    "original 0 0 0",
		`"text":"a","quoted_status_id":6,"quoted_status_id":null,"in_reply_to_status_id":5`: "reply 5 0 0",
	} {
		tw := parsed(t, []byte(nativeRecord(members)))
		require.Equal(t, want, fmt.Sprint(tw.Kind, " ", tw.InReplyToID, tw.RetweetedID, tw.QuotedID), members)
	}
}

func TestText(t *testing.T) {
	for members, want := range map[string]string{
		`"text":"a"`:                  "a",
		`"text":"a","full_text":"b"`:  "b",
		`"full_text":"b","text":"a"`:  "b",
		`"full_text":null,"text":"a"`: "a",
		`"full_text":"","text":"a"`:   "a",
		`"text":"a","extended_tweet":{"full_text":"c"},"full_text":"b"`:                                 "c",
		`"text":"a","extended_tweet":null`:                                                              "a",
		`"text":"a","extended_tweet":{"full_text":7}`:                                                   "a",
		`"text":"a","text":"b"`:                                                                         "b",
		`"text":"a","text":null,"user":{}`:                                                              "",
		`"retweeted_status":{"text":"r"},"text":"a"`:                                                    "r",
		`"text":"a","retweeted_status":{"text":"r","extended_tweet":{"full_text":"R"}}`:                 "R",
		`"text":"a","extended_tweet":{"full_text":"c"},"retweeted_status":{"full_text":"f","text":"r"}`: "f",
		`"text":"a","quoted_status":{"text":"q","extended_tweet":{"full_text":"Q"}}`:                    "a",
		`"text":"a","retweeted_status":{"text":"r","quoted_status":{"text":"q","user":{"text":"u"}}}`:   "r",
		`"text":"a","retweeted_status":{"id":1}`:                                                        "a",
		`"text":"a &amp; b\n\t\u0000\"\\\/"`:                                                            "a &amp; b\n\t\x00\"\\/",
		`"text":"\ud83d\ude00 \ud83d x \ude00 \ud83d\ud83d\ude00"`:                                      "😀 \ufffd x \ufffd \ufffd😀",
		"\"text\":\"raw é 日 😀 \xff\xfe \xed\xa0\x80\"":                                                  "raw é 日 😀 \ufffd\ufffd \ufffd\ufffd\ufffd",
		`"te\u0078t":"a"`: "a",
	} {
		tw := parsed(t, []byte(nativeRecord(members)))
		require.Equal(t, want, string(tw.Text), members)
	}
}

func TestEntities(t *testing.T) {
	const two = `{"hashtags":[{"text":"x"},{"text":"caf\u00e9"}],"urls":[1],"user_mentions":[{},{},{}]}`
	const one = `{"hashtags":[{"text":"y"}],"media":[{"type":"photo"}]}`
	const video = `{"media":[{"type":"video"},{"type":"photo"}]}`
	for members, want := range map[string]string{
		`"text":"a"`:                              ` 0 0 0 0 `,
		`"text":"a","entities":` + two:            `x,café 2 1 3 0 `,
		`"text":"a","entities":` + one:            `y 1 0 0 1 photo`,
		`"entities":null,"text":"a"`:              ` 0 0 0 0 `,
		`"text":"a","entities":{"hashtags":null}`: ` 0 0 0 0 `,
		`"text":"a","entities":{"hashtags":[5,{"text":null},{"text":"z"}]}`:                              `z 3 0 0 0 `,
		`"text":"a","extended_tweet":{"entities":` + two + `},"entities":` + one:                         `x,café 2 1 3 1 photo`,
		`"text":"a","entities":` + one + `,"extended_entities":` + video:                                 `y 1 0 0 2 video`,
		`"text":"a","extended_tweet":{"entities":` + one + `,"extended_entities":` + video + `}`:         `y 1 0 0 2 video`,
		`"text":"a","extended_entities":` + video + `,"extended_tweet":{"entities":` + one + `}`:         `y 1 0 0 2 video`,
		`"text":"a","entities":` + two + `,"retweeted_status":{"entities":` + one + `}`:                  `y 1 0 0 1 photo`,
		`"text":"a","retweeted_status":{"extended_tweet":{"entities":` + two + `}},"entities":` + one:    `x,café 2 1 3 0 `,
		`"text":"a","retweeted_status":{"text":"r"},"entities":` + one + `,"extended_entities":` + video: ` 0 0 0 0 `,
		`"text":"a","quoted_status":{"entities":` + one + `,"extended_entities":` + video + `}`:          ` 0 0 0 0 `,
	} {
		tw := parsed(t, []byte(nativeRecord(members)))
		got := fmt.Sprintf("%s %d %d %d %d %s", tw.Hashtags, tw.HashtagCount, tw.URLCount, tw.MentionCount, tw.MediaCount, tw.MediaType)
		require.Equal(t, want, got, members)
	}
}

func TestFieldsOfTheOuterTweet(t *testing.T) {
	inner := `"retweeted_status":{"text":"r","lang":"ja","source":"inner","possibly_sensitive":true,"user":{"id":2},` +
		`"place":{"country_code":"JP"},"coordinates":{"type":"Point","coordinates":[1,2]},"edit_history":{"initial_tweet_id":"3"}}`
	outer := `"text":"a","lang":"en","source":"<a href=\"x\">Outer &amp; Co<\/a>","user":{"id":1,"screen_name":"me","followers_count":4,"verified":true},` +
		`"place":{"country_code":"US","full_name":"B, CO"},"geo":{"type":"Point","coordinates":[50,60]},"coordinates":{"type":"Point","coordinates":[-7.5,8e0]}`
	for _, members := range []string{inner + "," + outer, outer + "," + inner} {
		tw := parsed(t, []byte(nativeRecord(members)))
		require.Equal(t, "en", string(tw.Lang))
		require.Equal(t, "Outer &amp; Co", string(tw.Source))
		require.False(t, tw.PossiblySensitive)
		require.Equal(t, "1 me 4 true", fmt.Sprintf("%d %s %d %v", tw.UserID, tw.UserScreenName, tw.UserFollowers, tw.UserVerified))
		require.Equal(t, "US B, CO", fmt.Sprintf("%s %s", tw.PlaceCountryCode, tw.PlaceFullName))
		require.Equal(t, "true -7.5 8", fmt.Sprint(tw.HasPoint, tw.Longitude, tw.Latitude))
		require.Zero(t, tw.EditOf)
	}
}

func TestOddValuesAreAbsent(t *testing.T) {
	for _, odd := range []string{`null`, `5`, `-1.5e3`, `"x"`, `true`, `[]`, `{}`, `[{"a":[1]}]`, `{"id":null,"coordinates":"x","text":[]}`} {
		var members []string
		for _, name := range []string{"user", "source", "lang", "place", "coordinates", "geo", "entities", "extended_entities", "extended_tweet",
			"possibly_sensitive", "edit_history", "actor", "object", "generator", "location", "inReplyTo", "twitter_lang", "twitter_entities", "long_object", "objectType", "verb"} {
			members = append(members, `"`+name+`":`+odd)
		}
		tw := parsed(t, []byte(nativeRecord(`"text":"a",`+strings.Join(members, ","))))
		require.Equal(t, "a", string(tw.Text), odd)
		require.False(t, tw.HasPoint)
		require.Zero(t, tw.UserID)
	}
}

func TestSmallFields(t *testing.T) {
	one := func(members string) Tweet { return parsed(t, []byte(nativeRecord(`"text":"a",`+members))) }
	for value, want := range map[string]string{`"en"`: "en", `null`: "und", `""`: "und", `7`: "und", `"zh-\u0043N"`: "zh-CN"} {
		require.Equal(t, want, string(one(`"lang":`+value).Lang))
	}
	for value, want := range map[string]string{
		`"<a href=\"u\" rel=\"nofollow\">Web<\/a>"`: "Web", `"\u003ca href=\"u\"\u003eWeb\u003c/a\u003e"`: "Web", `"web"`: "web", `""`: "", `null`: "", `"<a"`: "<a", `"<a>x"`: "x",
	} {
		require.Equal(t, want, string(one(`"source":`+value).Source), value)
	}
	for value, want := range map[string]int64{
		`{"initial_tweet_id":"3"}`: 3, `{"initial_tweet_id":3}`: 3, `{"initial_tweet_id":"10"}`: 0, `{"edit_tweet_ids":["4","10"]}`: 4,
		`{"edit_tweet_ids":["10"]}`: 0, `{"edit_tweet_ids":["4"],"initial_tweet_id":"3"}`: 3, `null`: 0, `{"edit_tweet_ids":[]}`: 0,
	} {
		require.Equal(t, want, one(`"edit_history":`+value).EditOf, value)
	}
	for value, want := range map[string]bool{
		`[1,2]`: true, `[180,-90]`: true, `[181,0]`: false, `[0,91]`: false, `[1]`: false, `[1,"2"]`: false, `[[1,2]]`: false, `[1e999,0]`: false, `null`: false, `[0,0]`: true, `[null,1,2]`: false,
	} {
		require.Equal(t, want, one(`"coordinates":{"type":"Point","coordinates":`+value+`}`).HasPoint, value)
	}
	require.True(t, one(`"possibly_sensitive":true`).PossiblySensitive)
	require.EqualValues(t, 6, one(`"user":{"id_str":"6"}`).UserID)
	require.False(t, one(`"geo":{"type":"Point","coordinates":[1,2]}`).HasPoint)
	require.EqualValues(t, 9, one(`"user":{"id":5},"user":{"id":9}`).UserID)
	require.Zero(t, one(`"user":{"id":5},"user":null`).UserID)
}

func TestNotTweets(t *testing.T) {
	for in, want := range map[string]error{
		`{}`: ErrNotTweet, `[]`: ErrNotTweet, `5`: ErrNotTweet, `"x"`: ErrNotTweet, `null`: ErrNotTweet,
		`{"id":1}`: ErrNotTweet, `{"id":1,"text":5}`: ErrNotTweet, `{"text":"a"}`: ErrNotTweet, `{"id":"abc","text":"a"}`: ErrNotTweet,
		`{"id":1,"user":null}`: ErrNotTweet, `{"delete":{"status":{"id":1,"text":"a"}}}`: ErrNotTweet,
		`{"id":"tag:search.twitter.com,2005:1","objectType":"activity","verb":"delete"}`: ErrNotTweet,
		`{"id":"tag:search.twitter.com,2005:1","objectType":"note","verb":"post"}`:       ErrNotTweet,
		`{"id":1,"objectType":"activity","verb":"post"}`:                                 ErrNotTweet,
		`{"id":1,"text":"a"}x`: ErrMalformed, `{"id":1,"text":"a"} {}`: ErrMalformed, `{"id":1,"text":"a"`: ErrMalformed, ``: ErrMalformed, ` `: ErrMalformed,
		`{"id":1,"text":"a",}`: ErrMalformed, `{"id":01,"text":"a"}`: ErrMalformed, "{\"id\":1,\"text\":\"a\nb\"}": ErrMalformed, `{"id":1,"text":"\x"}`: ErrMalformed,
		`{"id":1,"text":"a","x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`: ErrMalformed,
		`{"id":1,"text":"a","user":{"id":tru}}`:                                               ErrMalformed, `{"id":1,"text":"a","coordinates":{"coordinates":[1,}}`: ErrMalformed,
		" \n{\"id\":1,\"text\":\"a\"}\r\n ": nil, `{"id":1,"user":{}}`: nil, `{"id_str":"1","full_text":""}`: nil,
		`{"id":"tag:search.twitter.com,2005:1","objectType":"activity","verb":"post"}`: nil,
	} {
		tw := Tweet{ID: 99, ReceivedAt: 5}
		err := NewParser(true).Parse([]byte(in), &tw)
		require.ErrorIs(t, err, want, in)
		require.Equal(t, err == nil, tw.ID == 1, in)
		require.Zero(t, tw.ReceivedAt)
	}
}

func TestActivityFinePrint(t *testing.T) {
	one := func(members string) Tweet {
		return parsed(t, []byte(`{"id":"tag:search.twitter.com,2005:10","objectType":"activity",`+members+`}`))
	}
	tw := one(`"verb":"post","body":"a","geo":{"type":"Point","coordinates":[40.5,-105.25]},"inReplyTo":{"link":"http:\/\/twitter.com\/statuses\/statuses\/77?s=1"},` +
		`"actor":{"id":"id:twitter.com:5","preferredUsername":"me","followersCount":3,"verified":true},"generator":{"displayName":"Web"},` +
		`"location":{"displayName":"B, CO","twitter_country_code":"US","country_code":"United States"},"twitter_lang":"en"`)
	require.Equal(t, Reply, tw.Kind)
	require.EqualValues(t, 77, tw.InReplyToID)
	require.Equal(t, "true -105.25 40.5", fmt.Sprint(tw.HasPoint, tw.Longitude, tw.Latitude))
	require.Equal(t, "5 me 3 true Web US B, CO en", fmt.Sprintf("%d %s %d %v %s %s %s %s",
		tw.UserID, tw.UserScreenName, tw.UserFollowers, tw.UserVerified, tw.Source, tw.PlaceCountryCode, tw.PlaceFullName, tw.Lang))

	tw = one(`"object":{"id":"tag:search.twitter.com,2005:9","body":"short","long_object":{"body":"long","twitter_entities":{"hashtags":[{"text":"h"}]}}},"body":"RT","verb":"share"`)
	require.Equal(t, "retweet 9 long h", fmt.Sprintf("%s %d %s %s", tw.Kind, tw.RetweetedID, tw.Text, tw.Hashtags))
	require.Equal(t, "und", string(tw.Lang))

	tw = one(`"verb":"post","body":"a","twitter_quoted_status":{"id":"tag:search.twitter.com,2005:8","body":"q"}`)
	require.Equal(t, "quote 8 a", fmt.Sprintf("%s %d %s", tw.Kind, tw.QuotedID, tw.Text))
	require.False(t, one(`"verb":"post","geo":{"type":"Polygon","coordinates":[[[1,2],[3,4]]]}`).HasPoint)
}

func TestLinkedID(t *testing.T) {
	for link, want := range map[string]int64{
		"http://twitter.com/a/statuses/12": 12, "https://x.com/a/status/13": 13, "https://x.com/a/status/13/photo/1": 13,
		"https://x.com/a": 0, "": 0, "https://x.com/status/": 0, "/status/99999999999999999999": 0,
	} {
		require.Equal(t, want, linkedID([]byte(link)), link)
	}
}

func TestRaw(t *testing.T) {
	p := NewParser(true)
	var tw Tweet
	require.NoError(t, p.Parse([]byte("\r\n {\"id\":1,\"text\":\"a\xffb\"} \n"), &tw))
	require.Equal(t, "{\"id\":1,\"text\":\"a\ufffdb\"}", string(tw.Raw))
	require.True(t, utf8.Valid(tw.Raw))
	require.NoError(t, p.Parse([]byte(` {"id":1,"text":"é"} `), &tw))
	require.Equal(t, `{"id":1,"text":"é"}`, string(tw.Raw))
}

// Tweets stay as they are while others are parsed, until Reset.
func TestArenaGrowthKeepsTweets(t *testing.T) {
	p := NewParser(false)
	tweets := make([]Tweet, 2000)
	for i := range tweets {
		require.NoError(t, p.Parse(fmt.Appendf(nil, `{"id":%d,"text":"t\n%d"}`, i+1, i), &tweets[i]))
	}
	for i := range tweets {
		require.Equal(t, fmt.Sprintf("t\n%d", i), string(tweets[i].Text))
	}
	p.arena = make([]byte, 0, keepArena+1)
	p.Reset()
	require.Zero(t, cap(p.arena))
}
