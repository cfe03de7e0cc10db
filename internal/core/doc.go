// Package core decides everything about one stream: when each connection is opened, which Tweets are new, which minutes
// are missing, how they are fetched again, what is committed, what is reported. It is a state machine: Step takes one
// event and the time, and fills a Ready with what must be done. Pure: it reads no clock, draws jitter from a seed, and
// touches no network, file, lock or goroutine.
//
//	Event: records, ends, commits, verdicts, ticks
//	  │
//	  ▼
//	Step ─► receive: count, deduplicate, parse ─► Ready.Tweets, Ready.Points   to the sink
//	     ├► partitions: coverage, gaps         ─► Ready.Commit, Ready.Load     to the store
//	     ├► connections: backoff, budget       ─► Ready.Connect, Ready.Close   to X
//	     └► requests: Replay, archive readings ─► Ready.Requests               to X, to archives
//
// The engine carries out a Ready in the order that its comment gives. What is about to be done (a gap, a connection, a
// request) is committed before it is done. What was done (ids seen, coverage, recovered gaps, the position) is
// committed only after the Tweets behind it have settled. So the process that follows one that was killed may fetch
// some Tweets twice, and misses none.
//
// Not here: goroutines and the order of effects (internal/engine). Below: the stream's time (clock), which Tweets were
// emitted (seen, dedup), Tweets on their way to the store (inflight), the book of gaps (gap), the choice of the next
// minutes to request (refill), whether what filled a minute is enough (fill), waits after failures (retry), points and
// alarms (report). Elsewhere: the rows of minutes (internal/state/ledger); how full a minute should be (internal/volume);
// how Tweets reach the outputs (internal/output/delivery).
//
// Owner: the engine's goroutine, Engine.Run. Nothing is shared and nothing is locked. A batch of records belongs to the
// core during Step only; a Commit is given away.
//
// What it keeps is bounded: ids by IDsMost, accounts of minutes by the ledger, samples of malformed records by number
// and length, minutes of ids that X could not have given by number.
//
// Scripts in testdata/*.txt feed events and show every effect.
//
// Invariants: 1, 2, 3, 4, 6, 7, 8, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 30, 34, 35, 38, 39, 40, 41, 42, 43, 46,
// 54 (docs/invariants.md).
package core
