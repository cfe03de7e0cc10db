package tweet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recordsFolder holds real records. They are other people's Tweets and no part of this project.
const recordsFolder = "../../../../shared/data/records"

func realRecord(t testing.TB, name string) []byte {
	t.Helper()
	rec, err := os.ReadFile(filepath.Join(recordsFolder, name))
	if err != nil {
		t.Skipf("no real records here: %v", err)
	}
	return []byte(strings.TrimSpace(string(rec)))
}

func parsed(t testing.TB, rec []byte) Tweet {
	t.Helper()
	var tw Tweet
	require.NoError(t, NewParser(false).Parse(rec, &tw))
	return tw
}

func TestRealNativeRecords(t *testing.T) {
	tw := parsed(t, realRecord(t, "native_media_place.json"))
	require.EqualValues(t, 887453193294282752, tw.ID)
	require.Equal(t, Original, tw.Kind)
	require.Equal(t, "en", string(tw.Lang))
	require.EqualValues(t, 815279070241955840, tw.UserID)
	require.Equal(t, "RobotPrincessFi", string(tw.UserScreenName))
	require.EqualValues(t, 1, tw.UserFollowers)
	require.Equal(t, "Twitter for iPhone", string(tw.Source))
	require.EqualValues(t, 1, tw.MediaCount)
	require.Equal(t, "animated_gif", string(tw.MediaType))
	require.Equal(t, "US", string(tw.PlaceCountryCode))
	require.Equal(t, "Boulder, CO", string(tw.PlaceFullName))
	require.True(t, tw.HasPoint)
	require.InDelta(t, -105.27786886, tw.Longitude, 1e-12)
	require.InDelta(t, 40.01736548, tw.Latitude, 1e-12)

	tw = parsed(t, realRecord(t, "native_place.json"))
	require.Equal(t, "Tweet,hashtag", string(tw.Hashtags))
	require.EqualValues(t, 2, tw.HashtagCount)
	require.False(t, tw.HasPoint)

	tw = parsed(t, realRecord(t, "native_quote_small.json"))
	require.Equal(t, Quote, tw.Kind)
}

// The same Tweets in both formats give the same fields.
func TestRealPairsAgree(t *testing.T) {
	for native, activity := range map[string]string{
		"native_media_place.json":          "as_media.json",
		"native_retweet.json":              "as_retweet.json",
		"native_quote_extended.json":       "as_quote_long_object.json",
		"native_extended_tweet_place.json": "as_long_object_place.json",
	} {
		t.Run(native, func(t *testing.T) {
			a, b := parsed(t, realRecord(t, native)), parsed(t, realRecord(t, activity))
			require.Equal(t, show(a), show(b))
		})
	}
}

func TestRealNotices(t *testing.T) {
	names, _ := filepath.Glob(filepath.Join(recordsFolder, "*.json"))
	p := NewParser(false)
	for _, path := range names {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "native_") || strings.HasPrefix(name, "as_") && !strings.HasPrefix(name, "as_compliance") {
			continue
		}
		var tw Tweet
		require.ErrorIs(t, p.Parse(realRecord(t, name), &tw), ErrNotTweet, name)
	}
	var tw Tweet
	require.ErrorIs(t, p.Parse(realRecord(t, "compliance_tweet_edit_as_printed.txt"), &tw), ErrMalformed)
}

// Every way to cut a record short makes it malformed.
func TestTruncatedIsMalformed(t *testing.T) {
	rec := realRecord(t, "native_retweet.json")
	p := NewParser(false)
	var tw Tweet
	for n := range rec {
		require.ErrorIs(t, p.Parse(rec[:n], &tw), ErrMalformed, n)
		require.Zero(t, tw.ID)
	}
}
