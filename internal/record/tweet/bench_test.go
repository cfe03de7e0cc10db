package tweet

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleRecord is a made-up record of about 5 kB with the members, order and escapes of a real one:
// a retweet of a long Tweet with media.
func sampleRecord() []byte {
	user := func(id, name string) string {
		return `{"id":` + id + `,"id_str":"` + id + `","name":"Some One \ud83d\ude00","screen_name":"` + name + `",` +
			`"location":"Somewhere, XX","url":"https:\/\/t.co\/abcdefghij","description":"Makes things up \u2014 all day | sometimes at night https:\/\/t.co\/klmnopqrst",` +
			`"translator_type":"none","protected":false,"verified":true,"followers_count":12345,"friends_count":678,"listed_count":9,` +
			`"favourites_count":1011,"statuses_count":12131,"created_at":"Sat Dec 31 19:30:52 +0000 2016","utc_offset":null,"time_zone":null,` +
			`"geo_enabled":true,"lang":null,"contributors_enabled":false,"is_translator":false,"profile_background_color":"F5F8FA",` +
			`"profile_background_image_url":"http:\/\/abs.example.com\/images\/themes\/theme1\/bg.png","profile_background_tile":false,` +
			`"profile_link_color":"1DA1F2","profile_sidebar_border_color":"C0DEED","profile_text_color":"333333","profile_use_background_image":true,` +
			`"profile_image_url":"http:\/\/pbs.example.com\/profile_images\/815279765259100161\/abcdefg_normal.jpg",` +
			`"profile_image_url_https":"https:\/\/pbs.example.com\/profile_images\/815279765259100161\/abcdefg_normal.jpg",` +
			`"default_profile":true,"default_profile_image":false,"following":null,"follow_request_sent":null,"notifications":null,"withheld_in_countries":[]}`
	}
	media := `"media":[{"id":887453176248455169,"id_str":"887453176248455169","indices":[41,64],"media_url":"http:\/\/pbs.example.com\/media\/abc.jpg",` +
		`"media_url_https":"https:\/\/pbs.example.com\/media\/abc.jpg","url":"https:\/\/t.co\/abc","display_url":"pic.example.com\/abc",` +
		`"expanded_url":"https:\/\/example.com\/other\/status\/1465906883030568000\/photo\/1","type":"photo",` +
		`"sizes":{"small":{"w":340,"h":172,"resize":"fit"},"large":{"w":498,"h":252,"resize":"fit"},"thumb":{"w":150,"h":150,"resize":"crop"}}}]`
	entities := `{"hashtags":[{"text":"one","indices":[1,5]},{"text":"caf\u00e9","indices":[6,11]}],"urls":[{"url":"https:\/\/t.co\/u",` +
		`"expanded_url":"https:\/\/example.com\/","display_url":"example.com","indices":[12,35]}],"user_mentions":[{"screen_name":"third",` +
		`"name":"Third","id":3,"id_str":"3","indices":[0,6]}],"symbols":[]`
	return []byte(`{"created_at":"Wed Dec 01 04:53:30 +0000 2021","id":1465906883030568962,"id_str":"1465906883030568962",` +
		`"text":"RT @other: ` + strings.Repeat(`words \u65e5\u672c `, 5) + `\u2026","source":"\u003ca href=\"https:\/\/example.com\/\" rel=\"nofollow\"\u003eSome Client\u003c\/a\u003e",` +
		`"truncated":false,"in_reply_to_status_id":null,"in_reply_to_status_id_str":null,"in_reply_to_user_id":null,"in_reply_to_user_id_str":null,` +
		`"in_reply_to_screen_name":null,"user":` + user("815279070241955840", "someone") + `,"geo":null,"coordinates":null,"place":null,"contributors":null,` +
		`"retweeted_status":{"created_at":"Wed Dec 01 04:50:00 +0000 2021","id":1465906000000000000,"id_str":"1465906000000000000","text":"short\u2026",` +
		`"source":"web","truncated":true,"in_reply_to_status_id":null,"user":` + user("2382763597", "other") + `,"geo":null,"coordinates":null,"place":null,` +
		`"is_quote_status":false,"extended_tweet":{"full_text":"` + strings.Repeat(`longer words \u65e5\u672c\u8a9e \ud83d\ude00\n`, 6) + `","display_text_range":[0,200],"entities":` +
		entities + `,` + media + `},"extended_entities":{` + media + `}},"quote_count":1,"reply_count":2,"retweet_count":3,"favorite_count":4,` +
		`"entities":` + entities + `},"favorited":false,"retweeted":false,"possibly_sensitive":false,"filter_level":"low","lang":"ja"},` +
		`"is_quote_status":false,"quote_count":0,"reply_count":0,"retweet_count":0,"favorite_count":0,"entities":` + entities + `},` +
		`"favorited":false,"retweeted":false,"filter_level":"low","lang":"ja","timestamp_ms":"1638334410804"}`)
}

func TestSampleRecord(t *testing.T) {
	tw := parsed(t, sampleRecord())
	require.EqualValues(t, 1465906883030568962, tw.ID)
	require.EqualValues(t, 1465906000000000000, tw.RetweetedID)
	require.Equal(t, strings.Repeat("longer words 日本語 😀\n", 6), string(tw.Text))
	require.Equal(t, "one,café", string(tw.Hashtags))
	require.Equal(t, "Some Client", string(tw.Source))
	require.Equal(t, "someone", string(tw.UserScreenName))
	require.Equal(t, "photo", string(tw.MediaType))
	require.EqualValues(t, 1, tw.MediaCount)
}

func TestNoAllocations(t *testing.T) {
	rec, p := sampleRecord(), NewParser(true)
	withPoint := bytes.Replace(rec, []byte(`"coordinates":null`), []byte(`"coordinates":{"type":"Point","coordinates":[-105.27786886,40.01736548]}`), 1)
	var tw Tweet
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p.Reset()
		if p.Parse(rec, &tw) != nil || p.Parse(withPoint, &tw) != nil || !tw.HasPoint {
			t.Error("no Tweet")
		}
	}))
}

func BenchmarkParse(b *testing.B) {
	rec := sampleRecord()
	b.Run("own", func(b *testing.B) {
		p := NewParser(false)
		var tw Tweet
		b.SetBytes(int64(len(rec)))
		b.ReportAllocs()
		for b.Loop() {
			p.Reset()
			if err := p.Parse(rec, &tw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(rec)))
		b.ReportAllocs()
		for b.Loop() {
			var tw plainTweet
			if err := json.Unmarshal(rec, &tw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// plainTweet is what one would write with encoding/json for the same fields.
type plainTweet struct {
	ID                int64        `json:"id"`
	Text              string       `json:"text"`
	Source            string       `json:"source"`
	Lang              string       `json:"lang"`
	InReplyToStatusID *int64       `json:"in_reply_to_status_id"`
	QuotedStatusID    *int64       `json:"quoted_status_id"`
	IsQuoteStatus     bool         `json:"is_quote_status"`
	PossiblySensitive bool         `json:"possibly_sensitive"`
	Extended          *plainLonger `json:"extended_tweet"`
	Retweeted         *plainTweet  `json:"retweeted_status"`
	Quoted            *struct {
		ID int64 `json:"id"`
	} `json:"quoted_status"`
	plainEntityPair
	User *struct {
		ID         int64  `json:"id"`
		ScreenName string `json:"screen_name"`
		Followers  int64  `json:"followers_count"`
		Verified   bool   `json:"verified"`
	} `json:"user"`
	Place *struct {
		CountryCode string `json:"country_code"`
		FullName    string `json:"full_name"`
	} `json:"place"`
	Coordinates *struct {
		Coordinates [2]float64 `json:"coordinates"`
	} `json:"coordinates"`
	EditHistory *struct {
		Initial string `json:"initial_tweet_id"`
	} `json:"edit_history"`
}

type plainLonger struct {
	FullText string `json:"full_text"`
	plainEntityPair
}

type plainEntityPair struct {
	Entities         plainEntities `json:"entities"`
	ExtendedEntities plainEntities `json:"extended_entities"`
}

type plainEntities struct {
	Hashtags []struct {
		Text string `json:"text"`
	} `json:"hashtags"`
	URLs     []struct{} `json:"urls"`
	Mentions []struct{} `json:"user_mentions"`
	Media    []struct {
		Type string `json:"type"`
	} `json:"media"`
}
