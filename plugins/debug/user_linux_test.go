package debug

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const nobody = 65534

// TestMain is also the process of another user, which a test has started.
func TestMain(m *testing.M) {
	url := os.Getenv("DEBUG_STRANGER")
	if url == "" {
		os.Exit(m.Run())
	}
	resp, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	fmt.Print(resp.StatusCode)
}

// Other users of this host see nothing.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	l := begin(t)
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"DEBUG_STRANGER=http://" + l.address + "/debug/status"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}}
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "403", string(out))
}
