// Package crash kills the real binary under a real Telegraf, at random moments and between each write of state
// and each emission, damages its state between two lives, and judges by the simulator's truth what landed.
// `make crash` runs it.
package crash
