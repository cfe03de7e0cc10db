package sqlfile

import (
	"cmp"
	"slices"
)

const (
	// maxRescueQueries bounds the search for rows of one table, to a fraction of a second.
	maxRescueQueries = 8_000
	// maxIdleQueries is after how many in a row that brought nothing there is no point in going on: what is left is the
	// range of one page, or the root of the table is gone.
	maxIdleQueries = 2_000
)

// Found is what Rescue could read.
type Found[T any] struct {
	Records []T   // in the order of their keys, each once
	Bad     int   // rows whose checksum does not fit
	Broken  error // why not all rows could be read; nil: they could
}

// Rescue reads what can be read of a table: from its begin up to the first page that is broken, from its end down to the
// last one, and between them by cutting the range again and again. Likely is where keys are expected where neither end
// tells. An error is one of the machine: nothing is known then.
func (t *Table[T]) Rescue(db Queryer, likely Keys) (Found[T], error) {
	s := rescue[T]{table: t, db: db}
	if err := s.search(likely); err != nil {
		return Found[T]{}, err
	}
	key := func(a, b T) int { return cmp.Compare(t.Key(&a), t.Key(&b)) }
	slices.SortStableFunc(s.found.Records, key)
	s.found.Records = slices.CompactFunc(s.found.Records, func(a, b T) bool { return key(a, b) == 0 })
	return s.found, nil
}

// rescue is a Rescue under way.
type rescue[T any] struct {
	table         *Table[T]
	db            Queryer
	found         Found[T]
	queries, idle int
}

func (s *rescue[T]) search(likely Keys) error {
	left, err := s.ends(All)
	if err != nil || left.empty() {
		return err
	}
	for queue := firstCuts(left, likely); len(queue) > 0 && s.queries < maxRescueQueries && s.idle < maxIdleQueries; queue = queue[1:] {
		if left, err = s.ends(queue[0]); err != nil {
			return err
		}
		queue = append(queue, left.halves()...)
	}
	return nil
}

// ends reads a range from its begin up to what cannot be read, then from its end down, and returns what lies between.
func (s *rescue[T]) ends(k Keys) (left Keys, err error) {
	for _, order := range []string{"ASC", "DESC"} {
		p := s.table.read(s.db, k, "true", order)
		switch {
		case p.err == nil:
			s.add(&p)
			return noKeys, nil
		case !Proves(p.err):
			return noKeys, p.err
		case s.found.Broken == nil && s.table.absent(s.db):
			return noKeys, nil
		}
		s.add(&p)
		if s.found.Broken == nil {
			s.found.Broken = p.err
		}
		if p.any && order == "ASC" {
			k = k.above(p.last)
		} else if p.any {
			k = k.below(p.last)
		}
		if k.empty() {
			break
		}
	}
	return k, nil
}

func (s *rescue[T]) add(p *part[T]) {
	s.queries++
	s.idle++
	if len(p.records) > 0 {
		s.idle = 0
	}
	s.found.Records = append(s.found.Records, p.records...)
	s.found.Bad += p.bad
}

// firstCuts are the ranges to try of one of which only the ends are known, or one of them, or none. Those next to an
// end that could be read are small: what else can be read is as far from it as it is wide.
func firstCuts(left, likely Keys) []Keys {
	begin, end := left.From != All.From, left.To != All.To
	if begin && end {
		return left.halves()
	}
	if !begin {
		left.From = min(likely.From, left.To)
	}
	if !end {
		left.To = max(likely.To, left.From)
	}
	return left.fan(begin)
}
