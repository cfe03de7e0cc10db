package operator

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// recoverOrder is what recover orders: the minutes, or with again all Tweets that were emitted of them.
func (s *stream) recoverOrder(again bool, w wish) (kind ledger.OrderKind, sent []ledger.Sent, err error) {
	if !again {
		return ledger.OrderRecover, nil, nil
	}
	for m := w.from; m < w.to; m++ {
		ids, err := s.reader.IDs(m)
		if err = s.read(err); err != nil {
			return "", nil, err
		}
		for _, t := range ids {
			if w.partition == ledger.AnyPartition || w.partition == int(t.Partition) {
				sent = append(sent, t)
			}
		}
		if len(sent) > repairMost {
			return "", nil, badUsage("%v to %v: more than %d Tweets were emitted of them; give a shorter time", w.from, w.to, repairMost)
		}
	}
	if len(sent) == 0 {
		return "", nil, fmt.Errorf("the ledger knows of no Tweet that was emitted of %v", w)
	}
	return ledger.OrderAgain, sent, nil
}

// lastRequest is the id of the newest request to X that is noted.
func (s *stream) lastRequest() (last int64, err error) {
	requests, err := s.reader.Requests()
	for i := range requests {
		last = max(last, requests[i].ID)
	}
	return last, s.read(err)
}

// countResults notes what the requests since brought of the wish, and how full its minutes are.
func (s *stream) countResults(doc *wishDocument, w wish, since int64) error {
	requests, err := s.reader.Requests()
	if err = s.read(err); err != nil {
		return err
	}
	for i := range requests {
		if r := &requests[i]; r.ID > since && r.From < w.to && w.from < r.To {
			doc.New += r.New
		}
	}
	fills, err := s.reader.Fills(w.from, w.to)
	for i := range fills {
		switch fills[i].State {
		case ledger.FillThin:
			doc.Thin++
		case ledger.FillUnproven:
			doc.Unproven++
		}
	}
	return s.read(err)
}

// summary says what came, and what it is worth.
func (doc *wishDocument) summary() string {
	text := fmt.Sprintf("%d Tweets are new", doc.New)
	if doc.New == 0 && doc.Recovered > 0 {
		text = "no Tweet is new: all that came was emitted before (if a store lost them: reconcile -repair, or recover -emit-again)"
	}
	if doc.Thin > 0 {
		text += fmt.Sprintf("; %d of the minutes hold less than they should", doc.Thin)
	}
	if doc.Unproven > 0 {
		text += fmt.Sprintf("; of %d nobody knows how much they should hold", doc.Unproven)
	}
	return text
}
