package tweet

import "fmt"

// show is a Tweet as readable lines, for comparison.
func show(t Tweet) string {
	return fmt.Sprintf("id %d\nkind %s lang %s\ntext %q\nuser %d %q %d %v\nsource %q\nreply %d retweeted %d quoted %d edit %d\n"+
		"hashtags %q %d urls %d mentions %d media %d %q\nplace %q %q\npoint %v %v %v\nsensitive %v\n",
		t.ID, t.Kind, t.Lang, t.Text, t.UserID, t.UserScreenName, t.UserFollowers, t.UserVerified, t.Source,
		t.InReplyToID, t.RetweetedID, t.QuotedID, t.EditOf, t.Hashtags, t.HashtagCount, t.URLCount, t.MentionCount,
		t.MediaCount, t.MediaType, t.PlaceCountryCode, t.PlaceFullName, t.HasPoint, t.Longitude, t.Latitude, t.PossiblySensitive)
}
