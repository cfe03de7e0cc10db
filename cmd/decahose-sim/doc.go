// Command decahose-sim serves a simulated Decahose, for people who build or rehearse a consumer and have no stream at
// hand. docs/simulator.md says how to use it.
//
// Not here: the simulator itself (internal/sim/decasim).
//
// Owner: the main goroutine shows the status and ends the server at a signal, after -duration, or when it cannot serve.
package main
