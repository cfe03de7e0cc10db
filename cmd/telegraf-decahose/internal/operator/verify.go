package operator

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// verifyDocument is what verify -json prints.
type verifyDocument struct {
	Streams []streamReport `json:"streams"`
}

type streamReport struct {
	StreamLabel string `json:"stream_label"`
	Directory   string `json:"directory"`
	Running     bool   `json:"running"`
	store.Report
}

// verify prints what was checked even where there are problems; the error says that there are.
func (c *Console) verify(ctx *cli.Context) error {
	streams, err := c.streams(ctx)
	if err != nil {
		return err
	}
	doc, bad := verifyDocument{Streams: []streamReport{}}, 0
	err = c.opened(streams, func(s *stream) error {
		r := streamReport{StreamLabel: s.label, Directory: s.input.StateDir(), Running: s.reader.Running()}
		b := c.newBar("verify " + s.label)
		defer b.end()
		var err error
		r.Report, err = s.reader.Verify(b.set)
		if r.Problems == nil {
			r.Problems = []string{}
		}
		doc.Streams = append(doc.Streams, r)
		bad += r.Bad
		return err
	})
	if err != nil {
		return err
	}
	if err := c.printReports(ctx, doc); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d problems; the plugin salvages what is readable at its next start", bad)
	}
	return nil
}

func (c *Console) printReports(ctx *cli.Context, doc verifyDocument) error {
	if ctx.Bool("json") {
		return printJSON(c.stdout, doc)
	}
	for _, r := range doc.Streams {
		fmt.Fprintf(c.stdout, "%s: %s: %d rows, %d ids in %d blocks of %d files, %d bytes: %d problems\n",
			r.StreamLabel, r.Directory, r.Rows, r.IDs, r.Blocks, r.Files, r.Bytes, r.Bad)
		for _, text := range r.Problems {
			_ = c.tell("  " + text)
		}
		if more := r.Bad - len(r.Problems); more > 0 {
			fmt.Fprintf(c.stdout, "  and %d more\n", more)
		}
	}
	return nil
}
