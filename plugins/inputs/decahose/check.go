package decahose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

// CheckLabel is the stream_label of the Tweet that a check sends. No ledger, audit or archive of a stream looks under it,
// so that it is nobody's surplus, and whoever wants it gone finds it.
const CheckLabel = "decahose_check"

// checkMark are the bits below the milliseconds of the check's id: a node and a sequence of their own.
const checkMark = 1023<<12 | 975

// checkRecord is a Tweet as X writes it, with what no parser and no store may stumble over. The output postgresql makes a
// column for each of its fields.
const checkRecord = `{"id":%[1]d,"id_str":"%[1]d","text":"A point of telegraf-decahose -check.\nTwo lines, \"quotes\", a \\ and \ud83d\udc26","lang":"en",` +
	`"source":"<a href=\"https://example.org\">telegraf-decahose</a>","user":{"id":1,"screen_name":"decahose_check","followers_count":0,"verified":false},` +
	`"in_reply_to_status_id":1,"quoted_status_id":1,"is_quote_status":true,"coordinates":{"type":"Point","coordinates":[10.75,59.91]},` +
	`"place":{"country_code":"NO","full_name":"Oslo, Norge"},"possibly_sensitive":false,"entities":{"hashtags":[{"text":"check"}],"urls":[],"user_mentions":[]}}`

// checkTweet is the id of a check at now, and its line as this input writes Tweets.
func (d *Decahose) checkTweet(now time.Time) (snowflake.ID, []byte, error) {
	id := snowflake.First(now.UnixMilli()) | checkMark
	schema, err := d.newSchema(CheckLabel)
	if err != nil {
		return 0, nil, err
	}
	var t tweet.Tweet
	if err := tweet.NewParser(d.Tweets == "raw").Parse(fmt.Appendf(nil, checkRecord, int64(id)), &t); err != nil {
		panic("BUG: the record of the check is no Tweet: " + err.Error())
	}
	t.ReceivedAt = now.UnixNano()
	return id, encode.AppendTweet(nil, &t, schema), nil
}

// CheckDelivery sends a Tweet of its own on the road of Tweets, and returns its id when every output whose filters let it
// pass has accepted it. Without acknowledged delivery there is no answer to wait for: the id is 0. For the host, after
// Init.
func (d *Decahose) CheckDelivery(ctx context.Context) (snowflake.ID, error) {
	if !d.acknowledges() {
		return 0, nil
	}
	courier, err := d.pusher()
	if err != nil {
		return 0, err
	}
	id, line, err := d.checkTweet(time.Now())
	if err != nil {
		return 0, err
	}
	return id, courier.CheckLine(ctx, line)
}

// ErrNotStored says that a store does not hold what every output accepted.
var ErrNotStored = errors.New("it is not in the store")

const (
	storeWait  = 5 * time.Second // for a store that shows later what it accepted
	storePause = 500 * time.Millisecond
)

// CheckStore looks for the Tweet of a check in an audit's store; with id 0 only whether the store answers.
func (d *Decahose) CheckStore(ctx context.Context, a *Audit, id snowflake.ID) error {
	kept, err := a.Open(ctx, CheckLabel)
	if err != nil {
		return err
	}
	err = awaitStored(ctx, kept, id)
	return errors.Join(err, kept.Close())
}

func awaitStored(ctx context.Context, kept audit.Store, id snowflake.ID) error {
	m := minuteOf(time.Now())
	if id != 0 {
		m = minuteOf(id.Time())
	}
	for end := time.Now().Add(storeWait); ; {
		counts, err := kept.Counts(ctx, m, m+1)
		if err != nil || id == 0 {
			return err
		}
		ids, err := kept.IDs(ctx, m)
		switch {
		case errors.Is(err, audit.ErrNoIDs) && counts[m] > 0, err == nil && slices.Contains(ids, id):
			return nil
		case err != nil && !errors.Is(err, audit.ErrNoIDs):
			return err
		case time.Now().After(end):
			return ErrNotStored
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(storePause):
		}
	}
}

// loginWait is how long a connection that was let in may send nothing: X sends a line end every 10 s at least.
const loginWait = 15 * time.Second

// letIn ends an attempt as soon as X sent something.
type letIn struct{ done context.CancelCauseFunc }

func (letIn) Opened()                {}
func (l letIn) Received(*wire.Batch) { l.done(stream.Closed(letInClass)) }
func (letIn) Silent()                {}
func (letIn) Batch() *wire.Batch     { return wire.NewBatch() }

const letInClass = "let_in"

// CheckConnect spends one attempt at X: it connects to the first partition over the first route, and leaves when the
// stream says its first word. The error says what X, or the road to it, answered instead. After Init.
func (d *Decahose) CheckConnect(ctx context.Context) error {
	clients, _, err := d.clients()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(d.ConnectTimeout)+loginWait)
	defer cancel()
	ctx, done := context.WithCancelCause(ctx)
	defer done(nil)
	end := clients[0].Run(ctx, d.url(d.Partitions[0], 0), letIn{done})
	switch {
	case end.Class == letInClass:
		return nil
	case end.Opened:
		return fmt.Errorf("%s: it answered 200 and sent nothing that is a stream", end.Class)
	case end.Message != "":
		return fmt.Errorf("%s: %s", end.Class, end.Message)
	case end.Err != nil && !strings.HasPrefix(end.Class, "http_"):
		return fmt.Errorf("%s: %w", end.Class, end.Err)
	}
	return errors.New(end.Class)
}
