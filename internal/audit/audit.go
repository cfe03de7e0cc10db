package audit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Types are the kinds of stores, as in Config.Type.
func Types() []string { return slices.Clone(types[:]) }

var types = [...]string{postgresql, mysqlType, sqliteType, influx1, influx2, influx3, fileType}

const (
	postgresql = "postgresql"
	mysqlType  = "mysql"
	sqliteType = "sqlite"
	influx1    = "influxdb"
	influx2    = "influxdb_v2"
	influx3    = "influxdb_v3"
	fileType   = "file"
)

// DefaultTable is the table, or measurement, that Telegraf's outputs make of Tweets.
const DefaultTable = "decahose_tweet"

// Config says where a store is, and how it is asked.
type Config struct {
	Type        string
	StreamLabel string
	Table       string // or measurement; a schema may stand before it, with a dot

	DSN string // of a database; may hold a password

	URL                string // of an InfluxDB
	Username, Password string // of InfluxDB 1
	Token              string // of InfluxDB 2 and 3
	Database           string // of InfluxDB 1 and 3
	RetentionPolicy    string // of InfluxDB 1; empty: the default one
	Organization       string // of InfluxDB 2
	Bucket             string // of InfluxDB 2
	TLS                *tls.Config

	Files []string // names or patterns of files of line protocol

	// CountQuery brings a minute (since 1970, or a time) and a count per row, IDsQuery ids; empty: ours.
	CountQuery, IDsQuery string

	Timeout time.Duration // of one query, told to stores that can keep it themselves
}

// Store is a final store of Tweets. Counts and IDs are for one goroutine.
type Store interface {
	// Counts are how many distinct Tweets are stored of each minute of their own time, from ≤ m < to. Minutes without
	// any may be absent.
	Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error)
	// IDs are the distinct Tweets stored of one minute, in any order. The error is ErrNoIDs where the store cannot tell.
	IDs(ctx context.Context, m timeline.Minute) ([]snowflake.ID, error)
	// Rounds is to what the store was seen to round the times by which it tells points apart; 0: to nothing.
	Rounds() time.Duration
	Close() error
}

// ErrNoIDs says that a store cannot tell which Tweets it holds.
var ErrNoIDs = errors.New("store cannot tell ids")

// Open makes ready to ask a store. It may connect to it.
func Open(ctx context.Context, c Config) (Store, error) {
	if c.Table == "" {
		c.Table = DefaultTable
	}
	var s Store
	var err error
	switch c.Type {
	case postgresql, mysqlType, sqliteType:
		s, err = openSQL(ctx, &c)
	case influx1:
		s, err = openInflux1(&c), nil
	case influx2, influx3:
		s, err = openTables(&c), nil
	case fileType:
		s, err = openFiles(&c)
	default:
		err = fmt.Errorf("store type %q is not one of %s", c.Type, strings.Join(types[:], ", "))
	}
	if err != nil {
		return nil, c.hide(err)
	}
	return guarded{s, &c}, nil
}

// guarded takes credentials out of what a store's driver says.
type guarded struct {
	Store
	cfg *Config
}

func (g guarded) Counts(ctx context.Context, from, to timeline.Minute) (map[timeline.Minute]int64, error) {
	n, err := g.Store.Counts(ctx, from, to)
	return n, g.cfg.hide(err)
}

func (g guarded) IDs(ctx context.Context, m timeline.Minute) ([]snowflake.ID, error) {
	ids, err := g.Store.IDs(ctx, m)
	return ids, g.cfg.hide(err)
}

// hidden is an error whose text was cleaned.
type hidden struct {
	error
	text string
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.error }

// longestError bounds what a server may put into our log, in bytes.
const longestError = 600

// hide bounds an error to one line, and takes out of it what may be a credential.
func (c *Config) hide(err error) error {
	if err == nil {
		return nil
	}
	secrets := (*redact.Secrets)(nil).WithBasic(c.Username, c.Password).With(c.Token, c.DSN).With(redact.Find("dsn = " + c.DSN)...)
	text := strings.Join(strings.Fields(secrets.Hide(err.Error())), " ")
	return hidden{err, secrets.Line(text, longestError)}
}
