package main

import (
	"fmt"
	"image/color"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

const minutesOfDay = 24 * 60

var (
	blue  = color.NRGBA{31, 90, 160, 255}
	grey  = color.NRGBA{120, 120, 120, 255}
	pale  = color.NRGBA{31, 90, 160, 60}
	red   = color.NRGBA{190, 30, 30, 255}
	rose  = color.NRGBA{190, 30, 30, 40}
	green = color.NRGBA{20, 120, 60, 255}
)

// draws are the pictures of simulated days, by file.
func draws() map[string]func(uint64) (*plot.Plot, error) {
	return map[string]func(uint64) (*plot.Plot, error){
		"volumes-day.png": drawDay, "volumes-split.png": drawSplit, "volumes-missed.png": drawMissed,
	}
}

// drawAll writes them into a directory.
func drawAll(docs string, seed uint64) error {
	for name, picture := range draws() {
		p, err := picture(seed)
		if err != nil {
			return err
		}
		if err := p.Save(24*vg.Centimeter, 10*vg.Centimeter, filepath.Join(docs, name)); err != nil {
			return err
		}
	}
	return nil
}

// trace is what became of a simulated day.
type trace struct {
	minutes []volume.Minute // counts alone are kept
	grades  []volume.Verdict
	missed  []int64 // of partition 1
	alarms  []mark
}

// mark is a change of an alarm.
type mark struct {
	hour  float64
	alarm volume.Alarm
}

// follow lets a judge of six weeks follow a day of which loss says what is lost.
func follow(seed uint64, loss func(minute int) volumes.Loss) *trace {
	s := volumes.NewStream(volumes.Calm, seed)
	j := volumes.Learned(s, volumes.Warm)
	t := &trace{}
	for minute := range minutesOfDay {
		m := s.Next(loss(minute))
		v := j.Close(m)
		m.Parts = []volume.Part{{Unique: m.Parts[0].Unique}, {Unique: m.Parts[1].Unique}}
		t.minutes, t.grades, t.missed = append(t.minutes, m), append(t.grades, v), append(t.missed, s.Missed(1))
		for _, a := range v.Alarms {
			t.alarms = append(t.alarms, mark{hour(minute + 1), a})
		}
	}
	return t
}

func hour(minute int) float64 { return float64(minute) / 60 }

// between is a loss from one hour to another.
func between(from, to float64, l volumes.Loss) func(minute int) volumes.Loss {
	return func(minute int) volumes.Loss {
		if h := hour(minute); h < from || h >= to {
			return volumes.Loss{}
		}
		return l
	}
}

func newPlot(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "hour of the simulated day (UTC)", y
	p.Title.Padding = vg.Points(6)
	p.X.Min, p.X.Max = 0, 24
	ticks := make(plot.ConstantTicks, 0, 25)
	for h := range 25 {
		label := ""
		if h%3 == 0 {
			label = strconv.Itoa(h)
		}
		ticks = append(ticks, plot.Tick{Value: float64(h), Label: label})
	}
	p.X.Tick.Marker = ticks
	p.Y.Tick.Marker = plot.TickerFunc(labelled)
	p.Legend.Top, p.Legend.XOffs, p.Legend.Padding = true, -vg.Points(8), vg.Points(2)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{230}, color.Gray{230}
	p.Add(grid)
	return p
}

// labelled are the usual ticks, with numbers as short as they can be.
func labelled(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'f', -1, 64)
		}
	}
	return ticks
}

func line(p *plot.Plot, name string, c color.Color, width float64, points plotter.XYs) error {
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.Color, l.Width = c, vg.Points(width)
	p.Add(l)
	p.Legend.Add(name, l)
	return nil
}

func dots(p *plot.Plot, name string, c color.Color, points plotter.XYs) error {
	s, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(1.2), Shape: draw.CircleGlyph{}}
	p.Add(s)
	p.Legend.Add(name, s)
	return nil
}

// area fills what lies between two lines.
func area(p *plot.Plot, name string, c color.Color, low, high plotter.XYs) error {
	ring := append(plotter.XYs{}, low...)
	for i := range high {
		ring = append(ring, high[len(high)-1-i])
	}
	poly, err := plotter.NewPolygon(ring)
	if err != nil {
		return err
	}
	poly.Color, poly.LineStyle.Width = c, 0
	p.Add(poly)
	p.Legend.Add(name, poly)
	return nil
}

// shade marks the hours of a loss.
func shade(p *plot.Plot, name string, from, to, low, high float64) error {
	return area(p, name, rose, plotter.XYs{{X: from, Y: low}, {X: to, Y: low}}, plotter.XYs{{X: from, Y: high}, {X: to, Y: high}})
}

// marks draws the time of each alarm as an upright line, with its kind at the top.
func marks(p *plot.Plot, alarms []mark, low, high float64) error {
	for _, a := range alarms {
		c, text := green, "over"
		if a.alarm.Active {
			c, text = red, fmt.Sprintf("alarm %s", a.alarm.Kind)
		}
		l, err := plotter.NewLine(plotter.XYs{{X: a.hour, Y: low}, {X: a.hour, Y: high}})
		if err != nil {
			return err
		}
		l.Color, l.Dashes = c, []vg.Length{vg.Points(4), vg.Points(2)}
		labels, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: a.hour + 0.05, Y: high}}, Labels: []string{text}})
		if err != nil {
			return err
		}
		labels.TextStyle[0].Color = c
		labels.TextStyle[0].YAlign = -1
		p.Add(l, labels)
	}
	return nil
}
