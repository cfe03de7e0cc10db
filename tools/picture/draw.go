package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Sizes are in pixels of the SVG at its natural size.
const (
	boxWidth   = 190
	lineHeight = 16
	gapX       = 26
	gapY       = 56
	margin     = 16
)

type box struct{ x, y, height int }

// draw makes an SVG that says the same for the same groups. Its colours are those of a reader's browser, light or dark.
func draw(groups []*group) []byte {
	boxes, width, height := place(groups)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Groups of packages; arrows lead to what is imported">
<style>
text{font:12px sans-serif;fill:#1b1f24}.name{font-weight:bold;font-size:13px}
rect{fill:#f6f8fa;stroke:#57606a}path{stroke:#57606a;fill:none;marker-end:url(#tip)}marker path{marker-end:none;fill:#57606a}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#161b22;stroke:#8b949e}path{stroke:#8b949e}marker path{fill:#8b949e}}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
`, width, height)
	for _, g := range groups {
		for _, to := range g.imports {
			arrow(&b, boxes[g.name], boxes[to])
		}
	}
	for _, g := range groups {
		label(&b, g, boxes[g.name])
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// place puts each level into a row, the highest on top, and centres the rows.
func place(groups []*group) (boxes map[string]box, width, height int) {
	rows := make([][]*group, 0)
	for i, g := range groups {
		if i == 0 || groups[i-1].level != g.level {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], g)
	}
	for _, row := range rows {
		width = max(width, len(row)*(boxWidth+gapX)-gapX)
	}
	boxes, height = map[string]box{}, margin
	for _, row := range rows {
		x, tallest := margin+(width-len(row)*(boxWidth+gapX)+gapX)/2, 0
		for _, g := range row {
			h := lineHeight*(1+len(lines(g))) + 12
			boxes[g.name] = box{x, height, h}
			x, tallest = x+boxWidth+gapX, max(tallest, h)
		}
		height += tallest + gapY
	}
	return boxes, width + 2*margin, height - gapY + margin
}

func arrow(b *bytes.Buffer, from, to box) {
	x1, y1, x2, y2 := from.x+boxWidth/2, from.y+from.height, to.x+boxWidth/2, to.y
	bend := min(gapY, (y2-y1)/2)
	fmt.Fprintf(b, `<path d="M%d %dC%d %d %d %d %d %d"/>`+"\n", x1, y1, x1, y1+bend, x2, y2-bend, x2, y2)
}

func label(b *bytes.Buffer, g *group, at box) {
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n", at.x, at.y, boxWidth, at.height)
	fmt.Fprintf(b, `<text class="name" x="%d" y="%d">%s</text>`+"\n", at.x+10, at.y+lineHeight+2, g.name)
	for i, line := range lines(g) {
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", at.x+10, at.y+lineHeight*(i+2)+2, line)
	}
}

// lines are the packages of a group as they fit into its box.
func lines(g *group) (all []string) {
	line := ""
	for _, p := range g.packages {
		if p == g.name {
			continue
		}
		name := strings.TrimPrefix(p, g.name+"/")
		if len(name) > 26 {
			name = path.Base(name)
		}
		switch {
		case line == "":
			line = name
		case len(line)+2+len(name) <= 28:
			line += ", " + name
		default:
			all, line = append(all, line), name
		}
	}
	if line != "" {
		all = append(all, line)
	}
	return all
}
