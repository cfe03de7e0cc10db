package release

import (
	"regexp"
	"runtime/debug"
	"strings"
)

// module is this project's, as go.mod says.
const module = "github.com/decahose/telegraf-decahose"

// listed is the topmost version of CHANGELOG.md, with -dev while that is unreleased. A test compares.
const listed = "0.6.0-dev"

// linked is set when a release is linked (Makefile).
var linked string

// Version is that which was linked in; else that of the module that this process was built from, also where it is a part
// of a Telegraf, if the module has one; else that of CHANGELOG.md, with the commit where it is recorded.
func Version() string {
	if linked != "" {
		return linked
	}
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return listed
	}
	return recorded(bi)
}

func recorded(bi *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&bi.Main}, bi.Deps...) {
		if m.Path == module {
			return named(m.Version)
		}
	}
	return listed
}

// untagged is a version that the go command makes of a commit before any tag, see go.dev/ref/mod#pseudo-versions; what
// was edited has +dirty at its end.
var untagged = regexp.MustCompile(`^v0\.0\.0-\d{14}-([0-9a-f]{12})(\+dirty)?$`)

func named(version string) string {
	switch m := untagged.FindStringSubmatch(version); {
	case m != nil:
		return listed + "+" + m[1] + strings.Replace(m[2], "+", ".", 1)
	case version == "" || version == "(devel)":
		return listed
	}
	return version
}
