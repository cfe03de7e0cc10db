package sqlfile

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// rescued is what Rescue finds in a file, which must be rows that were put there, in order and each once.
func rescued(t *testing.T, path string, all []thing, likely Keys, what string) Found[thing] {
	t.Helper()
	db, err := Open(path, Salvaging)
	if err != nil {
		require.True(t, Proves(err), "%s: %v", what, err)
		return Found[thing]{Broken: err}
	}
	defer db.Close()
	found, err := things.Rescue(db, likely)
	require.NoError(t, err, what)
	given := make(map[int64]thing, len(all))
	for _, r := range all {
		given[r.key] = r
	}
	last := int64(math.MinInt64)
	for _, r := range found.Records {
		require.Equal(t, given[r.key], r, what)
		require.Less(t, last, r.key, what)
		last = r.key
	}
	if found.Broken == nil && found.Bad == 0 && len(found.Records) < len(all) {
		complaints, err := Check(db, "quick_check", 1)
		require.True(t, Proves(err) || len(complaints) > 0, "%s: %d are missing, and nothing is told", what, len(all)-len(found.Records))
	}
	return found
}

func TestRescueOfWhatIsSound(t *testing.T) {
	all := someThings(500, -20, 3)
	found := rescued(t, closedWith(t, all), all, noKeys, "sound")
	require.NoError(t, found.Broken)
	require.Zero(t, found.Bad)
	require.Equal(t, all, found.Records)
	require.Empty(t, rescued(t, closedWith(t, nil), nil, All, "empty").Records)
}

// TestRescueLosesTheBrokenPagesOnly, wherever they are, and however far apart keys are.
func TestRescueLosesTheBrokenPagesOnly(t *testing.T) {
	for _, c := range []struct {
		name        string
		from, apart int64
		likely      Keys
	}{
		{"numbers", 1_000_000, 1, Keys{1, 1_001_500}},
		{"minutes", 7_000_000_000, 256, Keys{6_999_990_000, 7_001_000_000}},
		{"ids", 1 << 60, 1<<41 + 7, Keys{1 << 60, 1<<60 + 1<<53}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := someThings(1500, c.from, c.apart)
			path := closedWith(t, all)
			pages := leaves(t, path)
			n := len(pages)
			require.Greater(t, n, 100)
			for _, broken := range [][]int{
				{0}, {1}, {n / 2}, {n - 1}, {n - 2}, {0, n - 1}, {0, 1, 2, n - 3, n - 2, n - 1}, {10, 11, 12}, {10, 12, 14}, {0, n / 2}, {n / 2, n - 1},
				{0, n / 2, n - 1}, {5, n / 3, n / 2, n - 5}, {0, n / 4, n / 2, 3 * n / 4, n - 1},
			} {
				what := fmt.Sprint("pages ", broken)
				one := copied(t, path)
				var lost []int64
				for _, i := range broken {
					lost = append(lost, pages[i])
				}
				breakPages(t, one, lost...)
				found := rescued(t, one, all, c.likely, what)
				require.Error(t, found.Broken, what)
				require.ElementsMatch(t, rowsOnOthers(t, path, all, lost), found.Records, what)
			}
		})
	}
}

// rowsOnOthers are those of the things that are on none of the pages, as a whole file tells.
func rowsOnOthers(t *testing.T, path string, all []thing, broken []int64) (rest []thing) {
	t.Helper()
	page := make(map[int]int64, len(all)) // of each row
	pages := leaves(t, path)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	i := 0
	for _, p := range pages {
		cells := int(b[(p-1)*testPageSize+3])<<8 | int(b[(p-1)*testPageSize+4])
		for range cells {
			page[i] = p
			i++
		}
	}
	require.Len(t, all, i, "every row is on a page")
	for i, r := range all {
		if !slices.Contains(broken, page[i]) {
			rest = append(rest, r)
		}
	}
	return rest
}

// TestRescueWithoutAHint: where an end can be read it needs none.
func TestRescueWithoutAHint(t *testing.T) {
	all := someThings(1500, 5_000_000, 1)
	path := closedWith(t, all)
	pages := leaves(t, path)
	for _, broken := range [][]int64{{pages[3], pages[50]}, {pages[0], pages[50]}, {pages[50], pages[len(pages)-1]}} {
		one := copied(t, path)
		breakPages(t, one, broken...)
		found := rescued(t, one, all, All, "no hint")
		require.ElementsMatch(t, rowsOnOthers(t, path, all, broken), found.Records, broken)
	}
}

func TestRescueOfATruncatedFile(t *testing.T) {
	all := someThings(600, 1000, 1)
	path := closedWith(t, all)
	info, err := os.Stat(path)
	require.NoError(t, err)
	pages := info.Size() / testPageSize
	for page := int64(0); page < pages; page += 11 {
		for _, size := range []int64{page * testPageSize, page*testPageSize + 1 + page%(testPageSize-1)} {
			one := copied(t, path)
			require.NoError(t, os.Truncate(one, size))
			found := rescued(t, one, all, Keys{1, 2000}, fmt.Sprint("cut at ", size))
			require.Error(t, found.Broken, size)
			if page > pages*3/4 {
				require.Greater(t, len(found.Records), len(all)/2, size)
			}
		}
	}
}

func TestRescueOfFlippedBits(t *testing.T) {
	all := someThings(300, 1, 1)
	path := closedWith(t, all)
	info, err := os.Stat(path)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 250 {
		at := rng.Int64N(info.Size())
		switch i % 4 {
		case 0:
			at = at/testPageSize*testPageSize + rng.Int64N(12) // heads of pages
		case 1:
			at = at/testPageSize*testPageSize + 8 + rng.Int64N(40) // where cells are
		}
		one := copied(t, path)
		bit := byte(1) << rng.IntN(8)
		change(t, one, func(b []byte) { b[at] ^= bit })
		if version, err := Inspect(one, thingsApplication); err != nil || version.Version > len(thingsMigrations) {
			t.Fatalf("flip %d of byte %d makes version %d: %v", bit, at, version.Version, err)
		}
		found := rescued(t, one, all, Keys{1, 300}, fmt.Sprintf("flip %d of byte %d", bit, at))
		if at > 4*testPageSize { // beyond the first page and the roots
			require.Greater(t, len(found.Records), len(all)*3/4, at)
		}
	}
}

// TestBadRowsCountOnce, though ranges are read again.
func TestBadRowsCountOnce(t *testing.T) {
	all := someThings(900, 1, 1)
	path := closedWith(t, all)
	db, err := Open(path, Writing())
	require.NoError(t, err)
	_, err = db.Exec("UPDATE things SET n = n + 1 WHERE id % 10 = 0")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	pages := leaves(t, path)
	breakPages(t, path, pages[20], pages[40])
	db, err = Open(path, Salvaging)
	require.NoError(t, err)
	defer db.Close()
	found, err := things.Rescue(db, All)
	require.NoError(t, err)
	lost := 900 - len(found.Records) - found.Bad
	require.Greater(t, lost, 0)
	require.Less(t, lost, 40, "two pages")
	require.InDelta(t, 90, found.Bad, 5)
}

// counted fails from one query on.
type counted struct {
	Queryer
	n, failAt int
	err       error
}

func (c *counted) Query(query string, args ...any) (*sql.Rows, error) {
	if c.n++; c.failAt > 0 && c.n >= c.failAt {
		return nil, c.err
	}
	return c.Queryer.Query(query, args...)
}

// TestAMachineThatFailsGivesNothingUp: only what is proven wrong with the file may cost a row.
func TestAMachineThatFailsGivesNothingUp(t *testing.T) {
	all := someThings(900, 1, 1)
	path := closedWith(t, all)
	pages := leaves(t, path)
	breakPages(t, path, pages[20], pages[40])
	db, err := Open(path, Salvaging)
	require.NoError(t, err)
	defer db.Close()
	for failAt := 1; failAt < 12; failAt++ {
		c := &counted{Queryer: db, failAt: failAt, err: errors.New("out of memory")}
		found, err := things.Rescue(c, All)
		require.ErrorIs(t, err, c.err)
		require.Empty(t, found.Records, failAt)
		require.Equal(t, failAt, c.n, "it goes on after the machine failed")
	}
}

func TestRescueEnds(t *testing.T) {
	path := closedWith(t, someThings(900, 1, 1))
	var root int64
	db, err := Open(path, Reading)
	require.NoError(t, err)
	require.NoError(t, db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = 'things'").Scan(&root))
	require.NoError(t, db.Close())

	sparse := someThings(900, 1, 1<<50)
	apart := closedWith(t, sparse)
	pages := leaves(t, apart)
	breakPages(t, apart, pages[10], pages[20], pages[30], pages[40])
	breakPages(t, path, root)
	for path, most := range map[string]int{path: maxIdleQueries, apart: maxRescueQueries} {
		db, err := Open(path, Salvaging)
		require.NoError(t, err)
		c := &counted{Queryer: db}
		_, err = things.Rescue(c, Keys{1, math.MaxInt64})
		require.NoError(t, err)
		require.LessOrEqual(t, c.n, most+1, filepath.Base(path))
		require.NoError(t, db.Close())
	}
}
