// Package recording keeps what happened to a live stream's core in files, so that it can be decided again elsewhere: each
// event with its time, and a sum of what the core decided. A file holds ids, times, sizes and classes; what was text, a name
// or a credential is left out, or replaced by words of ours that the core takes in the same way.
//
//	engine.Listener.Stepped ─► Recorder: encode, in memory ─► blocks ─► Recorder.Run ─► ring of files, bounded in bytes
//	                                                                                      │
//	internal/recording/replay ◄──────────────── Step ◄─ Reader ◄─────────────────────────┘
//
// A process's first file begins with what its core was given, so it is decided again exactly. Each later one begins with
// what can be known from outside the core: configuration, gaps that are open, requests, connections (Begin).
//
// A recording never holds up the stream: what the disk does not take is not recorded, which is told once and counted.
//
// Not here: what the core makes of a recording (internal/recording/replay); options, the goroutine of Run
// (plugins/inputs/decahose); the last seconds of all goroutines (plugins/debug).
//
// Owner: the engine's goroutine owns a Recorder, but for Run, which has a goroutine of its own and the files, and Status.
// A block that was handed over belongs to Run.
//
// Bounds: maxWaiting bytes wait for the disk; files take Config.Limit together; a Reader takes frames of maxFrame.
package recording
