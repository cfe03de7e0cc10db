// Package decasim stands in for X: a Server that delivers the Tweets of a world.Source as the Decahose, Replay and Recovery
// do, a FaultPlan that makes it misbehave, and an oracle that knows which ids were offered and which were sent. It runs on loopback and inside a testing/synctest bubble (PipeListener), and it is the
// whole of the command decahose-sim.
//
//	world.Source ─► Server ─► connections, requests
//	                  ▲  └──► book of ids: offered, sent, gone
//	              FaultPlan
//
// Nothing that it knows comes from the code that it is used to test; it shares only the arithmetic of ids.
//
// Not here: the Tweets (internal/sim/world); what an engine made of it (internal/sim/oracle); counts without Tweets (internal/sim/volumes).
//
// Owner: plans and the server are safe for concurrent use. The goroutine of each request owns its connection;
// one pump hands out Tweets as their time comes. Close ends all of them and waits.
package decasim
