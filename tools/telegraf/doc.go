//go:build unix

// Command telegraf builds a Telegraf with this project's plugins compiled in, to the place that -o names. With -stock
// it builds the stock Telegraf that tests and `make run` use, if it is not built yet, and prints its path. How they are
// built is in internal/testing/env.
package main
