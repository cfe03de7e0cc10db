package archive

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func joined(lines ...string) (got []string) {
	var j Joiner
	for _, l := range lines {
		if whole := j.Add([]byte(l + "\n")); whole != nil {
			got = append(got, string(whole))
		}
	}
	if rest := j.Rest(); rest != nil {
		got = append(got, string(rest))
	}
	return got
}

func TestJoiner(t *testing.T) {
	const series = `decahose_tweet,lang=a\ b,stream_label=x `
	for name, test := range map[string]struct{ lines, want []string }{
		"nothing":         {nil, nil},
		"one":             {[]string{series + `id=1i 5`}, []string{series + `id=1i 5`}},
		"parts":           {[]string{series + `id=1i 5`, series + "text=\"a b,c=1 7\n\" 5", series + `n=2i,o=t 5`}, []string{series + "id=1i,text=\"a b,c=1 7\n\",n=2i,o=t 5"}},
		"copies":          {[]string{series + `id=1i 5`, series + `id=1i 5`}, []string{series + `id=1i 5`, series + `id=1i 5`}},
		"another time":    {[]string{series + `id=1i 5`, series + `n=1i 6`}, []string{series + `id=1i 5`, series + `n=1i 6`}},
		"another series":  {[]string{series + `id=1i 5`, `decahose_tweet n=1i 5`}, []string{series + `id=1i 5`, `decahose_tweet n=1i 5`}},
		"no time":         {[]string{series + `id=1i`, series + `n=1i`}, []string{series + `id=1i`, series + `n=1i`}},
		"two after parts": {[]string{series + `id=1i 5`, series + `n=1i 5`, series + `id=2i 9`}, []string{series + `id=1i,n=1i 5`, series + `id=2i 9`}},
		"no line":         {[]string{`x`, ``, series + `id=1i 5`}, []string{`x`, series + `id=1i 5`}},
	} {
		require.Equal(t, test.want, joined(test.lines...), name)
	}
}

func FuzzJoiner(f *testing.F) {
	f.Add("a,b=c d=1 2", "a,b=c e=\"x 2\" 2")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := joined(a, b)
		total := 0
		for _, l := range got {
			total += len(l)
		}
		require.LessOrEqual(t, total, len(a)+len(b)+1)
	})
}

// A line that is no part of the one before costs no parse and no memory.
func TestJoinerDoesNotAllocate(t *testing.T) {
	var j Joiner
	lines := [][]byte{[]byte("decahose_tweet,stream_label=x id=1i,text=\"some\" 5\n"), []byte("decahose_tweet,stream_label=x id=2i,text=\"other\" 6\n")}
	for range 4 {
		j.Add(lines[0])
		j.Add(lines[1])
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { j.Add(lines[0]); j.Add(lines[1]) }))
}
