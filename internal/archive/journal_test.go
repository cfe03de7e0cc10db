package archive

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// blocksOf are the payloads that can be read.
func blocksOf(b []byte) (payloads []string, skipped, torn int) {
	skipped, torn = readBlocks(b, func(_ byte, payload []byte) { payloads = append(payloads, string(payload)) })
	return payloads, skipped, torn
}

func TestBlocks(t *testing.T) {
	var b []byte
	var ends []int
	for _, text := range []string{"one", "two DHaj", "three"} {
		b = appendBlock(b, kindLines, []byte(text))
		ends = append(ends, len(b))
	}
	got, skipped, torn := blocksOf(b)
	require.Equal(t, []string{"one", "two DHaj", "three"}, got)
	require.Zero(t, skipped+torn)
	for cut := ends[1]; cut < ends[2]; cut++ {
		got, skipped, torn = blocksOf(b[:cut])
		require.Equal(t, []string{"one", "two DHaj"}, got)
		require.Zero(t, skipped)
		require.Equal(t, cut-ends[1], torn)
	}
	for at := ends[0]; at < ends[1]; at++ {
		b[at] ^= 4
		got, skipped, torn = blocksOf(b)
		require.Equal(t, []string{"one", "three"}, got, at)
		require.Equal(t, ends[1]-ends[0], skipped)
		require.Zero(t, torn)
		b[at] ^= 4
	}
}

func TestKeys(t *testing.T) {
	k := []key{{"a b", 17}, {"", -3}, {"x", 0}}
	var payload []byte
	for _, one := range k {
		payload = one.append(payload)
	}
	require.Equal(t, k, parseKeys(payload))
}

// TestDamagedJournal tells what it could not read, and takes up the rest.
func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 10)
	write(t, w, noon, 10, 20)
	write(t, w, noon, 20, 30)
	require.NoError(t, w.Close())
	path := filepath.Join(Spool(dir), journalName(1))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[len(b)/2] ^= 1
	require.NoError(t, os.WriteFile(path, append(b, "torn"...), fileMode))
	w = newWriter(t, dir)
	require.Len(t, w.Notes(), 2)
	require.Contains(t, w.Notes()[0], "is damaged: ")
	require.Contains(t, w.Notes()[1], "ends with 4 bytes")
	finish(t, w)
	got, err := held(t, open(t, dir), noon)
	require.NoError(t, err)
	require.Len(t, got, 20)
}

// TestSealedIsNotTakenUp: what is in a segment does not come from the journal a second time, though another minute of the
// same file does.
func TestSealedIsNotTakenUp(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	write(t, w, noon, 0, 10)
	w.open[key{"prod", noon}].since = clock.Add(-w.o.Interval)
	write(t, w, noon+1, 0, 10)
	require.NoError(t, w.Seal(clock))
	write(t, w, noon, 10, 15) // late
	require.NoError(t, w.Close())
	w = newWriter(t, dir)
	require.Len(t, w.open[key{"prod", noon}].lines, 5)
	require.Len(t, w.open[key{"prod", noon + 1}].lines, 10)
	finish(t, w)
	requireHeld(t, open(t, dir), noon, 15)
	requireHeld(t, open(t, dir), noon+1, 10)
	files, err := journalFiles(Spool(dir))
	require.NoError(t, err)
	require.Empty(t, files)
}

// FuzzJournal: whatever a file of the journal holds, it is read without a panic, and every byte is accounted for.
func FuzzJournal(f *testing.F) {
	f.Add(appendBlock(appendBlock(nil, kindLines, []byte("decahose_tweet,stream_label=p id=5i 5\n")), kindSealed, []byte("5 p\n")))
	f.Fuzz(func(t *testing.T, b []byte) {
		sound := 0
		skipped, torn := readBlocks(b, func(_ byte, payload []byte) {
			sound += blockHead + len(payload)
			parseKeys(payload)
		})
		require.Equal(t, len(b), sound+skipped+torn)
	})
}
