package loopback

import (
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// One rule says where credentials may go in clear. Names that a resolver decides on, and numbers that only some resolvers
// read as an address, are not of this host.
func TestCarries(t *testing.T) {
	for address, carried := range map[string]bool{
		"https://example.org": true, "http://localhost": true, "http://LocalHost:1/x": true, "http://127.0.0.1": true, "http://127.9.9.9:1": true,
		"http://[::1]": true, "http://[::ffff:127.0.0.1]": true,
		"http://example.org": false, "http://10.0.0.1": false, "http://127.1": false, "http://2130706433": false, "http://0": false, "http://0.0.0.0": false,
		"http://localhost.": false, "http://localhost.example": false, "http://[::ffff:10.0.0.1]": false, "http://[::1%25lo]": false, "http://": false,
		"ftp://127.0.0.1": false, "127.0.0.1": false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, carried, Carries(u), address)
	}
}

// pair is a connection within this process.
func pair(t *testing.T, network, address string) (client, server net.Conn) {
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial(network, l.Addr().String())
	require.NoError(t, err)
	if Told() {
		require.ErrorIs(t, check(client, nil), ErrUnseen, "before it is accepted")
	}
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestOwnConnections(t *testing.T) {
	for _, c := range [][2]string{{"tcp4", "127.0.0.1:0"}, {"tcp", ":0"}, {"tcp6", "[::1]:0"}} {
		client, server := pair(t, c[0], c[1])
		require.NoError(t, Server(client))
		require.NoError(t, Client(server))
		client.Close()
		if Told() {
			require.Error(t, Client(server), "a process that closed its end is not known any more")
		}
	}
	a, _ := net.Pipe()
	require.NoError(t, Server(a), "it is of no network")
}
