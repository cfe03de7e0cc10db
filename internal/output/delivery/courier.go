package delivery

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// stdout is a Courier that writes lines out.
type stdout struct{ w *encode.Writer }

// Stdout returns a Courier that writes through w, and Accepts what was written. It takes one Slot: more would only
// wait. Once w has failed nothing is accepted any more; who runs w must look at its Err.
func Stdout(w *encode.Writer) Courier { return stdout{w} }

func (s stdout) Deliver(ctx context.Context, b *Batch) (Verdict, error) {
	if err := s.w.Write(ctx, b.Lines); err != nil {
		return Later, err
	}
	return Accepted, nil
}

// paced is a Courier that does not hurry.
type paced struct {
	Courier
	limit *rate.Limiter
}

// Paced returns a Courier that gives c so many Tweets a second at most, in the long run, and one second's at once. A
// larger batch waits until it has earned its size.
func Paced(c Courier, perSecond int) Courier {
	return paced{c, rate.NewLimiter(rate.Limit(perSecond), perSecond)}
}

func (p paced) Deliver(ctx context.Context, b *Batch) (Verdict, error) {
	for left := len(b.Tweets); left > 0; {
		n := min(left, p.limit.Burst())
		if err := p.limit.WaitN(ctx, n); err != nil {
			return Later, err
		}
		left -= n
	}
	return p.Courier.Deliver(ctx, b)
}
