//go:build unix

// Package env builds and runs the real things: a stock Telegraf, one with our plugins compiled in, this project's
// binaries, databases on loopback, and readers of the files that they write. It serves the tests with real processes
// and `make run`, and is no part of the product; therefore it may import Telegraf.
//
// Not here: what is tested (internal/testing/e2e, crash, soak and stores); the simulator (internal/sim/decasim).
//
// Owner: whoever started a Process or a database stops it; each has its own process group or directory. Builds are
// cached for the user, and other processes wait for the one that builds.
package env
