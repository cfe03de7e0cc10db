package decahose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOddCredentials(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "demo": "", "de mo": "", "\"": "", "it's": "",
		"demo\n": "ends with a line end", "demo\r": "ends with a line end", "demo ": "ends with a blank", "demo\u00a0": "ends with a blank",
		"\ufeffdemo": "begins with a byte order mark", "\tdemo": "begins with a blank", `"demo"`: "stands in quotes", "de\x00mo": "holds a control character",
	} {
		require.Equal(t, want, oddity(value), "%q", value)
	}
}

// What is odd about a credential is named at the start: where it comes from, never what it is.
func TestOddCredentialsAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pw")
	require.NoError(t, os.WriteFile(path, []byte("s3cret\n\n"), 0o600))
	t.Setenv("DECAHOSE_USERNAME", "someone\r")
	d := newDecahose()
	d.PasswordFile = path
	var n notes
	d.noteCredentials(&n)
	require.Len(t, n, 2)
	require.Contains(t, n[0].Text, "DECAHOSE_USERNAME ends with a line end")
	require.Contains(t, n[1].Text, path)
	for _, one := range n {
		require.False(t, strings.Contains(one.Text, "s3cret") || strings.Contains(one.Text, "someone"), one.Text)
	}
}

// The authority of tls_ca is the file's as it is now; one that cannot be read leaves the last.
func TestAuthorityIsRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	d := newDecahose()
	d.TLSCA = path
	d.Log = quiet{}
	d.keepFiles()
	var pools []any
	for _, content := range []string{authority(t), authority(t), "no certificate"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		first, err := d.tlsOptions().latest(d.files)
		require.NoError(t, err)
		again, err := d.tlsOptions().latest(d.files)
		require.NoError(t, err)
		require.Same(t, first, again, "made once while the file does not change")
		pools = append(pools, first)
	}
	require.NotSame(t, pools[0], pools[1])
	require.Same(t, pools[1], pools[2])
}

// authority is a new certificate in PEM.
func authority(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
