package tweet

import "github.com/decahose/telegraf-decahose/internal/record/jsonscan"

// Members come in any order: a retweeted Tweet before or after the entities of the Tweet around
// it. So one pass collects candidates, by position only, and choose.go decides when all are known.
// A later duplicate of a member replaces an earlier one whole, except for ids, where the first wins.

// str is a string of the record: its raw contents are rec[start:end]. The zero value is absent.
type str struct {
	start, end int32
	flags      jsonscan.Flags
}

func (s str) present() bool { return s.end > s.start }

// list is an array of the record: where it begins and how many elements it has.
type list struct{ at, n int32 }

// entities is an `entities` or `extended_entities` object, present or not.
type entities struct {
	present                         bool
	hashtags, urls, mentions, media list
	mediaType                       str // of the first medium
}

// body is what a Tweet, an extended Tweet within it and a retweeted Tweet have in common, in
// either form.
type body struct {
	text, full    str // native text and full_text; body in Activity Streams is text
	plain, extend entities
}

// content is a Tweet's body and its longer version (`extended_tweet`, `long_object`).
type content struct {
	id int64
	body
	long body
}

// ref is another Tweet's id, as a number, a string or within an object. present: not null.
type ref struct {
	present bool
	id      int64
}

// author is a user or an actor.
type author struct {
	present   bool
	id        int64
	name      str
	followers int64
	verified  bool
}

type place struct{ code, name str }

// point is a pair of coordinates in the order in which they stood.
type point struct {
	present bool
	xy      [2]float64
}

// native are the candidates of the native format.
type native struct {
	own, retweeted     content
	isRetweet, isQuote bool
	reply, replyStr    ref
	quoted, quotedStr  ref
	quotedStatus       ref
	user               author
	source, lang       str
	place              place
	point              point
}

// activity are the candidates of the Activity Streams format.
type activity struct {
	own, object      content
	objectType, verb str
	reply            str // the link of the Tweet replied to
	quoted           ref
	actor            author
	generator, lang  str
	location         place
	geo              point
}

// found is everything that one pass collects.
type found struct {
	id        int64
	tagged    bool // the id is an Activity Streams tag
	sensitive bool
	initial   int64 // edit chain
	firstEdit int64
	native    native
	activity  activity
}
