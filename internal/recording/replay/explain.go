package replay

import (
	"fmt"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Line is what was decided in a step, in words: when, who, what happened, what is to be done, and why. It is empty where
// nothing was decided that anybody asks for.
func (p *Played) Line() string {
	decisions := p.decisions()
	var why []string
	for _, n := range p.Ready.Notes {
		if n.Level != core.Debug {
			why = append(why, n.Text)
		}
	}
	if len(decisions)+len(why) == 0 && !p.Differs {
		return ""
	}
	line := p.at() + " " + p.happened()
	if len(decisions) > 0 {
		line += ": " + strings.Join(decisions, "; ")
	}
	if len(why) > 0 {
		line += " [" + strings.Join(why, "; ") + "]"
	}
	if p.Differs {
		line += " [decided otherwise than the process did]"
	}
	return line
}

func (p *Played) at() string {
	at := p.Now
	if p.Event.Wall != 0 {
		at = time.Unix(0, p.Event.Wall)
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// Name is that of a connection, a request or a reading, as scripts have it.
func (p *Played) Name(conn int) string {
	if k := conn - len(p.Names); k >= 0 {
		return fmt.Sprintf("r%d", k)
	}
	return fmt.Sprintf("p%d.c%d", p.Names[conn].Partition, p.Names[conn].Index)
}

// happened is the event in words.
func (p *Played) happened() string {
	ev := p.Event
	switch ev.Kind {
	case core.Opened:
		return p.Name(ev.Conn) + " got its header"
	case core.Received:
		return fmt.Sprintf("%s brought %d records", p.Name(ev.Conn), len(ev.Batch.Frames))
	case core.Silent:
		return p.Name(ev.Conn) + " brings no Tweet"
	case core.Read:
		return fmt.Sprintf("%s read %s%s", p.Name(ev.Conn), ev.Minute, failed(ev.Err))
	case core.Ended:
		return p.Name(ev.Conn) + " ended" + ended(&ev.End)
	case core.Committed:
		return "state stored" + failed(ev.Err)
	case core.Loaded:
		return fmt.Sprintf("ids of %s loaded%s", ev.Minute, failed(ev.Err))
	case core.Ordered:
		return "an order came"
	}
	return map[core.Kind]string{core.Tick: "time passed", core.Written: "Tweets are safe", core.Delivered: "the outputs answered",
		core.Reported: "Telegraf told of a buffer", core.Poll: "counters were wanted", core.Stop: "the stop", core.Final: "the end"}[ev.Kind]
}

func failed(err string) string {
	if err == "" {
		return ""
	}
	return ", with an error"
}

func ended(e *core.End) string {
	words := []string{}
	if e.Class != "" {
		words = append(words, e.Class)
	}
	if e.Status != 0 && e.Status != 200 && e.Class != fmt.Sprintf("http_%d", e.Status) {
		words = append(words, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Message != "" {
		words = append(words, "X says: "+e.Message)
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// decisions are what is to be done, but for what is done all the time: Tweets, counters, commits of facts, loads.
func (p *Played) decisions() (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, c := range p.Ready.Close {
		if c.Leave {
			add("give %s up (%s)", p.Name(c.Conn), c.Class)
		} else {
			add("close %s (%s)", p.Name(c.Conn), c.Class)
		}
	}
	for i := range p.Ready.Points {
		if pt := &p.Ready.Points[i]; pt.Name == "decahose_gap" {
			all = append(all, gap(pt))
		}
	}
	for _, c := range p.Ready.Connect {
		add("connect %s %s", p.Name(c.Conn), backfill(c.Backfill))
	}
	for _, a := range p.Ready.Requests {
		all = append(all, p.request(&a))
	}
	if e := p.Ready.Feedback; e != nil && e.Pause {
		add("pause: a buffer is full")
	}
	return all
}

func backfill(minutes int) string {
	if minutes == 0 {
		return "without backfill"
	}
	return "with " + timeline.InWords(int64(minutes)) + " of backfill"
}

func (p *Played) request(a *core.Ask) string {
	of := fmt.Sprintf("%s to %s", a.Query.From, a.Query.To-1)
	if a.Query.Partition != ledger.AnyPartition {
		of += fmt.Sprintf(" of partition %d", a.Query.Partition)
	}
	if a.Archive != core.X {
		return fmt.Sprintf("%s reads %s from archive %d", p.Name(a.Conn), of, a.Archive+1)
	}
	return fmt.Sprintf("%s asks %s for %s", p.Name(a.Conn), methods[p.Config.Recovery.Method], of)
}

var methods = map[refill.Method]string{refill.Replay: "Replay", refill.Recovery: "Recovery"}

// gap is a state of a gap in words.
func gap(pt *point.Point) string {
	f := map[string]any{}
	for _, v := range pt.Fields {
		f[v.Key] = v.Value
	}
	partition := ""
	for _, t := range pt.Tags {
		if t.Key == "partition" {
			partition = t.Value
		}
	}
	text := fmt.Sprintf("gap of partition %s from %s, %s: ", partition, timeline.MinuteOf(pt.Time/1e6), timeline.InWords(f["minutes"].(int64)))
	switch f["state"] {
	case ledger.GapOpen.String():
		return text + fmt.Sprintf("opened (%s)", f["cause"])
	case ledger.GapRequested.String():
		return text + fmt.Sprintf("asked for (%s)", f["cause"])
	case ledger.GapRecovered.String():
		return text + fmt.Sprintf("filled by %s, %d Tweets", f["filled_by"], f["tweets"])
	}
	return text + fmt.Sprintf("%s (%s)", f["state"], f["cause"])
}
