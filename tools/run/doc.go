//go:build unix

// Command run is `make run`: it runs the main job in front of one's eyes. A stream, simulated or X's own, goes through
// telegraf-decahose under a real Telegraf into files. A summary shows how that goes; against the simulator, an oracle
// judges in the end what landed. It ends with 1 if anything was lost or doubled.
//
// Owner: the main goroutine owns the job and the screen; two goroutines read the files that Telegraf writes.
package main
