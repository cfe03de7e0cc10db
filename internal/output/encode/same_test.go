package encode

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

func lineOf(t *testing.T, label string, tags, fields []string, change func(*tweet.Tweet)) ([]byte, *Schema) {
	t.Helper()
	s, err := NewSchema(label, tags, fields, Keep)
	require.NoError(t, err)
	tw := &tweet.Tweet{ID: lineID, Text: []byte("a \"line\"\nand another, with = and \\ in it"), Lang: []byte("en"), ReceivedAt: 5}
	if change != nil {
		change(tw)
	}
	return AppendTweet(nil, tw, s), s
}

var lineID = snowflake.First(1_767_270_000_123) | 7<<12 | 3

// What one site writes another may pass on if both are configured alike, whatever a Tweet has or lacks.
func TestCheckTakesItsOwnLines(t *testing.T) {
	for name, change := range map[string]func(*tweet.Tweet){
		"little": nil,
		"nothing but counts": func(tw *tweet.Tweet) {
			*tw = tweet.Tweet{ID: lineID, ReceivedAt: 1}
		},
		"all": func(tw *tweet.Tweet) {
			tw.HasPoint, tw.Longitude, tw.Latitude = true, 1, -2.5
			tw.PlaceCountryCode, tw.PlaceFullName, tw.MediaType = []byte("DE"), []byte("Köln, Deutschland"), []byte("photo")
			tw.InReplyToID, tw.RetweetedID, tw.QuotedID, tw.EditOf, tw.UserID = 1, 2, 3, 4, 5
			tw.Source, tw.Hashtags, tw.UserScreenName, tw.Raw = []byte("web"), []byte("a,b"), []byte("me"), []byte(`{"id":1}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, fields := range [][]string{nil, {"place_full_name"}, {}, {"id", "text"}} {
				for _, tags := range [][]string{nil, {}, AllTags()} {
					line, s := lineOf(t, "my, stream = 1", tags, fields, change)
					require.NoError(t, s.Check(line, lineID), "%s", line)
				}
			}
		})
	}
}

func TestCheckRefusesOtherSchemas(t *testing.T) {
	_, s := lineOf(t, "prod", nil, []string{"id", "text", "hashtag_count"}, nil)
	for name, c := range map[string]struct {
		line, says string
		damaged    bool
	}{
		"label":        {"decahose_tweet,kind=original,lang=en,stream_label=test id=%i,hashtag_count=0i %t\n", `stream_label "test"`, false},
		"no label":     {"decahose_tweet,kind=original,lang=en id=%i,hashtag_count=0i %t\n", `tag "stream_label" is absent`, false},
		"host":         {"decahose_tweet,host=b,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0i %t\n", `tag "host" is not in tweet_tags`, false},
		"less tags":    {"decahose_tweet,lang=en,stream_label=prod id=%i,hashtag_count=0i %t\n", `tag "kind" is absent`, false},
		"more fields":  {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0i,source=\"web\" %t\n", `field "source" is not in tweet_fields`, false},
		"less fields":  {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i %t\n", `field "hashtag_count" is absent`, false},
		"a type":       {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0 %t\n", `field "hashtag_count" is of type float`, false},
		"measurement":  {"decahose_volume,kind=original,lang=en,stream_label=prod id=%i %t\n", `measurement "decahose_volume"`, false},
		"another id":   {"decahose_tweet,kind=original,lang=en,stream_label=prod id=12i,hashtag_count=0i %t\n", "is not the id of the line", true},
		"another time": {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0i 1767270000123000000\n", "is not that of the id", true},
		"cut":          {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,text=\"abc", "read field", true},
		"no time":      {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0i\n", "is not that of the id", true},
		"two lines":    {"decahose_tweet,kind=original,lang=en,stream_label=prod id=%i,hashtag_count=0i %t\ndecahose_tweet a=1\n", "more than one", true},
		"nothing":      {"", "it is empty", true},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Check([]byte(filled(c.line)), lineID)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, !c.damaged, errors.Is(err, ErrOther))
		})
	}
}

func filled(line string) string {
	ns, _ := lineID.Nano()
	return strings.NewReplacer("%i", fmt.Sprintf("%di", lineID), "%t", fmt.Sprint(ns)).Replace(line)
}
