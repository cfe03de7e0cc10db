//go:build unix

package env

import (
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

// TelegrafVersion is the version that the project is tested with; go.mod has the same.
const TelegrafVersion = "1.39.3"

// stockVersion is that of the stock agent. Environment: TELEGRAF_VERSION names another one, such as the oldest
// that is supported (`make e2e-oldest`).
func stockVersion() string { return cmp.Or(os.Getenv("TELEGRAF_VERSION"), TelegrafVersion) }

const (
	// telegrafTags trim the stock agent to what tests, `make run` and the benchmark need: minutes
	// and gigabytes less than all its plugins.
	telegrafTags = "custom,inputs.execd,inputs.internal,inputs.cloud_pubsub_push,outputs.file,outputs.discard," +
		"outputs.execd,outputs.http,outputs.influxdb,outputs.influxdb_v2,outputs.postgresql,outputs.sql,processors.override,processors.strings," +
		"parsers.influx,parsers.json_v2,serializers.influx,serializers.json"
	telegrafModule = "github.com/influxdata/telegraf"
)

// telegrafFlags set what Telegraf says of its version; without, it refuses some configurations.
func telegrafFlags(version string) string {
	return "-s -w -X " + telegrafModule + "/internal.Version=" + version
}

// telegrafEnv is the same for all builds of an agent, so that they share what is compiled.
func telegrafEnv(more ...string) []string {
	return append(append(os.Environ(), "CGO_ENABLED=0"), more...)
}

// Telegraf returns the path of a stock Telegraf agent. It is built at the first call on a machine and
// kept in the user's cache directory; callers in other processes wait for the one that builds. say
// hears that a build begins. Environment: TELEGRAF names a binary to use instead, whose version is TELEGRAF_VERSION
// where it is not that of go.mod.
func Telegraf(ctx context.Context, say io.Writer) (string, error) {
	if own := os.Getenv("TELEGRAF"); own != "" {
		return own, nil
	}
	version := stockVersion()
	dir, err := cacheDir("telegraf-"+version, telegrafModule, version, telegrafTags)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "telegraf")
	if built(binary) {
		return binary, nil
	}
	release, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer release()
	if built(binary) {
		return binary, nil
	}
	fmt.Fprintf(say, "building Telegraf %s once, from source (a few minutes the first time)\n", version)
	return binary, buildTelegraf(ctx, version, dir, binary)
}

func built(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cacheDir is named after all that goes into a build, so that a change of it builds anew.
func cacheDir(name string, parts ...string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		root, rootErr := Root()
		if rootErr != nil {
			return "", cmp.Or(rootErr, err)
		}
		base = filepath.Join(root, ".cache")
	}
	key := sha256.Sum256([]byte(strings.Join(parts, "")))
	dir := filepath.Join(base, "telegraf-decahose", fmt.Sprintf("%s-%x", name, key[:4]))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	return dir, nil
}

// buildTelegraf builds beside the final place and renames, so that a build cut short leaves nothing
// that looks finished.
func buildTelegraf(ctx context.Context, version, dir, binary string) error {
	tmp, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return fmt.Errorf("build Telegraf: %w", err)
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-tags", telegrafTags,
		"-ldflags", telegrafFlags(version), telegrafModule+"/cmd/telegraf@v"+version)
	cmd.Dir = tmp // outside this module: Telegraf is built with its own dependencies, not ours
	cmd.Env = telegrafEnv("GOBIN="+tmp, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build Telegraf: %w\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(tmp, "telegraf"), binary); err != nil {
		return fmt.Errorf("build Telegraf: %w", err)
	}
	return nil
}
