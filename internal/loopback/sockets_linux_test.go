package loopback

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:23E2 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 30665 2 0000000029904761 100 0 0 10 0
   1: 00000000:23E2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 640 1 00000000c62ba843 100 0 0 10 0
   2: 0100007F:23E2 0100007F:8000 01 00000000:00000000 00:00000000 00000000 65534        0 31000 1 0000000000000000 20 4 30 10 -1
`

func TestParseSockets(t *testing.T) {
	all, err := parseSockets(strings.NewReader(table))
	require.NoError(t, err)
	require.Len(t, all, 3)
	at := netip.MustParseAddrPort("127.0.0.1:9186")
	require.Equal(t, socket{at, netip.MustParseAddrPort("0.0.0.0:0"), true, 1000, 30665}, all[0])
	require.Equal(t, all[:1], listeners(all, at), "the closest one gets what is sent there")
	require.Equal(t, all[1:2], listeners(all, netip.MustParseAddrPort("127.0.0.2:9186")))
	require.Empty(t, listeners(all, netip.MustParseAddrPort("127.0.0.1:1")))
	require.EqualError(t, judge(all[2], at, nil), "127.0.0.1:9186 belongs to user 65534, who is neither this process's own nor root")
	require.NoError(t, judge(all[2], at, []int{65534}))
	require.NoError(t, judge(socket{user: os.Geteuid()}, at, nil))
	require.NoError(t, judge(socket{user: 0}, at, nil))
	for _, bad := range []string{"x", "0: 0100007F 0:0 0A 0:0 0:0 0 0 0 1", "0: 01:1 00000000:0 0A 0:0 0:0 0 0 0 1"} {
		_, err := parseSockets(strings.NewReader("heading\n" + bad + "\n"))
		require.ErrorIs(t, err, errSocket)
	}
}
