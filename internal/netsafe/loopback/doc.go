// Package loopback decides whether a host is this one, so that credentials may travel to it in clear, and which user's
// process is at the other end of a connection within it. Every place that sends or takes a credential without TLS asks
// here.
//
// Server and Client read the kernel's table of sockets on Linux; elsewhere nobody can tell, and Told says so.
//
// Not here: TLS, tokens and passwords (plugins/inputs/decahose, internal/output/pubsub); names of hosts other than
// localhost, which a resolver may map to anything.
//
// Owner: nothing is kept: each call reads the sockets anew, on the caller's goroutine.
//
// Ends: Server waits two seconds at most until a process has accepted the connection.
//
// Invariants: 52 (docs/invariants.md).
package loopback
