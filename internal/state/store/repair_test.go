package store

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// An order carries its Tweets exactly, beside a plugin that runs, and until it was answered.
func TestAnOrderCarriesTweets(t *testing.T) {
	dir := scratch(t)
	s, _, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err)
	m := thisMinute()
	require.NoError(t, s.Commit(newHistory(1).commit(m, 5)))
	rng := newHistory(3).rng
	var sent []ledger.Sent
	for i, id := range idsIn(rng, m.Span(), 1000) {
		sent = append(sent, ledger.Sent{ID: id, Partition: int32(i % 3)})
	}
	plain, err := PlaceOrder(dir, ledger.Order{Kind: "forget", From: m, To: m + 1})
	require.NoError(t, err)
	id, err := PlaceOrder(dir, ledger.Order{Kind: "repair", From: m, To: m + 1, Sent: sent})
	require.NoError(t, err)
	orders, err := s.Orders()
	require.NoError(t, err)
	require.Len(t, orders, 2)
	require.Equal(t, plain, orders[0].ID)
	require.Empty(t, orders[0].Sent)
	require.Equal(t, id, orders[1].ID)
	require.ElementsMatch(t, sent, orders[1].Sent)
	s.pruneEvery = 0
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 2, Answers: []ledger.Answer{{Order: plain}, {Order: id, Text: "done"}}}))
	orders, err = s.Orders()
	require.NoError(t, err)
	require.Empty(t, orders)
	left, _, err := ordersTweets.All(s.db)
	require.NoError(t, err)
	require.Empty(t, left, "nobody needs them any more")
	require.NoError(t, s.Close())
	requireSound(t, dir)
}

// Ids are read beside the process that writes them, by partition; one that was emitted again is of the later road.
func TestReaderTellsIDs(t *testing.T) {
	dir := scratch(t)
	s, _, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err)
	defer s.Close()
	h, m := newHistory(1), thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 50)))
	require.NoError(t, s.Commit(h.commit(m, 50)))
	again := h.ids[m][2][7]
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 3, IDs: []ledger.IDs{{Partition: ledger.AnyPartition, Minute: m, IDs: h.ids[m][2][7:8]}}}))
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	sent, err := r.IDs(m)
	require.NoError(t, err)
	require.Len(t, sent, len(h.all(m)))
	of := map[int32]int{}
	for i, t2 := range sent {
		require.Equal(t, h.all(m)[i], t2.ID)
		if of[t2.Partition]++; t2.ID == again {
			require.EqualValues(t, ledger.AnyPartition, t2.Partition)
		}
	}
	require.Equal(t, map[int32]int{0: 1, 1: 100, 2: 99}, of)
	none, err := r.IDs(m - 600)
	require.NoError(t, err)
	require.Empty(t, none)
	repairs, err := r.Repairs(m, m+1)
	require.NoError(t, err)
	require.Len(t, repairs, 1)
	require.EqualValues(t, 2, repairs[0].Times)
	require.Len(t, repairs[0].Pending, 2)

	path := hourOf(m).path(dir)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[headerLen+3] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	sent, err = r.IDs(m)
	require.ErrorIs(t, err, ErrDamaged)
	require.NotEmpty(t, sent)
}

// A reader that is newer than the ledger finds no repairs, and no error.
func TestNoRepairsInAnOlderLedger(t *testing.T) {
	dir := scratch(t)
	require.NoError(t, prepareDir(dir))
	c := rowsOf(newHistory(1).commit(thisMinute(), 5))
	c.repairs = nil
	require.NoError(t, build(dir, c, migrations[:3]))
	require.NoError(t, os.Rename(dir+"/"+freshName, dir+"/"+dbName))
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	repairs, err := r.Repairs(0, thisMinute()+1)
	require.NoError(t, err)
	require.Empty(t, repairs)
}
