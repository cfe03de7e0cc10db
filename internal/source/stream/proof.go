package stream

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// noStream is the class of a 200 behind which stands something else than X: the page of a captive portal or a gateway,
// a document, nothing.
const noStream = "no_stream"

var errNoStream = errors.New("what answers is no stream")

// proof gathers what shows that a 200's body is a stream of X. A cut before anything came shows nothing either way; a
// clean end without proof does: X does not end a stream that it has just begun without a word.
type proof struct {
	strict bool // nothing but a record may come first
	begun  bool // the first byte that is not blank came
	beat   bool // a heartbeat came before anything malformed
	words  bool // a record, or a message as X sends them
	other  int  // frames that may be of any document
	half   bool // the first of them is perhaps half a record
}

func (p *proof) given() bool { return p.beat || p.words }

// lacking reports whether a body of so many bytes that ended cleanly was none of X. One that was cut behind the header of
// its gzip, or within its first record, tells nothing.
func (p *proof) lacking(size int64) bool {
	return !p.given() && (size == 0 || p.begun && !(p.half && p.other == 1))
}

// begin looks at the first byte that is not blank: what follows markup, or bytes that no JSON begins with, must not be
// read as records. Where the label of the encoding was wrong, it must be a record.
func (p *proof) begin(data []byte) error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 {
		return nil
	}
	p.begun = true
	if c := data[0]; c != '{' && (c == '<' || c < ' ' || c >= 0x7f || p.strict) {
		return fmt.Errorf("%w: it begins with %q", errNoStream, oneLine(string(data[:min(len(data), 100)])))
	}
	return nil
}

// see looks at a batch until there is proof.
func (p *proof) see(b *wire.Batch) {
	if p.given() {
		return
	}
	for i := range b.Frames {
		switch f := &b.Frames[i]; {
		case f.Kind == wire.Record:
			p.words = true
		case f.Kind == wire.Notice && known(f.Data):
			p.words = true
		default:
			p.half = p.half || p.other == 0 && f.Kind == wire.Malformed && bytes.HasPrefix(f.Data, []byte("{"))
			p.other++
		}
	}
	p.beat = p.beat || b.Heartbeats > 0 && p.other == 0
}

func known(data []byte) bool {
	m, ok := wire.ParseNotice(data)
	return ok && m.Root != ""
}

// lack says what came in the place of proof.
func (p *proof) lack(size int64) string {
	if size == 0 {
		return "nothing came"
	}
	return fmt.Sprintf("a document of %d bytes came", size)
}
