package loopback

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// sockets reads the kernel's tables of TCP (proc_net_tcp of its documentation). The error says that it does not show them.
func sockets() (all []socket, err error) {
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			if all != nil && errors.Is(err, os.ErrNotExist) {
				continue // without IPv6
			}
			return nil, err
		}
		found, err := parseSockets(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

var errSocket = errors.New("a line is not what the kernel's documentation says")

// parseSockets reads one table, of which the first line is a heading.
func parseSockets(r io.Reader) (all []socket, err error) {
	lines := bufio.NewScanner(r)
	lines.Scan()
	for lines.Scan() {
		s, err := parseSocket(strings.Fields(lines.Text()))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, lines.Err()
}

// parseSocket takes the columns: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
func parseSocket(columns []string) (s socket, err error) {
	if len(columns) < 10 {
		return s, errSocket
	}
	local, errLocal := parseAddress(columns[1])
	remote, errRemote := parseAddress(columns[2])
	user, errUser := strconv.ParseUint(columns[7], 10, 32)
	inode, errInode := strconv.ParseUint(columns[9], 10, 64)
	if errors.Join(errLocal, errRemote, errUser, errInode) != nil {
		return s, errSocket
	}
	return socket{local, remote, int(user), inode}, nil
}

// parseAddress reads 0100007F:0016: words of four bytes as this machine has them, and the port.
func parseAddress(text string) (a netip.AddrPort, err error) {
	words, port, ok := strings.Cut(text, ":")
	b, err := hex.DecodeString(words)
	if !ok || err != nil || len(b) != 4 && len(b) != 16 {
		return a, errSocket
	}
	for w := 0; w < len(b); w += 4 {
		binary.NativeEndian.PutUint32(b[w:], binary.BigEndian.Uint32(b[w:]))
	}
	ip, _ := netip.AddrFromSlice(b)
	n, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), err
}
