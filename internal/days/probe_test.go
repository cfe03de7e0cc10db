package days

import (
	"fmt"
	"testing"
	"sync"
)

func TestProbe(t *testing.T) {
	var wg sync.WaitGroup
	for _, w := range []Weather{Calm, Rough} {
		wg.Go(func() {
		q := Listen(w, warm, 2000, 2)
		fmt.Println(w.Name, q)
		q = Quiet{}
		for i := range 40 { q.Add(Listen(w, 0, 28, uint64(100+i))) }
		fmt.Println("new", w.Name, q)
		for _, s := range []float64{.05,.1,.2} {
		d := Lose(w, Loss{Everything, s}, 100, 7)
		fmt.Println(d.Noticed(), d.Quantile(.5), d.Quantile(.95), d.Misled)
		}
		})
	}
	wg.Wait()
}
