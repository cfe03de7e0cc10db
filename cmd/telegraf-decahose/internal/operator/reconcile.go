package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

// reconcileDocument is what reconcile -json prints.
type reconcileDocument struct {
	StreamLabel string        `json:"stream_label"`
	Audits      []auditResult `json:"audits"`
}

// reconcileDocuments is the document: the same once more as in those of commands about several streams.
type reconcileDocuments struct {
	Streams []reconcileDocument `json:"streams"`
	reconcileDocument
}

type auditResult struct {
	Audit    string          `json:"audit"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"` // exclusive
	Compared int             `json:"compared"`
	Emitted  int64           `json:"emitted"` // of the minutes that were compared
	Stored   int64           `json:"stored"`
	Missing  int64           `json:"missing"`
	Surplus  int64           `json:"surplus"`
	Error    string          `json:"error,omitempty"`
	Repair   string          `json:"repair,omitempty"` // what came of -repair
	Minutes  []reconcileLine `json:"minutes"`
}

// reconcileLine has the names of decahose_audit.
type reconcileLine struct {
	Minute      time.Time `json:"minute"`
	Emitted     int64     `json:"emitted"`
	Undelivered int64     `json:"undelivered"`
	Stored      *int64    `json:"stored"` // null: not known
	Missing     int64     `json:"missing"`
	Surplus     int64     `json:"surplus"`
	Repairs     int64     `json:"repairs"`
	State       string    `json:"state"`
	Why         string    `json:"why,omitempty"`
	MissingIDs  []int64   `json:"missing_ids,omitempty"` // with -ids, where the store can tell
	SurplusIDs  []int64   `json:"surplus_ids,omitempty"`
}

// errDiffers makes the exit code 1, after all was printed.
var errDiffers = errors.New("store and ledger differ")

func (c *Console) reconcile(ctx *cli.Context) error {
	if _, err := c.wanted(ctx, c.now()); err != nil {
		return err
	}
	s, err := c.oneStream(ctx)
	if err != nil {
		return err
	}
	audits, err := chosenAudits(ctx, s.input)
	if err != nil {
		return err
	}
	return c.opened([]*stream{s}, func(s *stream) error { return c.reconcileAll(ctx, s, audits) })
}

// chosenAudits are those of the configuration, or the one of -audit.
func chosenAudits(ctx *cli.Context, d *decahose.Decahose) ([]*decahose.Audit, error) {
	if err := d.InitAudits(); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", configOf(ctx), err)}
	}
	if len(d.Audits) == 0 {
		return nil, badUsage("there is no [[inputs.decahose.audit]] in %s", configOf(ctx))
	}
	if !ctx.IsSet("audit") {
		return d.Audits, nil
	}
	for _, a := range d.Audits {
		if a.Name == ctx.String("audit") {
			return []*decahose.Audit{a}, nil
		}
	}
	return nil, badUsage("option \"audit\" is %q, must be one of %s", ctx.String("audit"), d.AuditNames())
}

func (c *Console) reconcileAll(ctx *cli.Context, s *stream, audits []*decahose.Audit) error {
	w, err := c.wanted(ctx, s.now)
	if err != nil {
		return err
	}
	stopped, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	doc := reconcileDocument{StreamLabel: s.label}
	for _, a := range audits {
		b, damage := audit.ReadBook(s.input.StateDir(), s.reader, w.from, w.to, c.now())
		if b == nil {
			return damage
		}
		_ = s.read(damage) // said once; what can be read is compared
		r, lines := c.reconcileOne(stopped, a, s, b, w)
		if ctx.Bool("repair") && r.Error == "" {
			r.Repair = c.repair(stopped, a, s, w, lines, ctx.Bool("again"))
		}
		doc.Audits = append(doc.Audits, newAuditResult(r, lines, ctx.Bool("ids")))
	}
	if err := c.printReconciled(ctx, &doc); err != nil {
		return err
	}
	return doc.verdict()
}

// reconcileOne asks one store.
func (c *Console) reconcileOne(ctx context.Context, a *decahose.Audit, s *stream, b *audit.Book, w wish) (r auditResult, lines []audit.Line) {
	r = auditResult{Audit: a.Name, From: minuteTime(w.from), To: minuteTime(w.to)}
	ask := audit.Ask{From: w.from, To: w.to, Settle: time.Duration(a.Settle), Timeout: time.Duration(a.Timeout)}
	kept, err := a.Open(ctx, s.label)
	if err == nil {
		lines, err = audit.Compare(ctx, b, kept, ask)
		if unit := kept.Rounds(); unit > 0 {
			c.warn("audit %q: the store's times are rounded to %v, so that Tweets overwrite each other", a.Name, unit)
		}
		err = errors.Join(err, kept.Close())
	} else {
		lines = audit.Unanswered(b, ask)
	}
	if err != nil {
		r.Error = guard.Error(err).Error()
	}
	return r, lines
}

// repair has again what a second look finds missing as well. What has come meanwhile was in a buffer.
func (c *Console) repair(stopped context.Context, a *decahose.Audit, s *stream, w wish, lines []audit.Line, again bool) string {
	var watch audit.Watch
	lines = audit.Short(lines, again)
	if sum := audit.Total(lines); sum.Minutes[audit.Missing] == 0 {
		return c.orderRepair(s, nil, nil, again)
	}
	first := c.now()
	watch.Look(lines, first)
	select {
	case <-stopped.Done():
		return "not repaired: stopped"
	case <-time.After(min(c.second, time.Duration(a.Settle))):
	}
	b, err := audit.ReadBook(s.input.StateDir(), s.reader, w.from, w.to, c.now())
	if b == nil {
		return "not repaired: " + err.Error()
	}
	r, lines := c.reconcileOne(stopped, a, s, b, w)
	if r.Error != "" {
		return "not repaired: " + r.Error
	}
	lines = audit.Short(lines, again)
	now := c.now()
	if why := watch.Look(lines, now); why != "" {
		return "not repaired now: " + why
	}
	return c.orderRepair(s, b, watch.Ripe(lines, now, now.Sub(first)), again)
}

// orderRepair leaves an order with the plugin, running or not, and says what came of it.
func (c *Console) orderRepair(s *stream, b *audit.Book, lines []audit.Line, again bool) string {
	sent, minutes, err := audit.Wanted(b, lines, s.rules.Horizon, repairMost)
	switch {
	case s.rules.Method.String() == "none":
		return `nothing can be repaired with recovery = "none"`
	case len(sent) == 0 && err != nil:
		return "nothing can be repaired: " + err.Error()
	case len(sent) == 0:
		return "nothing is to be repaired"
	}
	kind := ledger.OrderRepair
	if again {
		kind = ledger.OrderAgain
	}
	o := ledger.Order{Kind: kind, Sent: sent, From: timeline.MinuteOf(sent[0].ID.Milli()), To: timeline.MinuteOf(sent[len(sent)-1].ID.Milli()) + 1}
	id, err := store.PlaceOrder(s.input.StateDir(), o)
	if err != nil {
		return "not repaired: " + err.Error()
	}
	if !s.reader.Running() {
		return fmt.Sprintf("%d Tweets of %s will be asked for when the plugin runs again", len(sent), timeline.InWords(minutes))
	}
	answer, err := c.answer(s, id)
	if err != nil {
		return err.Error()
	}
	return answer.Text
}

// repairMost bounds the Tweets of one order.
const repairMost = 1 << 20

func newAuditResult(r auditResult, lines []audit.Line, ids bool) auditResult {
	r.Minutes = []reconcileLine{}
	sum := audit.Total(lines)
	r.Emitted, r.Stored, r.Missing, r.Surplus = sum.Emitted, sum.Stored, sum.Missing, sum.Surplus
	for i := range lines {
		l := &lines[i]
		line := reconcileLine{Minute: minuteTime(l.Minute), Emitted: l.Emitted, Undelivered: l.Undelivered, Missing: l.Missing,
			Surplus: l.Surplus, Repairs: l.Repairs, State: string(l.State), Why: l.Why}
		if l.Stored >= 0 {
			line.Stored = &l.Stored
			r.Compared++
		}
		if ids {
			line.MissingIDs, line.SurplusIDs = lackingIDs(l), numbers(l.Foreign)
		}
		r.Minutes = append(r.Minutes, line)
	}
	return r
}

func lackingIDs(l *audit.Line) (all []int64) {
	for _, t := range l.Lacking {
		all = append(all, int64(t.ID))
	}
	return all
}

func numbers(ids []snowflake.ID) (all []int64) {
	for _, id := range ids {
		all = append(all, int64(id))
	}
	return all
}

// verdict is nil where every minute that could be compared is equal, and every store answered.
func (d *reconcileDocument) verdict() error {
	for i := range d.Audits {
		a := &d.Audits[i]
		switch {
		case a.Error != "":
			return fmt.Errorf("audit %q: %s", a.Audit, a.Error)
		case a.Missing+a.Surplus > 0:
			return fmt.Errorf("audit %q: %w: %d Tweets are missing, %d are too many", a.Audit, errDiffers, a.Missing, a.Surplus)
		case a.Compared == 0:
			return fmt.Errorf("audit %q: no minute could be compared", a.Audit)
		}
	}
	return nil
}

func (c *Console) printReconciled(ctx *cli.Context, doc *reconcileDocument) error {
	if ctx.Bool("json") {
		return printJSON(c.stdout, reconcileDocuments{[]reconcileDocument{*doc}, *doc})
	}
	for i := range doc.Audits {
		if err := c.printAudit(&doc.Audits[i], ctx.Bool("wide")); err != nil {
			return err
		}
	}
	return nil
}

func (c *Console) printAudit(a *auditResult, wide bool) error {
	g := c.newGrid(1, wide, "minute", ">emitted", "~>undelivered", ">stored", ">missing", ">surplus", "~>repairs", "state", "*why")
	for _, l := range a.Minutes {
		stored := any("-")
		if l.Stored != nil {
			stored = *l.Stored
		}
		g.add("", minuteText(l.Minute), l.Emitted, l.Undelivered, stored, l.Missing, l.Surplus, l.Repairs, l.State, l.Why)
	}
	if err := g.print(c.stdout, "no minutes"); err != nil {
		return err
	}
	for _, l := range a.Minutes {
		for _, id := range l.MissingIDs {
			fmt.Fprintf(c.stdout, "missing %d\n", id)
		}
		for _, id := range l.SurplusIDs {
			fmt.Fprintf(c.stdout, "surplus %d\n", id)
		}
	}
	text := fmt.Sprintf("audit %s: %d of %s compared, emitted %d stored %d missing %d surplus %d", a.Audit, a.Compared,
		timeline.InWords(len(a.Minutes)), a.Emitted, a.Stored, a.Missing, a.Surplus)
	if a.Repair != "" {
		text += "; " + a.Repair
	}
	return c.tell(text)
}
