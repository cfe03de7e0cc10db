package main

import "strings"

// record is what the peers decode: the members of a native Tweet that the fields come from, and no
// others. Both encoding/json and goccy/go-json fill it.
type record struct {
	ID                int64    `json:"id"`
	IDStr             string   `json:"id_str"`
	Text              string   `json:"text"`
	Lang              string   `json:"lang"`
	Source            string   `json:"source"`
	InReplyTo         int64    `json:"in_reply_to_status_id"`
	IsQuote           bool     `json:"is_quote_status"`
	QuotedID          int64    `json:"quoted_status_id"`
	PossiblySensitive bool     `json:"possibly_sensitive"`
	User              author   `json:"user"`
	Entities          entities `json:"entities"`
	ExtendedEntities  media    `json:"extended_entities"`
	ExtendedTweet     *long    `json:"extended_tweet"`
	Retweeted         *nested  `json:"retweeted_status"`
	Quoted            *struct {
		ID int64 `json:"id"`
	} `json:"quoted_status"`
	Place *struct {
		CountryCode string `json:"country_code"`
		FullName    string `json:"full_name"`
	} `json:"place"`
	Coordinates *struct {
		Coordinates []float64 `json:"coordinates"`
	} `json:"coordinates"`
	EditHistory struct {
		Initial string `json:"initial_tweet_id"`
	} `json:"edit_history"`
}

type author struct {
	ID         int64  `json:"id"`
	ScreenName string `json:"screen_name"`
	Followers  int64  `json:"followers_count"`
	Verified   bool   `json:"verified"`
}

type entities struct {
	Hashtags []struct {
		Text string `json:"text"`
	} `json:"hashtags"`
	URLs     []struct{} `json:"urls"`
	Mentions []struct{} `json:"user_mentions"`
	media
}

type media struct {
	Media []struct {
		Type string `json:"type"`
	} `json:"media"`
}

// long is the extended part of a Tweet of more than 140 code points.
type long struct {
	Text             string   `json:"full_text"`
	Entities         entities `json:"entities"`
	ExtendedEntities media    `json:"extended_entities"`
}

// nested is the Tweet within a retweet.
type nested struct {
	ID               int64    `json:"id"`
	Text             string   `json:"text"`
	Entities         entities `json:"entities"`
	ExtendedEntities media    `json:"extended_entities"`
	ExtendedTweet    *long    `json:"extended_tweet"`
}

// row is one Tweet as it is emitted: the fields of decahose_tweet.
type row struct {
	id, userID, followers, replyTo, retweetedID, quotedID int64
	hashtagCount, urlCount, mentionCount, mediaCount      int64
	kind, lang, text, screenName, source, hashtags        string
	mediaType, countryCode, placeName, editOf             string
	verified, sensitive, hasPoint                         bool
	longitude, latitude                                   float64
}

// row chooses as the plugin does: extended before plain, the original's text and entities for a retweet.
func (r *record) row() row {
	out := row{id: r.ID, userID: r.User.ID, followers: r.User.Followers, screenName: r.User.ScreenName,
		verified: r.User.Verified, replyTo: r.InReplyTo, quotedID: r.QuotedID, sensitive: r.PossiblySensitive,
		lang: r.Lang, source: clientName(r.Source)}
	if out.lang == "" {
		out.lang = "und"
	}
	if out.quotedID == 0 && r.Quoted != nil {
		out.quotedID = r.Quoted.ID
	}
	if r.EditHistory.Initial != r.IDStr {
		out.editOf = r.EditHistory.Initial
	}
	if r.Place != nil {
		out.countryCode, out.placeName = r.Place.CountryCode, r.Place.FullName
	}
	if r.Coordinates != nil && len(r.Coordinates.Coordinates) == 2 {
		out.hasPoint, out.longitude, out.latitude = true, r.Coordinates.Coordinates[0], r.Coordinates.Coordinates[1]
	}
	out.kind = r.kind()
	body := nested{ID: r.ID, Text: r.Text, Entities: r.Entities, ExtendedEntities: r.ExtendedEntities, ExtendedTweet: r.ExtendedTweet}
	if r.Retweeted != nil {
		body = *r.Retweeted
		out.retweetedID = body.ID
	}
	out.content(&body)
	return out
}

func (r *record) kind() string {
	switch {
	case r.Retweeted != nil:
		return "retweet"
	case r.IsQuote || r.QuotedID != 0 || r.Quoted != nil:
		return "quote"
	case r.InReplyTo != 0:
		return "reply"
	}
	return "original"
}

func (out *row) content(b *nested) {
	text, e, m := b.Text, &b.Entities, b.ExtendedEntities.Media
	if x := b.ExtendedTweet; x != nil {
		text, e = x.Text, &x.Entities
		if len(x.ExtendedEntities.Media) > 0 {
			m = x.ExtendedEntities.Media
		}
	}
	if len(m) == 0 {
		m = e.Media
	}
	out.text = text
	out.hashtagCount, out.urlCount, out.mentionCount = int64(len(e.Hashtags)), int64(len(e.URLs)), int64(len(e.Mentions))
	out.mediaCount = int64(len(m))
	if len(m) > 0 {
		out.mediaType = m[0].Type
	}
	for i, h := range e.Hashtags {
		if i > 0 {
			out.hashtags += ","
		}
		out.hashtags += h.Text
	}
}

// clientName cuts the link around a client's name.
func clientName(source string) string {
	if i := strings.IndexByte(source, '>'); i >= 0 {
		source = source[i+1:]
	}
	if i := strings.IndexByte(source, '<'); i >= 0 {
		source = source[:i]
	}
	return source
}
