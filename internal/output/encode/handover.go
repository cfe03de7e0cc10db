package encode

import "context"

// Write has buf, whole lines, written between those of the sinks, and waits until it was or ctx
// is done. After any error buf may still be in use.
func (w *Writer) Write(ctx context.Context, buf []byte) error {
	return w.write(ctx, buf, make(chan error, 1))
}
