package stream

import (
	"context"

	"golang.org/x/time/rate"
)

const (
	// usualRatio is how many plain bytes a byte on the wire may become before a connection is held up: X's records
	// become 8 to 10, a record of blanks 1000.
	usualRatio = 64
	// paceRate is how many plain bytes a second beyond that ratio are taken of a connection; four such connections cost
	// a fraction of a core.
	paceRate = 8 << 20
	// paceBurst is how many are taken at once. One chunk of what is decoded must fit.
	paceBurst = 16 << 20
)

// pace bounds the CPU time that a byte on the wire costs. A body that is decoded to many times its size is read more
// slowly, so that it cannot take the machine from other connections; nothing of it is dropped.
type pace struct {
	ctx   context.Context
	limit *rate.Limiter
	free  int // plain bytes that the wire has paid for
}

func newPace(ctx context.Context) *pace {
	return &pace{ctx: ctx, limit: rate.NewLimiter(paceRate, paceBurst)}
}

// came notes bytes from the socket.
func (p *pace) came(wire int) { p.free = min(p.free, paceBurst) + usualRatio*wire }

// take waits until so many plain bytes may be taken. At the end of ctx it does not wait: the next read ends the body.
func (p *pace) take(plain int) {
	if p.free -= plain; p.free >= 0 {
		return
	}
	over := min(-p.free, plain)
	p.free = 0
	_ = p.limit.WaitN(p.ctx, min(over, paceBurst))
}
