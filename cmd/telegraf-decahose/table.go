package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// grid is a table for people, without lines.
type grid struct {
	writer table.Writer
	labels bool // the first column is the stream's label
}

// newGrid has a column for the stream where there is more than one. Columns whose name begins with
// ">" stand to the right, as numbers do.
func newGrid(streams int, columns ...string) *grid {
	g := &grid{writer: table.NewWriter(), labels: streams > 1}
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatUpper
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	g.writer.SetStyle(style)
	g.writer.SuppressTrailingSpaces()
	if g.labels {
		columns = append([]string{"stream"}, columns...)
	}
	var header table.Row
	var aligned []table.ColumnConfig
	for i, column := range columns {
		name, right := strings.CutPrefix(column, ">")
		header = append(header, name)
		if right {
			aligned = append(aligned, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	g.writer.AppendHeader(header)
	g.writer.SetColumnConfigs(aligned)
	return g
}

func (g *grid) add(label string, cells ...any) {
	if g.labels {
		cells = append([]any{label}, cells...)
	}
	g.writer.AppendRow(cells)
}

// print writes the table, or the text where it has no rows.
func (g *grid) print(w io.Writer, none string) error {
	if g.writer.Length() == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	_, err := fmt.Fprintln(w, g.writer.Render())
	return err
}

// printJSON writes one document.
func printJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}

// partitionText names the account of records whose partition is not known.
func partitionText(partition int) any {
	if partition == 0 {
		return "any"
	}
	return partition
}

func minuteTime(m timeline.Minute) time.Time { return milliTime(m.Milli()) }

func milliTime(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nanoTime is nil where nothing was noted.
func nanoTime(ns int64) *time.Time {
	if ns == 0 {
		return nil
	}
	t := time.Unix(0, ns).UTC()
	return &t
}
