package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const hour = int64(3600e9)

func TestForgetKeepsWhatIsNotSettled(t *testing.T) {
	for name, prepare := range map[string]func(r *Row){
		"open":                  func(r *Row) { r.closed = false },
		"changed":               func(r *Row) { r.Touch(); r.Saved(true) },
		"not stored":            func(r *Row) { r.Saved(false) },
		"Tweets on their way":   func(r *Row) { r.Given++ },
		"reported a while ago":  func(r *Row) { r.told += hour/2 + 1 },
		"not before the minute": func(_ *Row) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook(1, 2)
			r := b.Row(7)
			r.Close()
			r.Told(hour/2, View{})
			r.Saved(true)
			prepare(r)
			b.Row(100).Told(hour+hour/2, View{})
			if name == "not before the minute" {
				b.Forget(7)
			} else {
				b.Forget(8)
			}
			require.Same(t, r, b.Find(7))
		})
	}
}

func TestForgetDropsSettledRowsAtRest(t *testing.T) {
	b := NewBook(1, 2)
	r := b.Row(7)
	r.Given, r.Emitted, r.Untracked = 3, 3, 3
	r.Close()
	r.Told(1, View{})
	r.Saved(true)
	b.Row(100).Told(1+hour, View{})
	b.Forget(8)
	require.Nil(t, b.Find(7))
	require.NotNil(t, b.Find(100))
}

func TestForgetBoundsTheRows(t *testing.T) {
	b := NewBook(1, 2)
	for m := range timeline.Minute(maxRows + 1) {
		r := b.Row(100 + m)
		r.Close()
		r.Told(1, View{})
		r.Saved(true)
	}
	b.Find(100).Given++ // its posting is still to come
	b.Forget(0)
	require.LessOrEqual(t, len(b.rows), maxRows)
	require.NotNil(t, b.Find(100))
	require.Nil(t, b.Find(101))
}

func TestAChangedViewIsAChange(t *testing.T) {
	r := NewBook(1, 2).Row(7)
	v := View{Connections: 1, Covered: 60_000, State: Whole}
	r.Told(1, v)
	require.False(t, r.Changed(v))
	v.Connections++
	require.True(t, r.Changed(v))
	r.Told(2, v)
	require.Equal(t, v, r.LastView())
	require.False(t, r.Changed(v))
	r.PostDuplicate(Redundant, 1)
	require.True(t, r.Changed(v))
}
