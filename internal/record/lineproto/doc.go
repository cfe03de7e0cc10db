// Package lineproto reads line protocol as Telegraf and this project write it: within a quoted string only " and \ are
// escaped, and everything else, newlines too, stands for itself. Pure.
//
//	Cutter                            where a line ends, in bytes that come in pieces
//	Line.Parse                        name, tags, fields and time of one line, as slices of it
//	AppendFolded, AppendUnfolded      one physical line for storage, and back
//
// Not here: line protocol that is written, and the check against a schema (internal/output/encode); files of line
// protocol with damaged lines (internal/audit: line.go); the archive's records (internal/archive).
//
// Owner: the caller. A Cutter and a Line have one owner and no lock; what Parse returns points into the line that it
// was given.
package lineproto
