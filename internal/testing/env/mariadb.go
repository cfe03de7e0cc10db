//go:build unix

package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoMariaDB says that this machine has no MariaDB to start.
var ErrNoMariaDB = errors.New("no MariaDB is installed here")

// MariaDB is a MariaDB server on loopback with a directory of its own.
type MariaDB struct {
	server, dir, port string
	process           *Process
}

// StartMariaDB makes a database and starts its server.
func StartMariaDB(ctx context.Context) (*MariaDB, error) {
	server, err := exec.LookPath("mariadbd")
	if err != nil {
		if server, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return nil, ErrNoMariaDB
		}
	}
	m := &MariaDB{server: server}
	address, err := FreeAddress()
	if err == nil {
		_, m.port, _ = net.SplitHostPort(address)
		m.dir, err = os.MkdirTemp("", "decahose-mariadb-")
	}
	if err == nil {
		err = m.install(ctx)
	}
	if err == nil {
		err = m.Start(ctx)
	}
	if err == nil {
		_, err = m.Query(ctx, "CREATE DATABASE decahose")
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("start MariaDB: %w", err)
	}
	return m, nil
}

// install makes the system's tables. They let the user of this process in by its name, without a password.
func (m *MariaDB) install(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+m.path("data"), "--auth-root-authentication-method=normal",
		"--user="+userName(), "--skip-test-db")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}

func (m *MariaDB) path(name string) string { return filepath.Join(m.dir, name) }

// Start starts the server, and returns when it answers.
func (m *MariaDB) Start(ctx context.Context) (err error) {
	m.process, err = Start([]string{m.server, "--no-defaults", "--datadir=" + m.path("data"), "--socket=" + m.path("socket"),
		"--pid-file=" + m.path("pid"), "--bind-address=127.0.0.1", "--port=" + m.port, "--user=" + userName(),
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin", "--innodb-flush-log-at-trx-commit=0"}, nil, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if !Until(ctx, func() bool { _, err := m.Query(ctx, "SELECT 1"); return err == nil }) {
		return fmt.Errorf("no answer from mariadbd: %s", m.process.Log.Text())
	}
	return nil
}

// Stop ends the server.
func (m *MariaDB) Stop(ctx context.Context) error {
	_, err := m.process.Stop(ctx)
	return err
}

// Close leaves nothing behind. It may be called at any time.
func (m *MariaDB) Close() {
	if m.process != nil {
		m.process.Kill()
	}
	_ = os.RemoveAll(m.dir)
}

// DSN is the server's, as Go's driver wants it.
func (m *MariaDB) DSN() string { return "root@tcp(127.0.0.1:" + m.port + ")/decahose" }

// Query returns the lines that SQL brings.
func (m *MariaDB) Query(ctx context.Context, sql string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port="+m.port, "--user=root",
		"--batch", "--skip-column-names", "-e", sql)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mariadb: %w", err)
	}
	return strings.Fields(string(out)), nil
}
