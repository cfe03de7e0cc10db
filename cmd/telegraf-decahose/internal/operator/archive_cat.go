package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/plugins/guard"
)

// archiveCat prints what can be read, and then says what could not.
func (c *Console) archiveCat(ctx context.Context, flags *cli.Context, l *look) error {
	spans, wrong := l.labels(ctx)
	if wrong != nil && !errors.Is(wrong, archive.ErrDamaged) {
		return wrong
	}
	out := bufio.NewWriterSize(c.stdout, 64<<10)
	show := func(_ snowflake.ID, line []byte) error { _, err := out.Write(line); return err }
	if flags.Bool("json") {
		show = jsonLines(json.NewEncoder(out))
	}
	for _, span := range spans {
		list, err := l.Segments(ctx, span.label, span.from, span.to)
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		for _, m := range minutesOf(list) {
			err := l.Read(ctx, span.label, m, show)
			if err != nil && !errors.Is(err, archive.ErrDamaged) {
				return err
			}
			wrong = errors.Join(wrong, err)
		}
	}
	return errors.Join(out.Flush(), oneLineError(wrong))
}

// tweetLine is one Tweet of archive cat -json: one line, for jq.
type tweetLine struct {
	Name   string            `json:"name"`
	Tags   map[string]string `json:"tags"`
	Fields map[string]any    `json:"fields"`
	Time   int64             `json:"time"` // Unix ns
}

func jsonLines(e *json.Encoder) func(snowflake.ID, []byte) error {
	e.SetEscapeHTML(false)
	var l lineproto.Line
	return func(_ snowflake.ID, line []byte) error {
		if err := l.Parse(line); err != nil {
			return fmt.Errorf("BUG: a line that was read once: %w", err)
		}
		t := tweetLine{Name: lineproto.Unescape(l.Name), Tags: map[string]string{}, Fields: map[string]any{}}
		t.Time, _ = strconv.ParseInt(string(l.Time), 10, 64)
		for _, p := range l.Tags {
			t.Tags[lineproto.Unescape(p.Key)] = lineproto.Unescape(p.Value)
		}
		for _, p := range l.Fields {
			t.Fields[lineproto.Unescape(p.Key)] = jsonValue(p)
		}
		return e.Encode(t)
	}
}

// jsonValue keeps the digits of a number as they are.
func jsonValue(p lineproto.Pair) any {
	text := string(p.Value)
	switch {
	case p.IsString():
		return lineproto.Unquote(p.Value)
	case strings.HasSuffix(text, "i"), strings.HasSuffix(text, "u"):
		return json.Number(text[:len(text)-1])
	case text[0] == 't' || text[0] == 'T':
		return true
	case text[0] == 'f' || text[0] == 'F':
		return false
	}
	f, _ := strconv.ParseFloat(text, 64) // it was one
	return f
}

// oneLine is an error that was joined of several, on one line.
func oneLine(err error) string {
	return guard.Line(strings.ReplaceAll(err.Error(), "\n", "; "), guard.LineMost)
}

func oneLineError(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(oneLine(err))
}
