package operator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/guard"
)

// grid is a table for people, without lines. Where it does not fit the terminal it has fewer columns, and the text of one of
// them is broken into several lines.
type grid struct {
	columns []column
	rows    []table.Row
	labels  bool // the first column is the stream's label
	width   int  // of the terminal; 0: there is none, or all is wanted
	color   bool
}

type column struct {
	name  string
	right bool // stands to the right, as numbers do
	extra bool // is left out where there is no room
	text  bool // is broken where there is no room
}

// newGrid has a column for the stream where there is more than one. A column whose name begins with ">" stands to the right;
// "~" before that: it is left out where there is no room; "*": it is broken there.
func (c *Console) newGrid(streams int, wide bool, columns ...string) *grid {
	g := &grid{labels: streams > 1, width: c.width, color: c.color}
	if wide {
		g.width = 0
	}
	if g.labels {
		columns = append([]string{"stream"}, columns...)
	}
	for _, name := range columns {
		var col column
		name, col.extra = strings.CutPrefix(name, "~")
		name, col.text = strings.CutPrefix(name, "*")
		col.name, col.right = strings.CutPrefix(name, ">")
		g.columns = append(g.columns, col)
	}
	return g
}

func (g *grid) add(label string, cells ...any) {
	if g.labels {
		cells = append([]any{label}, cells...)
	}
	for i, cell := range cells {
		if text, ok := cell.(string); ok { // of a file's name, a bucket or the state
			cells[i] = guard.Line(text, guard.CellMost)
		}
	}
	g.rows = append(g.rows, cells)
}

// print writes the table, or the text where it has no rows.
func (g *grid) print(w io.Writer, none string) error {
	if len(g.rows) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	_, err := fmt.Fprintln(w, g.fitted())
	return err
}

// leastText is the narrowest that a broken text still can be read in.
const leastText = 12

// fitted is the whole table if that fits, else what is left of it.
func (g *grid) fitted() string {
	whole := g.render(false, 0)
	over := text.LongestLineLen(whole) - g.width
	if g.width == 0 || over <= 0 {
		return whole
	}
	narrow := g.render(true, 0)
	if over = text.LongestLineLen(narrow) - g.width; over <= 0 {
		return narrow
	}
	return g.render(true, max(leastText, g.widest()-over))
}

// widest is the length of the longest text that may be broken.
func (g *grid) widest() (longest int) {
	for i, col := range g.columns {
		if !col.text {
			continue
		}
		longest = len(col.name)
		for _, row := range g.rows {
			longest = max(longest, text.StringWidthWithoutEscSequences(fmt.Sprint(row[i])))
		}
	}
	return longest
}

// render leaves out the extra columns where it is to be narrow, and breaks texts at a width that is not 0.
func (g *grid) render(narrow bool, breakAt int) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatUpper
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	var configs []table.ColumnConfig
	var header table.Row
	for i, col := range g.columns {
		header = append(header, col.name)
		cfg := table.ColumnConfig{Number: i + 1, Hidden: narrow && col.extra}
		if col.right {
			cfg.Align, cfg.AlignHeader = text.AlignRight, text.AlignRight
		}
		if col.text && breakAt > 0 {
			cfg.WidthMax, cfg.WidthMaxEnforcer = breakAt, text.WrapSoft
		}
		if col.name == "state" && g.color {
			cfg.Transformer = colored
		}
		configs = append(configs, cfg)
	}
	w.AppendHeader(header)
	w.SetColumnConfigs(configs)
	w.AppendRows(g.rows)
	return w.Render()
}

// colors of states, as SGR: red is what is wrong or gone, yellow what is not decided, green what is well.
var colors = map[string]int{
	"gap": 31, "lost": 31, "missing": 31, "unrepaired": 31,
	"open": 33, "requested": 33, "repairing": 33, "recovering": 33, "settling": 33, "surplus": 33, "unknown": 33,
	"whole": 32, "recovered": 32, "equal": 32,
}

func colored(state any) string {
	name := fmt.Sprint(state)
	if n := colors[name]; n > 0 {
		return fmt.Sprintf("\x1b[%dm%s\x1b[0m", n, name)
	}
	return name
}

// printJSON writes one document, in which a terminal finds nothing but text.
func printJSON(w io.Writer, document any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(document); err != nil {
		return err
	}
	_, err := w.Write(redact.JSON(b.Bytes()))
	return err
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
