package tweet

import "github.com/decahose/telegraf-decahose/internal/record/snowflake"

// Kind is what a Tweet is to other Tweets (interface: kind = original|retweet|quote|reply).
type Kind uint8

const (
	Original Kind = iota
	Retweet
	Quote
	Reply
)

var kindNames = [...]string{"original", "retweet", "quote", "reply"}

func (k Kind) String() string { return kindNames[k] }

// Tweet holds the fields of one Tweet. Byte slices are decoded, valid UTF-8, empty where absent;
// they point into the record or into the Parser's arena, and die with the Parser's next Reset.
type Tweet struct {
	ID                snowflake.ID
	Kind              Kind
	Lang              []byte // "und" where absent
	Text              []byte
	UserID            int64
	UserScreenName    []byte
	UserFollowers     int64
	UserVerified      bool
	Source            []byte // client name without its HTML
	InReplyToID       int64  // 0 where not applicable, as all ids below
	RetweetedID       int64
	QuotedID          int64
	EditOf            int64  // first id of the edit chain, when this is an edit of it
	Hashtags          []byte // comma-joined
	HashtagCount      int64
	URLCount          int64
	MentionCount      int64
	MediaCount        int64
	MediaType         []byte // of the first medium
	PlaceCountryCode  []byte
	PlaceFullName     []byte
	HasPoint          bool
	Longitude         float64
	Latitude          float64
	PossiblySensitive bool

	Repaired   bool   // bytes that were not UTF-8 were replaced by U+FFFD in a field
	ReceivedAt int64  // Unix ns; set by the core, not by the parser
	Raw        []byte // the record made valid UTF-8; set only when the Parser keeps it

	// Line is the Tweet as line protocol, newline included, where an archive of another site had it: it goes out as it
	// is, and of the fields above only ID and ReceivedAt are set.
	Line []byte
}
