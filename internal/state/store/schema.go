package store

import (
	"database/sql"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// migration is a step of the ledger's schema.
type migration = sqlfile.Migration

// migrations make version 1, 2, …; they are never changed, only added to.
var migrations = []migration{version1, version2, version3, version4, version5, version6}

// application marks our files (PRAGMA application_id); its low half repeats the version, so that a flipped
// bit in one of the two is not taken for a newer version.
const application = 0xDECA << 16

func version1(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE minutes (
  id INTEGER PRIMARY KEY, -- minute*256 + partition
  partition INTEGER, minute INTEGER, -- minutes since 1970, UTC, of the Tweets' ids
  received INTEGER, uniques INTEGER, duplicate INTEGER, late INTEGER, emitted INTEGER, bytes INTEGER, connections INTEGER,
  covered TEXT, -- from:to,… in ms of the minute
  state TEXT, digest TEXT, checksum INTEGER);
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY, -- first minute*256 + partition
  partition INTEGER, from_ms INTEGER, to_ms INTEGER, state TEXT, cause TEXT, filled_by TEXT,
  tweets INTEGER, dark INTEGER, opened_ns INTEGER, asked INTEGER, checksum INTEGER);
CREATE TABLE partitions (id INTEGER PRIMARY KEY, begin_ms INTEGER, position_ms INTEGER, checksum INTEGER);
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, method TEXT, partition INTEGER, from_minute INTEGER, to_minute INTEGER,
  at_ns INTEGER, ended_ns INTEGER, status INTEGER, result TEXT, tweets INTEGER, new INTEGER, checksum INTEGER);
CREATE TABLE connects (id INTEGER PRIMARY KEY, at_ns INTEGER, checksum INTEGER);
CREATE TABLE moment (
  id INTEGER PRIMARY KEY, wall_ns INTEGER, stream_ms INTEGER, boot TEXT, uptime_ns INTEGER,
  clean INTEGER, checksum INTEGER);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, kind TEXT, partition INTEGER, from_minute INTEGER, to_minute INTEGER, checksum INTEGER);
CREATE TABLE answers (id INTEGER PRIMARY KEY, text TEXT, err INTEGER, checksum INTEGER);
CREATE VIEW minutes_utc AS SELECT partition, strftime('%Y-%m-%dT%H:%MZ', minute*60, 'unixepoch') AS minute, state,
  received, uniques, duplicate, late, emitted, bytes, connections, covered FROM minutes;
CREATE VIEW gaps_utc AS SELECT partition, strftime('%Y-%m-%dT%H:%M:%fZ', from_ms/1000.0, 'unixepoch') AS "from",
  strftime('%Y-%m-%dT%H:%M:%fZ', to_ms/1000.0, 'unixepoch') AS "to", state, cause, filled_by, tweets, dark,
  strftime('%Y-%m-%dT%H:%M:%SZ', opened_ns/1000000000, 'unixepoch') AS opened, asked FROM gaps;
CREATE VIEW partitions_utc AS SELECT id AS partition, strftime('%Y-%m-%dT%H:%M:%fZ', begin_ms/1000.0, 'unixepoch') AS "begin",
  strftime('%Y-%m-%dT%H:%M:%fZ', position_ms/1000.0, 'unixepoch') AS position FROM partitions;
CREATE VIEW requests_utc AS SELECT id, method, partition,
  strftime('%Y-%m-%dT%H:%MZ', from_minute*60, 'unixepoch') AS "from", strftime('%Y-%m-%dT%H:%MZ', to_minute*60, 'unixepoch') AS "to",
  strftime('%Y-%m-%dT%H:%M:%SZ', at_ns/1000000000, 'unixepoch') AS at,
  CASE WHEN ended_ns THEN strftime('%Y-%m-%dT%H:%M:%SZ', ended_ns/1000000000, 'unixepoch') END AS ended,
  status, result, tweets, new FROM requests;`)
	return err
}

// version2 keeps what became of Tweets behind the sink.
func version2(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY, -- minute*256 + partition
  partition INTEGER, minute INTEGER, delivered INTEGER, refused INTEGER, untracked INTEGER,
  delivered_digest TEXT, checksum INTEGER);
CREATE VIEW deliveries_utc AS SELECT d.partition, strftime('%Y-%m-%dT%H:%MZ', d.minute*60, 'unixepoch') AS minute,
  m.emitted, d.delivered, d.refused, d.untracked FROM deliveries d LEFT JOIN minutes m USING (id);`)
	return err
}

// version3 keeps why copies came, and what whole minutes held, for long.
func version3(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE copies (
  id INTEGER PRIMARY KEY, -- minute*256 + partition
  partition INTEGER, minute INTEGER, backfill INTEGER, replay INTEGER, checksum INTEGER);
CREATE TABLE hours (
  id INTEGER PRIMARY KEY, -- hour*256 + partition
  partition INTEGER, hour INTEGER, -- hours since 1970, UTC, of the Tweets' ids
  uniques TEXT, -- of each minute that was whole, 60 with commas between
  checksum INTEGER);
CREATE VIEW copies_utc AS SELECT c.partition, strftime('%Y-%m-%dT%H:%MZ', c.minute*60, 'unixepoch') AS minute,
  m.duplicate, m.duplicate - c.backfill - c.replay AS redundant, c.backfill, c.replay FROM copies c LEFT JOIN minutes m USING (id);
CREATE VIEW hours_utc AS SELECT partition, strftime('%Y-%m-%dT%H:%MZ', hour*3600, 'unixepoch') AS hour, uniques FROM hours;`)
	return err
}

// version4 keeps which Tweets are to be had again since a store lacks them, and how often that was tried.
func version4(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE repairs (
  id INTEGER PRIMARY KEY, -- minute*256
  times INTEGER, at_ns INTEGER,
  pending TEXT, -- not emitted again yet; base64 of varints: id less the one before, partition (0)
  checksum INTEGER);
CREATE TABLE order_tweets (id INTEGER PRIMARY KEY, tweets TEXT, checksum INTEGER); -- of orders, packed as above
CREATE VIEW repairs_utc AS SELECT strftime('%Y-%m-%dT%H:%MZ', id/256*60, 'unixepoch') AS minute, times,
  strftime('%Y-%m-%dT%H:%M:%SZ', at_ns/1000000000, 'unixepoch') AS at, length(pending) > 0 AS pending FROM repairs;`)
	return err
}

// version5 keeps of which filled minutes it is not proven that they are full, and which Tweets a whole Replay did not bring.
func version5(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE fills (
  id INTEGER PRIMARY KEY, -- minute*256
  state TEXT, filled_by TEXT, held INTEGER, expected INTEGER, times INTEGER, at_ns INTEGER, checksum INTEGER);
CREATE TABLE gone (id INTEGER PRIMARY KEY, tweets TEXT, checksum INTEGER); -- minute*256; packed as pending of repairs
CREATE VIEW fills_utc AS SELECT strftime('%Y-%m-%dT%H:%MZ', id/256*60, 'unixepoch') AS minute, state, filled_by, held, expected, times,
  strftime('%Y-%m-%dT%H:%M:%SZ', at_ns/1000000000, 'unixepoch') AS at FROM fills;`)
	return err
}

// version6 keeps what is done next about each gap, for who looks from outside.
func version6(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE steps (id INTEGER PRIMARY KEY, partition INTEGER, minute INTEGER, step TEXT, at_ns INTEGER, checksum INTEGER);
CREATE VIEW steps_utc AS SELECT partition, strftime('%Y-%m-%dT%H:%MZ', minute*60, 'unixepoch') AS gap, step,
  CASE WHEN at_ns THEN strftime('%Y-%m-%dT%H:%M:%SZ', at_ns/1000000000, 'unixepoch') END AS at FROM steps;`)
	return err
}
