package pubsub

import (
	"math"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

func TestLines(t *testing.T) {
	for _, good := range []string{
		"decahose_tweet id=5i 5\n", "decahose_tweet,a=b id=5i -5\n", `decahose_tweet,a=b\ \,\=c,d=é x="a",y="",z=-1.5,b=false 5` + "\n",
		"decahose_tweet x=\"a\nb\x00\\\"\\\\\",y=\"\n\" 1\n", "decahose_tweet id=9223372036854775807i,x=1 9223372036854775807\n",
	} {
		require.True(t, wellFormed([]byte(good)), good)
	}
	for _, bad := range []string{
		"", "\n", "decahose_tweet", "decahose_tweet\n", "decahose_tweet id=5i 5", "decahose_tweet id=5i 5\n\n", "decahose_tweet id=5i\n", "decahose_tweet id=5i \n",
		"decahose_tweets id=5i 5\n", "other id=5i 5\n", " decahose_tweet id=5i 5\n", "#decahose_tweet id=5i 5\n", "decahose_tweet  id=5i 5\n", "decahose_tweet id=5i  5\n",
		"decahose_tweet, id=5i 5\n", "decahose_tweet,a id=5i 5\n", "decahose_tweet,a= id=5i 5\n", "decahose_tweet,=b id=5i 5\n", "decahose_tweet,a=b, id=5i 5\n",
		"decahose_tweet,a=b=c id=5i 5\n", `decahose_tweet,a=b\ id=5i 5` + "\n", `decahose_tweet,a=b\c id=5i 5` + "\n", "decahose_tweet,a=b\nc id=5i 5\n", "decahose_tweet,a=b\tc id=5i 5\n",
		"decahose_tweet 5\n", "decahose_tweet id 5\n", "decahose_tweet id= 5\n", "decahose_tweet =5i 5\n", "decahose_tweet id=5i, 5\n", "decahose_tweet id=5i,,a=1i 5\n",
		"decahose_tweet id=5u 5\n", "decahose_tweet id=i 5\n", "decahose_tweet id=-i 5\n", "decahose_tweet id=+5i 5\n", "decahose_tweet id=9223372036854775808i 5\n",
		"decahose_tweet x=NaN 5\n", "decahose_tweet x=Inf 5\n", "decahose_tweet x=1e5 5\n", "decahose_tweet x=1. 5\n", "decahose_tweet x=.5 5\n", "decahose_tweet x=1.2.3 5\n", "decahose_tweet x=-- 5\n",
		"decahose_tweet x=" + strings.Repeat("9", 400) + " 5\n", "decahose_tweet x=0x1 5\n", "decahose_tweet x=1_0 5\n", "decahose_tweet x=True 5\n", "decahose_tweet X=1 5\n",
		`decahose_tweet x="a 5` + "\n", `decahose_tweet x="a"b 5` + "\n", `decahose_tweet x="a\" 5` + "\n", `decahose_tweet x="a\n" 5` + "\n", `decahose_tweet x="a\`, `decahose_tweet x="`,
		"decahose_tweet id=5i 5x\n", "decahose_tweet id=5i 9223372036854775808\n", "decahose_tweet id=5i 5\r\n", "decahose_tweet id=5i 5\ndecahose_tweet id=5i 5\n",
	} {
		require.False(t, wellFormed([]byte(bad)), bad)
	}
}

// read demands that Telegraf's parser reads line as one metric.
func read(t *testing.T, line []byte) {
	p := &influx.Parser{}
	require.NoError(t, p.Init())
	metrics, err := p.Parse(line)
	require.NoError(t, err, "%q", line)
	require.Len(t, metrics, 1, "%q", line)
}

// FuzzWhatPassesIsRead: a line that is sent gets no 400.
func FuzzWhatPassesIsRead(f *testing.F) {
	for _, s := range []string{
		"decahose_tweet id=5i 5\n", `decahose_tweet,a=b\ \,\=c,d=é x="a\"\\",y="",z=-1.5,b=false 5` + "\n", "decahose_tweet x=\"\n\r\x00\",b=true -1\n",
		"decahose_tweet,a=\xff\x80 x=1.5,y=00.5,z=-0i,w=-0 0\n", "decahose_tweet,a=# x=\"# \n#\" 1\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if wellFormed(line) {
			read(t, line)
		}
	})
}

// FuzzWhatIsWrittenPasses: no Tweet is refused for what its encoder makes of it.
func FuzzWhatIsWrittenPasses(f *testing.F) {
	f.Add("hello", "en", "prod", "a,b=c d", int64(5), 7.4474, uint8(0))
	f.Add("x\"\nfake,a=b c=1 1\n\\", "", `e u\`, "\\", int64(-5), -1e300, uint8(1))
	f.Add("\x00\xff", "\n\\", "=", "\x7f", int64(math.MaxInt64), 5e-324, uint8(2))
	f.Fuzz(func(t *testing.T, text, lang, label, place string, n int64, degrees float64, newline uint8) {
		s, err := encode.NewSchema(label, encode.AllTags(), encode.AllFields(), encode.Newline(newline%3))
		if err != nil || math.Abs(degrees) > 1e300 {
			return
		}
		line := encode.AppendTweet(nil, &tweet.Tweet{
			ID: snowflake.ID(n & math.MaxInt64), Text: []byte(text), Lang: []byte(lang), Raw: []byte(text), UserID: n, UserFollowers: n, ReceivedAt: n,
			PlaceFullName: []byte(place), PlaceCountryCode: []byte(place), MediaType: []byte(place), Source: []byte(text),
			HasPoint: true, Longitude: degrees, Latitude: -degrees,
		}, s)
		require.True(t, wellFormed(line), "%q", line)
	})
}

func TestCheckingAllocatesNothing(t *testing.T) {
	b := many(t, 500)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		if checkBatch(b) != nil {
			t.Error("refused")
		}
	}))
}
