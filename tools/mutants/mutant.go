package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is one wrong edit.
type mutant struct {
	name, path string
	wrong      string // what is wrong with it
	command    string // go test …, which must fail

	verdict string
	by      string // the test that failed, or what else there is to say
}

// Verdicts of a mutant.
const (
	killed     = "killed"
	survived   = "survived"
	uncompiled = "does not compile"
	unapplied  = "does not apply"
	untested   = "no test ran"
	untried    = "not tried"
	stuck      = "stuck" // neither test nor edit says anything
)

// readAll reads the patches of a directory, in the order of their names.
func readAll(dir string, names []string) (all []mutant, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		m := mutant{name: strings.TrimSuffix(filepath.Base(path), ".patch"), path: path}
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if m.wrong, m.command, err = header(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, m)
	}
	if len(all) == 0 || len(names) > 0 && len(all) != len(names) {
		return nil, fmt.Errorf("in %s there are %d of the mutants", dir, len(all))
	}
	return all, nil
}

// header reads the two lines before the diff: what is wrong, and the command that must fail.
func header(text string) (wrong, command string, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	second, _, _ := strings.Cut(rest, "\n")
	wrong, ok := strings.CutPrefix(first, "wrong: ")
	if !ok {
		return "", "", errors.New(`line 1 must be "wrong: " and what is wrong`)
	}
	command, ok = strings.CutPrefix(second, "kill: ")
	if !ok || !strings.HasPrefix(command, "go test ./") || !strings.Contains(command, " -run ") || !strings.HasSuffix(command, " -count=1") {
		return "", "", errors.New(`line 2 must be "kill: go test ./… -run … -count=1"`)
	}
	return wrong, command, nil
}

// judge says what a command's output and error mean for a mutant, and names the test that failed.
func judge(text string, err error) (verdict, by string) {
	var exit *exec.ExitError
	switch {
	case err == nil && (strings.Contains(text, "[no tests to run]") || strings.Contains(text, "[no test files]")):
		return untested, ""
	case err == nil:
		return survived, ""
	case !errors.As(err, &exit):
		return stuck, err.Error()
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"):
		return uncompiled, ""
	case strings.Contains("\n"+text, "\nFAIL\t"): // of a package: a test failed, panicked, or hung
		return killed, killer(text)
	}
	return stuck, "go test: " + err.Error()
}

var failure = regexp.MustCompile(`--- FAIL: (\S+)`)

// killer is the test that failed, the innermost.
func killer(text string) string {
	name := ""
	for _, m := range failure.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], name) {
			name = m[1]
		}
	}
	return cmp.Or(name, "the whole process")
}
