package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"plain ä 日本 \\":   "plain ä 日本 \\",
		"a\nb\r\tc":       `a\nb\r\tc`,
		"\x1b[2J\x00\x7f": `\x1b[2J\x00\x7f`,
		"\u009b31m":       `\u009b31m`,
		"\u202etxt\u2066": `\u202etxt\u2066`,
		"a\u2028b\u2029":  `a\u2028b\u2029`,
		"z\u200bw\ufeff":  `z\u200bw\ufeff`,
		"bad \xff\xc2":    `bad \xff\xc2`,
		"\u3164\ufe0f":    `\u3164\ufe0f`,
		"\U000e0041":      `\U000e0041`,
	} {
		require.Equal(t, want, Escape(text))
		require.True(t, Printable(Escape(text)))
		require.Equal(t, text == want, Printable(text), "%q", text)
	}
}

// A secret is found in each form in which somebody may have written it.
func TestHideByValue(t *testing.T) {
	for _, secret := range []string{"S3cret/Canary+pw", `qu"o'te\<&>`, "blank  and\ttab", "pä☃ss\U0001f511", "with\x01control", "inv\xffalid"} {
		s := (*Secrets)(nil).WithBasic("me", secret)
		quoted, err := json.Marshal(secret)
		require.NoError(t, err)
		for form, text := range map[string]string{
			"plain":   secret,
			"folded":  strings.Join(strings.Fields(secret), " "),
			"query":   url.QueryEscape(secret),
			"path":    url.PathEscape(secret),
			"lower":   strings.ToLower(url.QueryEscape(secret)),
			"html":    html.EscapeString(secret),
			"json":    string(quoted[1 : len(quoted)-1]),
			"go":      strings.Trim(strconv.Quote(secret), `"`),
			"escaped": Escape(secret),
			"basic":   base64.StdEncoding.EncodeToString([]byte("me:" + secret)),
		} {
			if form == "lower" && strings.ToLower(secret) != secret || form == "json" && !utf8.ValidString(secret) {
				continue
			}
			require.Equal(t, "server says no to *** there", s.Line("server says no to "+text+" there", 100), "%s of %q", form, secret)
		}
	}
}

// What somebody else cut in the middle of a secret is no way to see its beginning.
func TestHideCut(t *testing.T) {
	s := (*Secrets)(nil).With("S3cretCanary+pw")
	require.Equal(t, "you sent ***…", s.Line("you sent S3cretCa…", 100))
	require.Equal(t, "you sent ***", s.Line("you sent S3cre", 100))
	var dotted strings.Builder
	for i := range 200 {
		fmt.Fprint(&dotted, i, ".")
	}
	long := dotted.String()
	require.Regexp(t, `^x [*]+ y$`, s.With(long).Line("x "+long+" y", 900))
	for _, most := range []int{10, 11, 12, 13, 14, 15, 20} {
		require.NotContains(t, s.Line("says: S3cretCanary+pw", most), "S3", "a secret is hidden before it is cut")
	}
	require.LessOrEqual(t, len(s.Line(strings.Repeat("é", 100_000), 99)), 99)
}

func TestHideByPlace(t *testing.T) {
	var none *Secrets
	for text, want := range map[string]string{
		"proxy https://me:S3@host:1/x":                "proxy https://***@host:1/x",
		"https:///me:S3@host":                         "https:///***@host",
		"http:/me:S3@host":                            "http:/***@host",
		"//me:S3@host":                                "//***@host",
		"me:S3@host":                                  "***@host",
		"https:me:S3@host":                            "***@host",
		`parse "http://me:p\"S3@h": bad`:              `parse "http://***@h": bad`,
		"https://S3@host":                             "https://***@host",
		"stat s3:KEY:S3@bucket: none":                 "stat ***@bucket: none",
		"u:S3@tcp(h:1)/x":                             "***@tcp(h:1)/x",
		"host=h user=u password=S3 port=x":            "host=h user=u password=*** port=x",
		"host=h password = 'S3 x\\'y' port=x":         "host=h password = *** port=x",
		"https://h/p?a=b&token=S3&c=d":                "https://h/p?a=b&token=***&c=d",
		"https://h/q?db=x&u=S3&p=S3":                  "https://h/q?db=x&u=***&p=***",
		"https://b.s3/x?X-Amz-Signature=S3&a=b":       "https://b.s3/x?X-Amz-Signature=***&a=b",
		`{"a":1,"password":"S3\"x","b":2}`:            `{"a":1,"password":"***","b":2}`,
		"Authorization: Basic UzNzM3Vz":               "Authorization: Basic ***",
		`header "Authorization":"Bearer S3abc"`:       `header "Authorization":"Bearer ***"`,
		"mail to someone@example.org, says @you":      "mail to someone@example.org, says @you",
		"audit: the store lacks 3 Tweets at 12:30:11": "audit: the store lacks 3 Tweets at 12:30:11",
	} {
		require.Equal(t, want, none.Line(text, 200))
		require.Equal(t, want, none.Line(none.Line(text, 200), 200))
	}
}

func TestFind(t *testing.T) {
	for text, secret := range map[string]string{
		`  password = "S3canary"`:                                       "S3canary",
		`  password = S3canary`:                                         "S3canary",
		`  password = ["S3canary"]`:                                     "S3canary",
		`  passwrd "S3canary"`:                                          "",
		`  http_proxy_url = "me:S3canary@proxy:1"`:                      "S3canary",
		`  http_proxy_url = "http:/me:S3canary@proxy:1"`:                "S3canary",
		`  route = [{ http_proxy_url = "http://me:S3canary@proxy:1" }]`: "S3canary",
		`  dsn = "host=h password='S3canary' port=1"`:                   "S3canary",
		`  url = "https://h:1/?token=S3canary&x=y"`:                     "S3canary",
		`  token_file = "/run/S3canary"`:                                "",
		`  dsn = "postgres://u:S3%2Fcanary@h/x"`:                        "S3/canary",
		`  tls_key_pwd = 'S3canary`:                                     "S3canary",
		`  stream_url = "https://gnip-stream.x.com"`:                    "",
		`  password = "${S3canary}"`:                                    "",
	} {
		found := Find("[[inputs.decahose]]\n" + text + "\n  interval = \"10s\"\n")
		if secret == "" {
			require.NotContains(t, found, "S3canary", text)
			continue
		}
		require.Contains(t, found, secret, text)
		require.NotContains(t, found, "10s", text)
	}
}

func TestSecretsAreBounded(t *testing.T) {
	var s *Secrets
	for i := range 2 * secretsMost {
		s = s.With(fmt.Sprint("secret ", i))
	}
	require.Len(t, s.values, secretsMost)
	require.True(t, s.Knows(fmt.Sprint("secret ", 2*secretsMost-1)))
	require.False(t, s.Knows("another one"))
	require.Equal(t, "a four is in it", s.With("four").Line("a four is in it", 100))
}

func TestJSON(t *testing.T) {
	in := map[string]string{"a": "x\u009b31m\u202e\u007f\U000e0041 ä\n"}
	document, err := json.MarshalIndent(in, "", "  ")
	require.NoError(t, err)
	shown := JSON(document)
	require.True(t, Printable(strings.ReplaceAll(string(shown), "\n", "")))
	var out map[string]string
	require.NoError(t, json.Unmarshal(shown, &out))
	require.Equal(t, in, out)
}

func FuzzLine(f *testing.F) {
	f.Add("x \x1b[2J S3cretCanary \u202e\xff https://a:b@c?token=d", "S3cretCanary", 80)
	f.Add("password='\\", "    \\", 3)
	f.Add("\\x1b[2J", "\x1b[2Jab", 40)
	f.Fuzz(func(t *testing.T, text, secret string, most int) {
		if most < 3 || most > 1<<16 || strings.Contains(secret, "*") {
			return
		}
		s := (*Secrets)(nil).With(secret)
		shown := s.Line(text+" "+secret+" "+url.QueryEscape(secret), most)
		if !Printable(shown) || len(shown) > most {
			t.Fatalf("shown: %q of %d", shown, most)
		}
		for _, part := range parts(secret) {
			if strings.Contains(shown, part) {
				t.Fatalf("%q shows %q", shown, part)
			}
		}
		Find(text)
	})
}
