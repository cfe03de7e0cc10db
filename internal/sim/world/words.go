package world

import (
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
	"strings"
)

// language is one of the languages of the stream with its share (x-api.md §6.6, of 10 000).
type language struct {
	code  string
	share int
	joint string // between words; empty where words are written together
	words string // frequent words first: draws favour the front
	parts string // syllables that rarer words are built from
}

const latinParts = "an ar be co da de di el en er es fa ga ha in jo ka la le li lo ma me mi mo na ne ni no on or pa ra re ri ro sa se si so ta te ti to tra un ur va ve vi xi yo za"

var languages = []language{
	{"en", 3330, " ", "the to and a of is in I you it that for my on this with be me so just not your are at have was but like all what we they do when up out if can no get one people know love time from he now how good about or day don't new will really more see who want think as need her got u she him been today back never make still go right lol life thing great always why because even twitter work way year best man look here happy thank please watch live news world home night free game follow team help feel real everyone", latinParts + " ing ment tion ly ness able ful"},
	{"ja", 1860, "", "の に は を た が で て と し れ さ ある いる も する から な こと として い や など なった ない この ため その あっ よう また もの という あり まで られ なる へ か だ これ によって により おり より による ず なり られる 今日 明日 私 本当 ありがとう 好き 可愛い 楽しみ 最高 今 見て 時間 配信 写真 お願いします フォロー 応援 東京 仕事 笑 www 人 気 日 月 年 前 後 中", "ア イ ウ エ オ カ キ ク コ サ シ ス タ チ ト ナ ニ ノ ハ ヒ フ マ ミ ム ラ リ ル レ ロ ン ー"},
	{"es", 810, " ", "de la que el en y a los se no un por con una su para es lo me te más pero mi si le ya todo esta como cuando al hay muy así porque qué yo sin día vida hoy quiero gracias mejor bien ser amor siempre mañana año país gente feliz jajaja están nada sólo también", latinParts + " ción ñe ía dad"},
	{"und", 720, " ", "🔥 ❤️ 😂 ... !! 👍 🎉 lol ok haha 💯 🙏 😍", latinParts},
	{"pt", 680, " ", "de que e o a não do da em um para é com uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles você hoje gente amo saudade kkkkk vou bom dia", latinParts + " ção ão inho"},
	{"ar", 570, " ", "في من على الله ما لا و يا كل هذا اللي عن مع هو ان إلى أن أنا إلا بس كان قال يوم شي انت اللهم صباح الخير هي بعد لو ولا حب الحمد لله عليه رب الناس وش كيف القلب جميل شكرا الحياة", "ال ما را سا نا لي مو قا با تي حم ري كا"},
	{"th", 470, "", "ที่ และ เป็น ใน ไม่ ได้ มี ว่า ของ ก็ ให้ มา ไป จะ กับ คน นี้ เรา แล้ว รัก วัน อยู่ มาก ดี น่ารัก ขอบคุณ 555 ทำ เลย อะ นะ ครับ ค่ะ", "กา นา มา ลา ดี สุ พร ชัย"},
	{"ko", 430, " ", "이 그 저 것 수 나 우리 안 좀 너무 진짜 오늘 사랑해 정말 많이 그냥 다 왜 더 ㅋㅋㅋ 감사합니다 생일 축하해 사람 하고 있는 없는 같은 지금 내일 방탄소년단 좋아", "가 나 다 라 마 바 사 아 자 하 지 리 니"},
	{"in", 280, " ", "yang di dan aku ini itu ada ga gak bisa aja mau sama lagi kalo buat apa udah banget juga dari yg kamu jadi tapi orang hari ke semua biar sih kak terima kasih", latinParts + " kan nya"},
	{"fr", 220, " ", "de la le et les des en un une est que qui pas je il à pour dans ce sur tu on c'est avec plus mais j'ai trop bien mon ça être même déjà où très sérieux", latinParts + " ment eux é"},
	{"tr", 200, " ", "bir ve bu da de için çok ne var ben o gibi kadar daha ama mi değil her şey sen yok iyi güzel olsun bugün günaydın teşekkürler", latinParts + " lar ler mış ğı"},
	{"ru", 200, " ", "и в не на я что с он а как это по но мы из у за все так же ты было от меня нет да когда очень спасибо привет сегодня", "ра но ве ко ли та по ст ре"},
	{"hi", 130, " ", "के है में की से को और का हैं पर यह जी भी नहीं एक कर लिए ही हो आप जय श्री राम सर भारत", "का रा मा ना ला सी"},
	{"de", 100, " ", "die der und ich in das nicht ist zu mit es den ein auf für sich auch schön heute über größte morgen", latinParts + " ung keit schaft"},
}

// escapes and look-alikes that a careless consumer trips over; %d is replaced by a number.
var oddities = []string{
	"line one\nline two\r\n",
	"tab\there \"quoted\" back\\slash C:\\temp\\new",
	"a,b=c d\\,e ",
	"\ndecahose_tweet,lang=xx id=1i 1\n",
	`{"id":1,"id_str":"1"}`,
	`\ud83d\u0000 `,
	"nul\x00 bell\x07 esc\x1b[31m",
	"'; DROP TABLE tweets; -- ",
	"&lt;b&gt; R&amp;D &amp;amp;",
	"\u2028\u2029\ufeff\u200d",
	"trailing backslash\\",
	"$HOME ${HOME} $$ %d%s",
}

var emoji = strings.Fields("😂 ❤️ 😍 🔥 🙏 😭 👍 🎉 💯 🤔 😊 ✨ 🥺 💜 👏 🇧🇷 👨‍👩‍👧 🤷🏽‍♀️ ☀️ ⚽")

var givenNames = strings.Fields("Ana Bruno Chiara Daiki Elif Farah Goran Hana Ivan Jana Kenji Lina Marco Nadia Omar Priya Quentin Rosa Sven Tomás Uma Vera Wen Ximena Yuki Zoë 健太 さくら 민준 محمد สมชาย")

type town struct{ city, region, country, code, lang string }

var towns = []town{
	{"Austin", "Texas", "United States", "US", "en"}, {"Leeds", "England", "United Kingdom", "GB", "en"},
	{"Brooklyn", "New York", "United States", "US", "en"}, {"Lagos", "Lagos", "Nigeria", "NG", "en"},
	{"São Paulo", "São Paulo", "Brasil", "BR", "pt"}, {"Recife", "Pernambuco", "Brasil", "BR", "pt"},
	{"大阪市", "大阪府", "日本", "JP", "ja"}, {"渋谷区", "東京都", "日本", "JP", "ja"},
	{"Córdoba", "Andalucía", "España", "ES", "es"}, {"Las Condes", "Santiago", "Chile", "CL", "es"},
	{"Jakarta Selatan", "DKI Jakarta", "Indonesia", "ID", "in"}, {"İzmir", "İzmir", "Türkiye", "TR", "tr"},
	{"الرياض", "الرياض", "المملكة العربية السعودية", "SA", "ar"}, {"กรุงเทพมหานคร", "กรุงเทพ", "ประเทศไทย", "TH", "th"},
	{"Lyon", "Rhône-Alpes", "France", "FR", "fr"}, {"서울", "서울특별시", "대한민국", "KR", "ko"},
}

var sources = []string{
	`<a href="http://twitter.com/download/iphone" rel="nofollow">Twitter for iPhone</a>`,
	`<a href="http://twitter.com/download/android" rel="nofollow">Twitter for Android</a>`,
	`<a href="https://mobile.twitter.com" rel="nofollow">Twitter Web App</a>`,
	`<a href="http://twitter.com/#!/download/ipad" rel="nofollow">Twitter for iPad</a>`,
	`<a href="https://about.twitter.com/products/tweetdeck" rel="nofollow">TweetDeck</a>`,
	`<a href="http://twittbot.net/" rel="nofollow">twittbot.net</a>`,
	`<a href="https://ifttt.com" rel="nofollow">IFTTT</a>`,
	``,
}

// vocabulary is a language ready to be drawn from: frequent words, then rarer ones built from its syllables.
type vocabulary struct {
	language
	common, rare []string
}

const rareWords = 6000

func newVocabularies(seed uint64) []vocabulary {
	all := make([]vocabulary, len(languages))
	for i, l := range languages {
		all[i] = vocabulary{language: l, common: strings.Fields(l.words)}
		r, parts := rng.New(seed, rng.SaltVocabulary, uint64(i)), strings.Fields(l.parts)
		for range rareWords * l.share / 10000 * 2 {
			all[i].rare = append(all[i].rare, coin(&r, parts, 2, 4))
		}
	}
	return all
}

// coin makes a word of lo to hi syllables.
func coin(r *rng.Rand, parts []string, lo, hi int) string {
	var b strings.Builder
	for range r.Between(lo, hi) {
		b.WriteString(parts[r.N(len(parts))])
	}
	return b.String()
}

func (v *vocabulary) word(r *rng.Rand) string {
	if r.Chance(0.22) {
		return v.rare[r.Zipf(len(v.rare))]
	}
	return v.common[r.Zipf(len(v.common))]
}

func (w *World) language(r *rng.Rand) int {
	k := r.N(10000)
	for i := range w.vocab {
		if k -= w.vocab[i].share; k < 0 {
			return i
		}
	}
	return 0
}
