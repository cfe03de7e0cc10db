// Package volumes simulates the counts of a stream, minute by minute and without Tweets, so that thousands of days pass
// in seconds. It measures what a volume.Judge makes of them: false alarms, how late it notices a loss, and whether its
// estimate covers the truth. All is a function of a seed. `make volumes` and a test that is its short form use it.
//
// Not here: the judge (internal/volume); Tweets (internal/sim/world); tables and pictures (tools/volumes).
//
// Owner: the caller: a Stream and its Judge have one owner and no lock.
package volumes
