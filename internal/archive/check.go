package archive

import (
	"context"
	"errors"
	"fmt"
)

// probe is what a check stores. It is no segment, and readers pass over it.
const probe = ".check"

// CheckBucket proves that the bucket at a URL can be listed and takes an object, and with remove that it lets it be removed;
// without, a small object .check stays. A directory is not touched: what is made in it would belong to who checks.
// Errors are those of the bucket.
func CheckBucket(ctx context.Context, url string, o Options, remove bool) (err error) {
	p, err := openPlace(url, o, realDisk{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	b, ok := p.(*bucket)
	if !ok {
		return nil
	}
	if _, err := b.list(ctx, probe+"/"); err != nil {
		return err
	}
	if err := b.put(ctx, probe, []byte("stored by a check\n")); err != nil {
		return err
	}
	if !remove {
		return nil
	}
	if err := b.remove(ctx, probe); err != nil {
		return fmt.Errorf("let retention work: %w", err)
	}
	return nil
}
