package sqlfile

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// killed is a file whose log holds all of its commits, the last of which are small, as a kill leaves it.
func killed(t *testing.T, to ...Migration) (path string, rows int) {
	t.Helper()
	live := filepath.Join(scratch(t), "live.db")
	db := opened(t, live, to...)
	put(t, db, someThings(20, 1, 1)...)
	for i := range int64(5) {
		put(t, db, someThings(1, 100+i, 1)...)
	}
	return copied(t, live), 25
}

func inspected(t *testing.T, path string) Inspected {
	t.Helper()
	found, err := Inspect(path, thingsApplication)
	require.NoError(t, err)
	return found
}

// asSQLiteSees is the version, and how many things there are, to SQLite.
func asSQLiteSees(t *testing.T, path string) (version, rows int) {
	t.Helper()
	db, err := Open(path, Writing())
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow("PRAGMA user_version").Scan(&version))
	if version > 0 {
		require.NoError(t, db.QueryRow("SELECT count(*) FROM things").Scan(&rows))
	}
	return version, rows
}

func TestInspect(t *testing.T) {
	none := filepath.Join(scratch(t), "none.db")
	require.Equal(t, Inspected{}, inspected(t, none))
	require.NoError(t, os.WriteFile(none, []byte("SQLite format 3"), 0o600))
	require.NoError(t, os.WriteFile(none+LogSuffix, make([]byte, logHeaderLen-1), 0o600))
	require.Equal(t, Inspected{}, inspected(t, none), "too short to be told")

	path, _ := killed(t)
	require.Equal(t, Inspected{Version: 1}, inspected(t, path))
	closed := closedWith(t, nil)
	require.NoFileExists(t, closed+LogSuffix)
	require.Equal(t, Inspected{Version: 1}, inspected(t, closed))
	found, err := Inspect(closed, thingsApplication+1<<16)
	require.NoError(t, err)
	require.Zero(t, found.Version, "another application's")

	dir := scratch(t)
	_, err = Inspect(dir, thingsApplication)
	require.Error(t, err, "a directory cannot be read")
}

// TestALogOfANewerVersion: the file itself may still say the older one.
func TestALogOfANewerVersion(t *testing.T) {
	live := closedWith(t, someThings(5, 1, 1))
	db, err := Open(live, Writing())
	require.NoError(t, err)
	require.NoError(t, Migrate(db, thingsApplication, []Migration{thingsFirst, thingsSecond}))
	left := copied(t, live)
	require.NoError(t, db.Close())
	head, err := os.ReadFile(left)
	require.NoError(t, err)
	require.Equal(t, 1, Version(head, thingsApplication))
	before, err := os.ReadFile(left + LogSuffix)
	require.NoError(t, err)
	require.Equal(t, Inspected{Version: 2}, inspected(t, left))
	after, err := os.ReadFile(left + LogSuffix)
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing was touched")
	require.NoFileExists(t, left+IndexSuffix)
	require.Equal(t, Inspected{Version: 2}, inspected(t, live), "closed: the file says it")
}

// TestATruncatedLogIsACrash: whatever its length, it is told as SQLite sees it, and nothing is torn.
func TestATruncatedLogIsACrash(t *testing.T) {
	path, _ := killed(t)
	info, err := os.Stat(path + LogSuffix)
	require.NoError(t, err)
	for size := int64(0); size <= info.Size(); size += 97 {
		one := copied(t, path)
		require.NoError(t, os.Truncate(one+LogSuffix, size))
		found := inspected(t, one)
		version, _ := asSQLiteSees(t, one)
		require.Equal(t, Inspected{Version: version}, found, size)
	}
}

// TestAFlippedBitInALog: SQLite is the judge of which commits are lost; that some are is told, but for the last one: a loss of
// power may leave it so before anybody was told that it is stored.
func TestAFlippedBitInALog(t *testing.T) {
	path, rows := killed(t)
	log, err := os.ReadFile(path + LogSuffix)
	require.NoError(t, err)
	last := lastTransaction(t, log)
	before := last - frameHeaderLen - testPageSize // the last commit that can be told
	told, step := 0, 1
	for at := 0; at < len(log); at += step {
		if step = 131; at < logHeaderLen+2*frameHeaderLen || at >= before-131 && at < before+frameHeaderLen {
			step = 1
		}
		one := copied(t, path)
		log[at] ^= 1 << (at % 8)
		require.NoError(t, os.WriteFile(one+LogSuffix, log, 0o600))
		log[at] ^= 1 << (at % 8)
		found := inspected(t, one)
		version, seen := asSQLiteSees(t, one)
		require.Equal(t, version, found.Version, at)
		require.Equal(t, seen < rows && at < last, found.Torn, "byte %d: SQLite sees %d of %d", at, seen, rows)
		if found.Torn {
			told++
		}
	}
	require.Greater(t, told, 50)
}

// lastTransaction is where the frames of the last transaction of a log begin.
func lastTransaction(t *testing.T, log []byte) (at int) {
	t.Helper()
	frame := frameHeaderLen + testPageSize
	at = len(log) - frame
	require.True(t, commits(log[at:]))
	for ; !commits(log[at-frame:]); at -= frame {
		require.Greater(t, at, logHeaderLen+frame)
	}
	return at
}

// used is a log that was begun anew over an earlier use of it, as it is before and after one more transaction of several frames.
func used(t *testing.T) (path string, before, after []byte) {
	t.Helper()
	live := filepath.Join(scratch(t), "live.db")
	db := opened(t, live)
	put(t, db, someThings(200, 1, 1)...)
	var busy, frames, moved int
	require.NoError(t, db.QueryRow("PRAGMA wal_checkpoint(RESTART)").Scan(&busy, &frames, &moved))
	put(t, db, someThings(1, 1000, 1)...)
	path = copied(t, live)
	before = read(t, path+LogSuffix)
	put(t, db, someThings(40, 2000, 1)...)
	after = read(t, live+LogSuffix)
	require.Len(t, after, len(before), "it was long enough")
	return path, before, after
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// requireWhole wants a log that leads to so many things to SQLite, and of which nothing is torn.
func requireWhole(t *testing.T, path string, log []byte, rows int, what string) {
	t.Helper()
	one := copied(t, path)
	require.NoError(t, os.WriteFile(one+LogSuffix, log, 0o600))
	require.Equal(t, Inspected{Version: 1}, inspected(t, one), what)
	_, seen := asSQLiteSees(t, one)
	require.Equal(t, rows, seen, what)
}

// changed are the first and the last frame in which two logs differ, and how many there are from the one to the other.
func changed(t *testing.T, a, b []byte) (first, frames int) {
	t.Helper()
	const frame = frameHeaderLen + testPageSize
	end := 0
	for at := logHeaderLen; at < len(a); at += frame {
		if string(a[at:at+frame]) == string(b[at:at+frame]) {
			continue
		}
		if end == 0 {
			first = at
		}
		end = at + frame
	}
	require.True(t, commits(b[end-frame:]))
	return first, (end - first) / frame
}

// TestAKillWhileALogIsWritten: SQLite writes the header of a frame, and then its page, over what the file held before. A
// kill between the two leaves a commit that nobody was told of, and no damage.
func TestAKillWhileALogIsWritten(t *testing.T) {
	path, before, after := used(t)
	first, frames := changed(t, before, after)
	require.Greater(t, frames, 2)
	end := first + frames*(frameHeaderLen+testPageSize)
	for at := first; at < end; at++ {
		if in := (at - first) % (frameHeaderLen + testPageSize); in > frameHeaderLen+1 && in < frameHeaderLen+testPageSize-1 && in%131 != 0 {
			continue
		}
		log := slices.Concat(after[:at], before[at:])
		if string(log) == string(after) {
			break // what it would write is there
		}
		requireWhole(t, path, log, 201, fmt.Sprint(at-first, " bytes written"))
	}
	requireWhole(t, path, after, 241, "all is written")
}

// TestALossOfPowerWhileALogIsWritten: what is not synced reaches the disk in any order, and any part of it may not.
func TestALossOfPowerWhileALogIsWritten(t *testing.T) {
	path, before, after := used(t)
	first, frames := changed(t, before, after)
	for missing := 1; missing < 1<<min(frames, 6); missing++ {
		log := slices.Clone(after)
		for i := range frames {
			if missing>>(i%6)&1 == 0 {
				continue
			}
			at := first + i*(frameHeaderLen+testPageSize)
			copy(log[at:at+frameHeaderLen+testPageSize], before[at:])
		}
		requireWhole(t, path, log, 201, fmt.Sprintf("%b", missing))
	}
}

// TestAKillAfterAKill: what the first one left, the log goes on over, with the same salt. It is part of nothing.
func TestAKillAfterAKill(t *testing.T) {
	path, before, after := used(t)
	first, frames := changed(t, before, after)
	end := first + frames*(frameHeaderLen+testPageSize)
	log := slices.Clone(after)
	copy(log[end-testPageSize:], before[end-testPageSize:end]) // of the last frame the header only
	copy(log[first+frameHeaderLen:], before[first+frameHeaderLen:first+frameHeaderLen+testPageSize])
	require.NoError(t, os.WriteFile(path+LogSuffix, log, 0o600))
	db, err := Open(path, Writing())
	require.NoError(t, err)
	put(t, db, someThings(1, 5000, 1)...)
	again := copied(t, path)
	require.NoError(t, db.Close())
	now := read(t, again+LogSuffix)
	require.Equal(t, string(before[:first]), string(now[:first]), "it goes on in the same use of the file")
	require.NotEqual(t, string(log[first:end]), string(now[first:end]))
	require.True(t, commits(now[end-frameHeaderLen-testPageSize:]), "a commit of the first is there yet")
	requireWhole(t, again, now, 202, "goes on")
	_, begun := changed(t, log[:end], now[:end])
	require.Less(t, begun, frames)
	at := first + (begun-1)*(frameHeaderLen+testPageSize) + frameHeaderLen
	copy(now[at:], log[at:at+testPageSize]) // of its last frame the header only, too
	requireWhole(t, again, now, 201, "killed once more")
}

// TestALogThatBeganAnew: what is left in the file of its earlier use is no commit that was lost.
func TestALogThatBeganAnew(t *testing.T) {
	live := filepath.Join(scratch(t), "live.db")
	db := opened(t, live)
	put(t, db, someThings(200, 1, 1)...)
	var busy, frames, moved int
	require.NoError(t, db.QueryRow("PRAGMA wal_checkpoint(RESTART)").Scan(&busy, &frames, &moved))
	require.Greater(t, moved, 20)
	put(t, db, someThings(1, 1000, 1)...)
	left := copied(t, live)
	info, err := os.Stat(left + LogSuffix)
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(20*testPageSize), "it was not cut")
	require.Equal(t, Inspected{Version: 1}, inspected(t, left))
	_, rows := asSQLiteSees(t, left)
	require.Equal(t, 201, rows)
}

// TestALogOfTheOtherByteOrder: machines differ in that of the checksums; files move between them.
func TestALogOfTheOtherByteOrder(t *testing.T) {
	path, rows := killed(t, thingsSecond)
	change(t, path+LogSuffix, func(b []byte) {
		require.Equal(t, byte(0), b[3]&1, "this machine's is little")
		b[3] |= 1
		sum := log{order: binary.BigEndian}
		put := func(b []byte) {
			binary.BigEndian.PutUint32(b, sum.s0)
			binary.BigEndian.PutUint32(b[4:], sum.s1)
		}
		sum.sum(b[:logChecksumAt])
		put(b[logChecksumAt:])
		for b := b[logHeaderLen:]; len(b) > 0; b = b[frameHeaderLen+testPageSize:] {
			sum.sum(b[:frameSaltAt])
			sum.sum(b[frameHeaderLen : frameHeaderLen+testPageSize])
			put(b[frameSumAt:])
		}
	})
	require.Equal(t, Inspected{Version: 2}, inspected(t, path))
	version, seen := asSQLiteSees(t, path)
	require.Equal(t, []int{2, rows}, []int{version, seen}, "SQLite agrees")
}

func TestBorrowFirstPage(t *testing.T) {
	all := someThings(300, 1, 1)
	path := closedWith(t, all)
	fresh := closedWith(t, nil)
	for at := 0; at < testPageSize; at += 1 + at/HeaderLen*12 {
		one := copied(t, path)
		change(t, one, func(b []byte) { b[at] ^= 1 << (at % 8) })
		require.NoError(t, BorrowFirstPage(one, fresh, testPageSize))
		found := rescued(t, one, all, noKeys, fmt.Sprint("byte ", at))
		require.NoError(t, found.Broken, at)
		require.Equal(t, all, found.Records, at)
		require.Equal(t, Inspected{Version: 1}, inspected(t, one), at)
	}
	require.NoError(t, os.Truncate(fresh, testPageSize-1))
	require.Error(t, BorrowFirstPage(path, fresh, testPageSize))
	require.Error(t, BorrowFirstPage(path+"none", path, testPageSize))
	require.Equal(t, all, rescued(t, path, all, noKeys, "as it was").Records)
}
