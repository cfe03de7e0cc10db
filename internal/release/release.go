// Package release says which version of this project runs: the command and the plugin tell the same.
package release

import "runtime/debug"

// module is this project's, as go.mod says.
const module = "github.com/decahose/telegraf-decahose"

// linked is set when a release is linked (Makefile).
var linked string

// Version is that which was linked in, else that of the module that this process was built from, also where it is a
// part of a Telegraf; "unknown" where neither is recorded.
func Version() string {
	if linked != "" {
		return linked
	}
	if bi, ok := debug.ReadBuildInfo(); ok {
		return recorded(bi)
	}
	return "unknown"
}

func recorded(bi *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&bi.Main}, bi.Deps...) {
		if m.Path == module && m.Version != "" {
			return m.Version
		}
	}
	return "unknown"
}
