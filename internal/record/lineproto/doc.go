// Package lineproto reads line protocol as Telegraf and this project write it: within a quoted string only " and \ are
// escaped, and everything else, newlines too, stands for itself. Pure.
//
//	Cutter                            where a line ends, in bytes that come in pieces
//	Line.Parse                        name, tags, fields and time of one line, as slices of it
//	Reader                            the lines of a file, some of them torn, the last one perhaps being written
//	AppendFolded, AppendUnfolded      one physical line for storage, and back
//
// Not here: line protocol that is written, and the check against a schema (internal/output/encode), which another parser
// reads; the narrower grammar of what leaves for inputs.cloud_pubsub_push (internal/output/pubsub: line.go); the archive's
// records (internal/archive).
//
// Owner: the caller. A Cutter, a Line and a Reader have one owner and no lock; what Parse returns points into the line that it
// was given.
package lineproto
