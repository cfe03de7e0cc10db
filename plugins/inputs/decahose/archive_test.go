package decahose

import (
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

func minutesOf(n int) *config.Duration {
	d := config.Duration(time.Duration(n) * time.Minute)
	return &d
}

func TestArchiveOptions(t *testing.T) {
	key := func() config.Secret { return config.NewSecret([]byte("key")) }
	for name, c := range map[string]struct {
		archives []*Archive
		says     string // empty: they are right
	}{
		"a directory":       {[]*Archive{{URL: "file:///srv/b"}}, ""},
		"a path":            {[]*Archive{{URL: "/srv/b"}}, ""},
		"a bucket":          {[]*Archive{{URL: "s3://b/prefix?region=eu-central-1", AccessKey: key(), SecretKey: key()}}, ""},
		"two":               {[]*Archive{{URL: "file:///srv/b"}, {URL: "file:///srv/c", Delay: minutesOf(0)}}, ""},
		"no url":            {[]*Archive{{}}, `option "archive[1].url" must be a directory, file:///DIRECTORY`},
		"another scheme":    {[]*Archive{{URL: "ftp://b/c"}}, `option "archive[1].url" must be a directory, file:///DIRECTORY`},
		"a user":            {[]*Archive{{URL: "s3://me:word@b/c"}}, `option "archive[1].url" must be`},
		"in clear":          {[]*Archive{{URL: "s3://b/c?endpoint=http://s3.example.com"}}, `option "archive[1].url" must be`},
		"twice":             {[]*Archive{{URL: "file:///srv/b"}, {URL: "file:///srv/b"}}, `option "archive[2].url" must be different in each table`},
		"half a credential": {[]*Archive{{URL: "s3://b/c", AccessKey: key()}}, `option "archive[1].secret_key" must be set when "access_key" is, and only then`},
		"a token alone":     {[]*Archive{{URL: "s3://b/c", SessionToken: key()}}, `option "archive[1].session_token" must be absent without "access_key"`},
		"delay":             {[]*Archive{{URL: "file:///srv/b", Delay: minutesOf(-1)}}, `option "archive[1].delay" is "-1m0s", must be a time from 0s to 720h`},
		"horizon":           {[]*Archive{{URL: "file:///srv/b", Horizon: config.Duration(121 * time.Hour)}}, `option "archive[1].horizon" is "121h0m0s", must be a time from 1m to 120h`},
		"timeout":           {[]*Archive{{URL: "file:///srv/b", Timeout: -1}}, `option "archive[1].timeout" is "-1ns", must be a time of more than 0s`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecahose()
			d.Archives = c.archives
			d.setArchiveDefaults()
			err := d.checkArchives()
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "word")
		})
	}
}

// What the core is told of archives names no credential.
// TestCheckArchives: -check finds an archive that cannot be read before it is needed.
func TestCheckArchives(t *testing.T) {
	dir := t.TempDir()
	d := newDecahose()
	d.Archives = []*Archive{{URL: "file://" + dir}}
	require.NoError(t, d.CheckArchives(t.Context()))
	d.Archives = append(d.Archives, &Archive{URL: "file://" + dir + "/not-mounted"})
	require.ErrorContains(t, d.CheckArchives(t.Context()), "/not-mounted: list archive: ")
}

func TestWays(t *testing.T) {
	d := newDecahose()
	d.Recovery = "recovery"
	d.Archives = []*Archive{{URL: "s3://b/c?region=x"}, {URL: "file:///srv/c", Delay: minutesOf(0), Horizon: config.Duration(48 * time.Hour), Trust: true}}
	d.setDependentDefaults()
	w := d.Ways()
	require.Equal(t, []refill.Copy{
		{Name: "s3://b/c", Delay: 5 * time.Minute, Horizon: 120 * time.Hour},
		{Name: "file:///srv/c", Horizon: 48 * time.Hour, Trust: true},
	}, w.Archives)
	require.Equal(t, 5*time.Minute, w.Backfill)
	require.Equal(t, 120*time.Hour, w.Reach(), "the archive keeps longer than Recovery")
}

// A Tweet that an archive has as a line goes to Telegraf as the same metric as one that was parsed from X's record.
func TestLinesAreTracked(t *testing.T) {
	d := newDecahose()
	d.StreamLabel = "prod"
	d.setDependentDefaults()
	schema, err := d.newSchema(d.StreamLabel)
	require.NoError(t, err)
	parsed := tweet.Tweet{ID: snowflake.First(1_767_270_000_123), Text: []byte("two\nlines, \"quoted\""), ReceivedAt: 7}
	stored := tweet.Tweet{ID: parsed.ID, Line: encode.AppendTweet(nil, &parsed, schema)}
	require.NoError(t, schema.Check(stored.Line, stored.ID))
	courier := &tracked{schema: schema}
	b := &delivery.Batch{}
	for _, tw := range []*tweet.Tweet{&parsed, &stored} {
		b.Lines = encode.AppendTweet(b.Lines, tw, schema)
		b.Tweets = append(b.Tweets, spool.Tweet{Sent: ledger.Sent{ID: tw.ID}, End: len(b.Lines)})
		courier.Attach(b, tw)
	}
	metrics, err := takeMetrics(b)
	require.NoError(t, err)
	require.Len(t, metrics, 2)
	require.Equal(t, metrics[0].TagList(), metrics[1].TagList())
	require.Equal(t, metrics[0].FieldList(), metrics[1].FieldList())
	require.Equal(t, metrics[0].Time(), metrics[1].Time())
	require.EqualValues(t, 7, metrics[1].Fields()["received_at"])
}
