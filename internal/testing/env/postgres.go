//go:build unix

package env

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ErrNoPostgres says that this machine has no PostgreSQL to start.
var ErrNoPostgres = errors.New("no PostgreSQL is installed here")

// Postgres is a PostgreSQL server on loopback with a directory of its own.
type Postgres struct {
	bin, dir, port string
	credential     *syscall.Credential // nil: ours
}

// StartPostgres makes a database and starts its server. It does not run as root: there the user postgres runs it.
func StartPostgres(ctx context.Context) (*Postgres, error) {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(all) == 0 {
		return nil, ErrNoPostgres
	}
	p := &Postgres{bin: slices.Max(all)}
	if err := p.settle(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	_, err := p.run(ctx, "initdb", "--no-sync", "--auth=trust", "--username=decahose", "--encoding=UTF8", "--locale=C", "-D", p.dir)
	if err == nil {
		err = p.Start(ctx)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

// settle finds a directory, a user and a port.
func (p *Postgres) settle() error {
	address, err := FreeAddress()
	if err != nil {
		return err
	}
	_, p.port, _ = net.SplitHostPort(address)
	if p.dir, err = os.MkdirTemp("", "decahose-postgres-"); err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return errors.Join(ErrNoPostgres, err, os.RemoveAll(p.dir))
	}
	uid, _ := strconv.ParseUint(owner.Uid, 10, 32)
	gid, _ := strconv.ParseUint(owner.Gid, 10, 32)
	p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(p.dir, int(uid), int(gid))
}

// Start starts the server, and returns when it answers.
func (p *Postgres) Start(ctx context.Context) error {
	_, err := p.run(ctx, "pg_ctl", "-D", p.dir, "-w", "-l", filepath.Join(p.dir, "log"), "-o",
		"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -p "+p.port, "start")
	return err
}

// Stop ends all connections, and the server.
func (p *Postgres) Stop(ctx context.Context) error {
	_, err := p.run(ctx, "pg_ctl", "-D", p.dir, "-w", "-m", "fast", "stop")
	return err
}

// Close leaves nothing behind. It may be called at any time.
func (p *Postgres) Close() {
	_, _ = p.run(context.Background(), "pg_ctl", "-D", p.dir, "-w", "-m", "immediate", "stop")
	_ = os.RemoveAll(p.dir)
}

// Address is the server's as an URL.
func (p *Postgres) Address() string {
	return "postgres://decahose@127.0.0.1:" + p.port + "/postgres?sslmode=disable"
}

// Query returns the rows that SQL brings, as text.
func (p *Postgres) Query(ctx context.Context, sql string) ([][]string, error) {
	out, err := p.run(ctx, "psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, p.Address())
	if err != nil {
		return nil, err
	}
	return csv.NewReader(strings.NewReader(out)).ReadAll()
}

// run returns what a program of PostgreSQL's wrote to stdout. What it starts must not hold on to our pipe.
func (p *Postgres) run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: p.credential}
	var complaint, out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if program == "pg_ctl" {
		cmd.Stdout, cmd.Stderr = nil, nil
	}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

// onceOutput is what docs/delivery.md recommends for PostgreSQL. The server meets copies of a Tweet: what was not
// acknowledged is sent again. A UNIQUE index would be an error of the whole batch, which outputs.postgresql drops, and
// reports as written. Here a trigger skips what is known; its table of ids makes that sound for several writers.
// So would a NUL be in a text, which PostgreSQL cannot hold: WithoutNUL.
const onceOutput = `[[outputs.postgresql]]
  connection = %q
  namepass = ["decahose_tweet"]
  create_templates = [
    '''CREATE TABLE {{ .table }} ({{ .columns }})''',
    '''CREATE TABLE IF NOT EXISTS {{ .table.WithSuffix "_id" }} (id bigint PRIMARY KEY)''',
    '''CREATE OR REPLACE FUNCTION {{ .table.WithSuffix "_once" }}() RETURNS trigger LANGUAGE plpgsql AS '
      begin
        insert into {{ .table.WithSuffix "_id" }} values (new.id) on conflict do nothing;
        if found then return new; end if;
        return null;
      end' ''',
    '''CREATE TRIGGER once BEFORE INSERT ON {{ .table }} FOR EACH ROW EXECUTE FUNCTION {{ .table.WithSuffix "_once" }}()''',
    '''CREATE OR REPLACE FUNCTION {{ .table.WithSuffix "_forget" }}() RETURNS trigger LANGUAGE plpgsql AS '
      begin
        delete from {{ .table.WithSuffix "_id" }} where id = old.id;
        return null;
      end' ''',
    '''CREATE TRIGGER forget AFTER DELETE ON {{ .table }} FOR EACH ROW EXECUTE FUNCTION {{ .table.WithSuffix "_forget" }}()''',
    '''CREATE INDEX ON {{ .table }} ("time")''',
  ]
`

// WithoutNUL is the option of the plugin that a server of this kind needs.
const WithoutNUL = `nul = "space"`

// Output is the section of telegraf.conf that stores Tweets in this server, each once.
func (p *Postgres) Output() string { return fmt.Sprintf(onceOutput, p.Address()) }
