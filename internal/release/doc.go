// Package release says which version of this project runs, so that the command and the plugin, also one that is
// compiled into a Telegraf, tell the same.
//
// Not here: versions of files (internal/state/sqlfile, internal/archive).
//
// Owner: nothing changes: the value is linked in (Makefile) or recorded by the go command.
package release
