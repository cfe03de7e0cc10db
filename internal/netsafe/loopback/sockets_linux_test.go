package loopback

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:23E2 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 30665 2 0000000029904761 100 0 0 10 0
   1: 00000000:23E2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 640 1 00000000c62ba843 100 0 0 10 0
   2: 0100007F:23E2 0100007F:8000 01 00000000:00000000 00:00000000 00000000 65534        0 31000 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:23E2 0100007F:8001 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
`

func TestParseSockets(t *testing.T) {
	all, err := parseSockets(strings.NewReader(table))
	require.NoError(t, err)
	require.Len(t, all, 4)
	at := netip.MustParseAddrPort("127.0.0.1:9186")
	require.Equal(t, socket{at, netip.MustParseAddrPort("0.0.0.0:0"), 1000, 30665}, all[0])
	found, ok := find(all, at, all[2].remote)
	require.True(t, ok)
	require.Equal(t, all[2], found)
	_, ok = find(all, at, all[3].remote)
	require.False(t, ok, "it waits to be accepted: user 0 is not root")
	require.EqualError(t, judge(all[2], at, nil), "127.0.0.1:9186 belongs to user 65534, who is neither this process's own nor root")
	require.NoError(t, judge(all[2], at, []int{65534}))
	require.NoError(t, judge(socket{user: os.Geteuid()}, at, nil))
	require.NoError(t, judge(socket{user: 0}, at, nil))
	for _, bad := range []string{"x", "0: 0100007F 0:0 0A 0:0 0:0 0 0 0 1", "0: 01:1 00000000:0 0A 0:0 0:0 0 0 0 1"} {
		_, err := parseSockets(strings.NewReader("heading\n" + bad + "\n"))
		require.ErrorIs(t, err, errSocket)
	}
}

// TestMain is also the process of another user, that a test has started.
func TestMain(m *testing.M) {
	switch address := os.Getenv("LOOPBACK_STRANGER"); {
	case address == "listen":
		strangeServer()
	case address != "":
		strangeClient(address)
	default:
		os.Exit(m.Run())
	}
}

// strangeServer says where it listens, and takes one connection when it is told to.
func strangeServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	_, _ = os.Stdin.Read(make([]byte, 1))
	c, _ := l.Accept()
	_, _ = io.ReadAll(os.Stdin)
	_ = c.Close()
}

func strangeClient(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	_, _ = io.ReadAll(os.Stdin)
	_ = c.Close()
}

// stranger starts this test as user nobody.
func stranger(t *testing.T, address string) (in io.WriteCloser, out *bufio.Reader) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"LOOPBACK_STRANGER=" + address}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}}
	in, err := c.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	return in, bufio.NewReader(stdout)
}

const nobody = 65534

func requireStranger(t *testing.T, err error) {
	t.Helper()
	s, ok := errors.AsType[*Stranger](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, nobody, s.User)
}

// Another user has the port.
func TestStrangeServer(t *testing.T) {
	in, out := stranger(t, "listen")
	address, err := out.ReadString('\n')
	require.NoError(t, err)
	c, err := net.Dial("tcp", strings.TrimSpace(address))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(in, "x")
	require.NoError(t, err)
	requireStranger(t, Server(c))
	require.NoError(t, Server(c, nobody), "it is trusted")
}

func TestStrangeClient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	stranger(t, l.Addr().String())
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	requireStranger(t, Client(c))
	require.NoError(t, Client(c, nobody))
}
