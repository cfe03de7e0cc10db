//go:build unix

package spool

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// appendingIn is the environment variable that makes the test binary append to the spool of that directory until it is
// killed, and print what it did.
const appendingIn = "SPOOL_TEST_APPEND"

func TestMain(m *testing.M) {
	if dir := os.Getenv(appendingIn); dir != "" {
		appendForEver(dir)
	}
	os.Exit(m.Run())
}

func appendForEver(dir string) {
	s, c, err := Open(dir, plenty)
	if err != nil || len(c.Notes)+len(c.Lost) > 0 {
		fmt.Println("failed", err, c)
		return
	}
	m := newMaker(uint64(os.Getpid()))
	for i := 0; ; i++ {
		id, err := s.Append(m.entry(1+i%100, 540))
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("+", id)
		if i%3 != 0 {
			continue
		}
		fmt.Println("?", id) // being removed: it may be there or not
		if err := s.Remove(id); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("-", id)
	}
}

// TestKill kills a process that appends, several times; what it said that it had done is done.
func TestKill(t *testing.T) {
	dir := scratch(t)
	rng := rand.New(rand.NewPCG(1, 1))
	state := make(map[int64]string)
	for range 5 {
		runAndKill(t, dir, 50+rng.IntN(300), state)
		s, c := requireSound(t, dir)
		there := make(map[int64]bool)
		for _, e := range c.Entries {
			there[e.ID] = true
			_, err := s.Read(e.ID)
			require.NoError(t, err)
		}
		for id, was := range state {
			require.True(t, was == "?" || there[id] == (was == "+"), "%s %d", was, id)
		}
		require.NoError(t, s.Close())
	}
}

// runAndKill lets a process print so many lines, and kills it.
func runAndKill(t *testing.T, dir string, lines int, state map[int64]string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), appendingIn+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		mark, number, _ := strings.Cut(said.Text(), " ")
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil && n > lines {
			break // cut by the kill
		}
		require.NoError(t, err, said.Text())
		if mark == "+" {
			require.NotContains(t, state, id)
		}
		state[id] = mark
		if n == lines {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
}
