package audit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const canary = "TLScanary+pw"

// refuser speaks no TLS, asks for the password in clear, and keeps all it is sent.
type refuser struct {
	net.Listener
	mu  sync.Mutex
	got strings.Builder
}

func refuse(t *testing.T, talk func(*refuser, net.Conn)) *refuser {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &refuser{Listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(5 * time.Second))
				talk(r, c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return r
}

// read keeps what comes next, n bytes at most.
func (r *refuser) read(c net.Conn, n int) []byte {
	b := make([]byte, n)
	n, _ = c.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(b[:n])
	return b[:n]
}

func (r *refuser) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

// likePostgres refuses TLS as the protocol has it, and asks for the password in clear of whom goes on.
func likePostgres(r *refuser, c net.Conn) {
	for {
		b := r.read(c, 4096)
		if len(b) < 8 {
			return
		}
		if code := binary.BigEndian.Uint32(b[4:]); code == 80877103 || code == 80877104 {
			_, _ = io.WriteString(c, "N")
			continue
		}
		_, _ = c.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
		r.read(c, 4096)
		return
	}
}

// likeMySQL has no TLS among its capabilities, and asks for the password in clear.
func likeMySQL(r *refuser, c net.Conn) {
	const caps = 0x00080000 | 0x0200 | 0x8000 | 0x1 | 0x8
	p := "\x0a5.7.0\x00" + "\x01\x00\x00\x00" + "AAAAAAAA\x00" + string([]byte{caps & 0xff, caps >> 8 & 0xff, 0x21, 2, 0, caps >> 16 & 0xff, caps >> 24, 0x15}) +
		strings.Repeat("\x00", 10) + "BBBBBBBBBBBB\x00mysql_clear_password\x00"
	_, _ = c.Write(append([]byte{byte(len(p)), 0, 0, 0}, p...))
	r.read(c, 4096)
	r.read(c, 4096)
}

// TLS that is asked for is TLS or nothing: whoever refuses it is never told the password, whatever the DSN says.
func TestTLSOrNothing(t *testing.T) {
	files := []string{sqliteType, fileType}
	for _, kind := range Types() {
		if slices.Contains(files, kind) {
			continue // nothing travels
		}
		for _, extra := range map[string][]string{
			postgresql: {"", "sslmode=disable", "sslmode=allow", "sslmode=prefer", "sslmode=require"},
			mysqlType:  {"", "tls=false", "tls=preferred", "tls=skip-verify", "allowCleartextPasswords=true&tls=preferred", "allowFallbackToPlaintext=true"},
			influx1:    {""}, influx2: {""}, influx3: {""},
		}[kind] {
			t.Run(kind+" "+extra, func(t *testing.T) {
				talk := func(r *refuser, c net.Conn) { r.read(c, 4096) }
				switch kind {
				case postgresql:
					talk = likePostgres
				case mysqlType:
					talk = likeMySQL
				}
				r := refuse(t, talk)
				err := askOnce(kind, r.Addr().String(), extra)
				require.Error(t, err)
				require.NotContains(t, err.Error(), canary)
				require.NotContains(t, r.text(), canary)
				require.NotContains(t, r.text(), "auditor", "not even who asks")
			})
		}
	}
}

func askOnce(kind, address, extra string) error {
	c := Config{Type: kind, StreamLabel: "prod", TLS: &tls.Config{RootCAs: x509.NewCertPool()}, Timeout: 2 * time.Second,
		URL: "https://" + address, Username: "auditor", Password: canary, Token: canary, Database: "d", Organization: "o", Bucket: "b"}
	switch kind {
	case postgresql:
		c.DSN = "postgres://auditor:TLScanary%2Bpw@" + address + "/x?" + extra
	case mysqlType:
		c.DSN = "auditor:" + canary + "@tcp(" + address + ")/x?" + extra
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	s, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer s.Close()
	m := timeline.MinuteOf(time.Now().UnixMilli())
	_, err = s.Counts(ctx, m, m+1)
	return err
}

// Each host of a DSN is asked with TLS, under its own name.
func TestDemandTLS(t *testing.T) {
	c := Config{Type: postgresql, DSN: "host=a,b port=1,2 user=u password=p sslmode=prefer", TLS: &tls.Config{}}
	cfg, err := postgresConfig(&c)
	require.NoError(t, err)
	require.Equal(t, "a", cfg.TLSConfig.ServerName)
	require.Len(t, cfg.Fallbacks, 1)
	require.Equal(t, "b", cfg.Fallbacks[0].Host)
	require.Equal(t, "b", cfg.Fallbacks[0].TLSConfig.ServerName)
}
