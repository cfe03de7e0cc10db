package world

import (
	"fmt"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"strings"
)

// userCount is how many accounts a World has; a few of them write most of its Tweets.
const userCount = 4096

// user is an account, its object written once in each style.
type user struct {
	id         int64
	screenName string
	name       string
	object     [styles][]byte
}

// user returns account i; two goroutines that meet it at once make the same one.
func (w *World) user(i int) *user {
	if u := w.users[i].Load(); u != nil {
		return u
	}
	w.users[i].CompareAndSwap(nil, w.newUser(i))
	return w.users[i].Load()
}

func (w *World) someone(r *rng.Rand) *user { return w.user(r.Zipf(userCount)) }

func (w *World) newUser(i int) *user {
	r := rng.New(w.seed, rng.SaltUser, uint64(i))
	v := &w.vocab[w.language(&r)]
	u := &user{id: int64(r.Scale(3e9)) + 1000}
	if r.Chance(0.6) {
		u.id = 700000000000000000 + int64(r.Next()%900000000000000000)
	}
	u.screenName = screenName(&r)
	u.name = givenNames[r.N(len(givenNames))] + " " + v.word(&r)
	if r.Chance(0.25) {
		u.name += " " + emoji[r.N(len(emoji))]
	}
	profile, shown := newProfile(&r, v), *u
	if w.later == nil {
		shown.name, shown.screenName = profile.age(&r, v, u)
	}
	for st := range styles {
		u.object[st] = profile.append(nil, st, &shown)
	}
	return u
}

func screenName(r *rng.Rand) string {
	name := coin(r, strings.Fields(latinParts), 2, 4)
	if r.Chance(0.5) {
		name = strings.ToUpper(name[:1]) + name[1:] + "_"
	}
	return fmt.Sprint(name[:min(len(name), 10)], r.N(9999))
}

// profile is what an account says of itself.
type profile struct {
	created, followers, friends, listed, favourites, statuses int64
	home                                                      town
	located, verified, plain, geo                             bool
	url, description, color                                   string
	image, banner                                             uint64
}

func newProfile(r *rng.Rand, v *vocabulary) profile {
	p := profile{created: 1240000000000 + int64(r.Next()%500000000000), followers: int64(r.Scale(3e6)),
		friends: int64(r.Scale(5000)), listed: int64(r.Scale(900)), favourites: int64(r.Scale(2e5)), statuses: int64(r.Scale(4e5)),
		home: towns[r.N(len(towns))], located: r.Chance(0.6), verified: r.Chance(0.03), geo: r.Chance(0.4), plain: r.Chance(0.55),
		color: fmt.Sprintf("%06X", r.N(1<<24)), image: 1000000000000000000 + r.Next()%700000000000000000, banner: 1500000000 + r.Next()%200000000}
	if r.Chance(0.35) {
		p.url = "https://t.co/" + token(r)
	}
	if r.Chance(0.85) {
		p.description = motto(r, v)
	}
	return p
}

func motto(r *rng.Rand, v *vocabulary) string {
	var b strings.Builder
	for range r.Between(3, 16) {
		b.WriteString(v.word(r) + v.joint)
	}
	if r.Chance(0.3) {
		b.WriteString("| " + emoji[r.N(len(emoji))])
	}
	return strings.TrimSpace(b.String())
}

func token(r *rng.Rand) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	var t [10]byte
	for i := range t {
		t[i] = alphabet[r.N(len(alphabet))]
	}
	return string(t[:])
}

// append writes the account's object: the 40 keys of a record of 2021, and the profile enrichment.
func (p profile) append(b []byte, st style, u *user) []byte {
	b = p.appendWho(b, st, u)
	b = p.appendCounts(b)
	b = p.appendLook(b, st, u)
	if p.located {
		b = p.appendDerived(b, st)
	}
	return append(b, `,"withheld_in_countries":[]}`...)
}

func (p profile) appendWho(b []byte, st style, u *user) []byte {
	b = appendInt(append(b, `{"id":`...), u.id)
	b = append(appendInt(append(b, `,"id_str":"`...), u.id), '"')
	b = st.appendQuoted(append(b, `,"name":`...), u.name)
	b = st.appendQuoted(append(b, `,"screen_name":`...), u.screenName)
	b = appendOrNull(append(b, `,"location":`...), st, p.place())
	b = appendOrNull(append(b, `,"url":`...), st, p.url)
	b = appendOrNull(append(b, `,"description":`...), st, p.description)
	b = append(b, `,"translator_type":"none","protected":false,"verified":`...)
	return appendBool(b, p.verified)
}

func (p profile) place() string {
	if !p.located {
		return ""
	}
	return p.home.city + ", " + p.home.country
}

func appendOrNull(b []byte, st style, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return st.appendQuoted(b, s)
}

func (p profile) appendCounts(b []byte) []byte {
	b = appendInt(append(b, `,"followers_count":`...), p.followers)
	b = appendInt(append(b, `,"friends_count":`...), p.friends)
	b = appendInt(append(b, `,"listed_count":`...), p.listed)
	b = appendInt(append(b, `,"favourites_count":`...), p.favourites)
	b = appendInt(append(b, `,"statuses_count":`...), p.statuses)
	b = appendTime(append(b, `,"created_at":`...), p.created)
	b = append(b, `,"utc_offset":null,"time_zone":null,"geo_enabled":`...)
	b = appendBool(b, p.geo)
	return append(b, `,"lang":null,"contributors_enabled":false,"is_translator":false`...)
}

func (p profile) appendLook(b []byte, st style, u *user) []byte {
	b = append(b, `,"profile_background_color":"F5F8FA","profile_background_image_url":"`...)
	if !p.plain {
		b = st.appendEscaped(b, "http://abs.twimg.com/images/themes/theme1/bg.png")
	}
	b = append(b, `","profile_background_image_url_https":"`...)
	if !p.plain {
		b = st.appendEscaped(b, "https://abs.twimg.com/images/themes/theme1/bg.png")
	}
	b = append(b, `","profile_background_tile":false,"profile_link_color":"`...)
	b = append(b, p.color...)
	b = append(b, `","profile_sidebar_border_color":"C0DEED","profile_sidebar_fill_color":"DDEEF6","profile_text_color":"333333","profile_use_background_image":true,"profile_image_url":`...)
	image := fmt.Sprintf("pbs.twimg.com/profile_images/%d/%.8s_normal.jpg", p.image, u.screenName)
	b = st.appendQuoted(b, "http://"+image)
	b = st.appendQuoted(append(b, `,"profile_image_url_https":`...), "https://"+image)
	b = st.appendQuoted(append(b, `,"profile_banner_url":`...), fmt.Sprintf("https://pbs.twimg.com/profile_banners/%d/%d", u.id, p.banner))
	b = appendBool(append(b, `,"default_profile":`...), p.plain)
	return append(b, `,"default_profile_image":false,"following":null,"follow_request_sent":null,"notifications":null`...)
}

func (p profile) appendDerived(b []byte, st style) []byte {
	t := p.home
	b = st.appendQuoted(append(b, `,"derived":{"locations":[{"country":`...), t.country)
	b = st.appendQuoted(append(b, `,"country_code":`...), t.code)
	b = st.appendQuoted(append(b, `,"locality":`...), t.city)
	b = st.appendQuoted(append(b, `,"region":`...), t.region)
	b = st.appendQuoted(append(b, `,"full_name":`...), t.city+", "+t.region+", "+t.country)
	lon, lat := t.point()
	b = fmt.Appendf(append(b, `,"geo":{"coordinates":[`...), "%.5f,%.5f", lon, lat)
	return append(b, `],"type":"point"}}]}`...)
}

// point is a made-up but fixed position of a town: longitude, latitude.
func (t town) point() (lon, lat float64) {
	var h uint64
	for _, c := range []byte(t.city) {
		h = rng.Mix(h ^ uint64(c))
	}
	return float64(h%350000)/1000 - 175, float64(h>>32%130000)/1000 - 65
}
