//go:build unix

package env

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNoInfluxDB says that this machine has no InfluxDB 1 to start.
var ErrNoInfluxDB = errors.New("no InfluxDB is installed here")

// InfluxDB is an InfluxDB 1 on loopback with a directory of its own.
type InfluxDB struct {
	binary, dir, address string
	process              *Process
}

const influxConf = `reporting-enabled = false
bind-address = "%s"
[meta]
  dir = "%[3]s/meta"
[data]
  dir = "%[3]s/data"
  wal-dir = "%[3]s/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "%[2]s"
  log-enabled = false
`

// StartInfluxDB makes a server and starts it.
func StartInfluxDB(ctx context.Context) (*InfluxDB, error) {
	binary, err := exec.LookPath("influxd")
	if err != nil {
		return nil, ErrNoInfluxDB
	}
	i := &InfluxDB{binary: binary}
	if i.dir, err = os.MkdirTemp("", "decahose-influxdb-"); err != nil {
		return nil, fmt.Errorf("start InfluxDB: %w", err)
	}
	backup, err := FreeAddress()
	if err == nil {
		i.address, err = FreeAddress()
	}
	if err == nil {
		conf := fmt.Sprintf(influxConf, backup, i.address, i.dir)
		err = os.WriteFile(filepath.Join(i.dir, "conf"), []byte(conf), 0o600)
	}
	if err == nil {
		err = i.Start(ctx)
	}
	if err != nil {
		i.Close()
		return nil, fmt.Errorf("start InfluxDB: %w", err)
	}
	return i, nil
}

// Start starts the server, and returns when it answers.
func (i *InfluxDB) Start(ctx context.Context) (err error) {
	if i.process, err = Start([]string{i.binary, "-config", filepath.Join(i.dir, "conf")}, nil, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if !Until(ctx, func() bool { return i.answers(ctx) }) {
		return fmt.Errorf("no answer from influxd: %s", i.process.Log.Text())
	}
	return nil
}

func (i *InfluxDB) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL()+"/ping", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode < 300
}

// Stop ends the server.
func (i *InfluxDB) Stop(ctx context.Context) error {
	_, err := i.process.Stop(ctx)
	return err
}

// Close leaves nothing behind. It may be called at any time.
func (i *InfluxDB) Close() {
	if i.process != nil {
		i.process.Kill()
	}
	_ = os.RemoveAll(i.dir)
}

// URL is the server's.
func (i *InfluxDB) URL() string { return "http://" + i.address }

// Numbers are the values of a field of Tweets, as the server has them.
func (i *InfluxDB) Numbers(ctx context.Context, database, field string) (all []int64, err error) {
	q := url.Values{"db": {database}, "epoch": {"ns"}, "q": {`SELECT "` + field + `" FROM "decahose_tweet"`}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL()+"/query?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var said struct {
		Results []struct {
			Series []struct{ Values [][2]int64 }
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		return nil, err
	}
	for _, r := range said.Results {
		for _, s := range r.Series {
			for _, v := range s.Values {
				all = append(all, v[1])
			}
		}
	}
	return all, nil
}
