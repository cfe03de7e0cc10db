//go:build unix

package env

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CustomTags are the plugins of Telegraf's own that a custom agent has unless it is asked for others.
const CustomTags = "inputs.cloud_pubsub_push,inputs.execd,inputs.internal," +
	"outputs.discard,outputs.execd,outputs.file,outputs.http,outputs.influxdb,outputs.influxdb_v2,outputs.kafka," +
	"outputs.postgresql,outputs.socket_writer," +
	"processors.converter,processors.dedup,processors.filter,processors.override,processors.regex,processors.rename," +
	"processors.strings,processors.tag_limit,processors.template," +
	"parsers.influx,serializers.influx,serializers.json,secretstores.docker,secretstores.os,secretstores.systemd"

// ourModule is this project's, as go.mod says.
const ourModule = "github.com/decahose/telegraf-decahose"

// custom is an agent of Telegraf's own source with this project's plugins compiled in.
type custom struct {
	root string // of this project
	dir  string // holds the copy of the source, and the binary
	tags string
}

// Custom returns the path of a custom Telegraf with CustomTags, built from this project as it stands.
func Custom(ctx context.Context, say io.Writer) (string, error) {
	return CustomWith(ctx, CustomTags, say)
}

// CustomWith builds a Telegraf with those plugins of its own (build tags, commas between them) and all of this
// project's. The source is copied and made ready once; each call has the go command look for what changed since, which
// takes seconds. Callers in other processes wait. say hears that the first build begins.
func CustomWith(ctx context.Context, tags string, say io.Writer) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	tags = "custom," + strings.Trim(cmp.Or(tags, CustomTags), ",") + ",inputs.decahose"
	dir, err := cacheDir("telegraf-custom", root, TelegrafVersion, tags)
	if err != nil {
		return "", err
	}
	release, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer release()
	c := &custom{root: root, dir: dir, tags: tags}
	if !built(c.binary()) {
		fmt.Fprintf(say, "building Telegraf %s with our plugins, from source (a few minutes the first time)\n", TelegrafVersion)
	}
	if err := c.prepare(ctx); err != nil {
		return "", fmt.Errorf("prepare Telegraf's source: %w", err)
	}
	return c.binary(), c.build(ctx)
}

func (c *custom) binary() string { return filepath.Join(c.dir, "telegraf") }
func (c *custom) tree() string   { return filepath.Join(c.dir, "source") }
func (c *custom) stamp() string  { return filepath.Join(c.tree(), ".ready") }

// prepare copies Telegraf's module and makes this project a part of it, unless that was done for the same
// requirements of both.
func (c *custom) prepare(ctx context.Context) error {
	ours, err := c.requirements()
	if err != nil {
		return err
	}
	if ready, err := os.ReadFile(c.stamp()); err == nil && bytes.Equal(ready, ours) {
		return nil
	}
	if err := os.RemoveAll(c.tree()); err != nil {
		return err
	}
	source, err := c.run(ctx, c.root, "go", "list", "-m", "-f", "{{.Dir}}", telegrafModule)
	if err != nil {
		return err
	}
	if err := os.CopyFS(c.tree(), os.DirFS(strings.TrimSpace(source))); err != nil {
		return err
	}
	if err := c.join(ctx); err != nil {
		return err
	}
	return os.WriteFile(c.stamp(), ours, 0o600)
}

// requirements is a digest of what a change of makes the copied tree stale.
func (c *custom) requirements() ([]byte, error) {
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		body, err := os.ReadFile(filepath.Join(c.root, name))
		if err != nil {
			return nil, err
		}
		hash.Write(body)
	}
	return fmt.Appendf(nil, "%x\n", hash.Sum(nil)), nil
}

// registration is a file like those that Telegraf has for each of its plugins.
const registration = `//go:build !custom || inputs || inputs.decahose

package all

import _ "` + ourModule + `/plugins/all" // register plugins
`

// join makes the copy import this project. What go.sum lacks is in ours; `go mod tidy` would look for modules of
// Telegraf's tests too.
func (c *custom) join(ctx context.Context) error {
	plugin := filepath.Join(c.tree(), "plugins", "inputs", "all", "decahose.go")
	if err := os.WriteFile(plugin, []byte(registration), 0o600); err != nil {
		return err
	}
	if err := appendFile(filepath.Join(c.tree(), "go.sum"), filepath.Join(c.root, "go.sum")); err != nil {
		return err
	}
	version, err := c.run(ctx, c.root, "go", "list", "-m", "-f", "{{.GoVersion}}")
	if err != nil {
		return err
	}
	_, err = c.run(ctx, c.tree(), "go", "mod", "edit", "-go="+strings.TrimSpace(version),
		"-require="+ourModule+"@v0.0.0", "-replace="+ourModule+"@v0.0.0="+c.root)
	return err
}

func appendFile(to, from string) error {
	more, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(more)
	return cmp.Or(err, f.Close())
}

func (c *custom) build(ctx context.Context) error {
	_, err := c.run(ctx, c.tree(), "go", "build", "-trimpath", "-tags", c.tags, "-ldflags", telegrafFlags(TelegrafVersion), "-o", c.binary(), "./cmd/telegraf")
	if err != nil {
		return fmt.Errorf("build Telegraf with our plugins: %w", err)
	}
	return nil
}

// run returns what the command wrote to stdout. Only the copy's go.mod may change.
func (c *custom) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, telegrafEnv("GOFLAGS=-mod=readonly")
	if dir == c.tree() {
		cmd.Env = telegrafEnv("GOFLAGS=-mod=mod", "GOWORK=off")
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaint.Bytes())
	}
	return string(out), nil
}
