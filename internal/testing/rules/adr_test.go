package rules

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	decision = regexp.MustCompile(`^docs/adr/(\d{4})-[a-z0-9-]+\.md$`)
	standing = regexp.MustCompile(`\A# (\d{4}) \S.*\n\nStatus: (proposed|accepted|withdrawn|superseded by (\d{4}))\. Date: (\d{4}-\d\d-\d\d)\.\n\n`)
	parts    = []string{"Context", "Decision", "Alternatives", "What follows"}
)

// flaws are what a decision lacks of the form in docs/adr/README.md.
func flaws(number, page string) (wrong []string) {
	m := standing.FindStringSubmatch(page)
	switch {
	case m == nil:
		return []string{"it does not begin with its number, status and date"}
	case m[1] != number:
		wrong = append(wrong, "its heading has the number "+m[1])
	}
	if _, err := time.Parse(time.DateOnly, m[4]); err != nil {
		wrong = append(wrong, "its date is no day")
	}
	at := 0
	for _, part := range parts {
		i := strings.Index(page[at:], "\n**"+part)
		if i < 0 {
			wrong = append(wrong, part+" is missing, or not in its place")
			continue
		}
		at += i
	}
	return wrong
}

// Each decision has its status, date, context, alternatives and consequences, and its row in the list.
func TestDecisions(t *testing.T) {
	all := pages(t)
	list, numbers := all["docs/adr/README.md"], map[string]bool{}
	for name, page := range all {
		m := decision.FindStringSubmatch(name)
		if m == nil {
			require.False(t, path.Dir(name) == "docs/adr" && name != "docs/adr/README.md", "%s is not named NNNN-words.md", name)
			continue
		}
		require.False(t, numbers[m[1]], "%s is there twice", m[1])
		numbers[m[1]] = true
		require.Empty(t, flaws(m[1], page), name)
		require.Contains(t, list, "| ["+m[1]+"]("+path.Base(name)+") |", "its row in docs/adr/README.md")
		if old := standing.FindStringSubmatch(page)[3]; old != "" {
			require.Contains(t, list, "["+old+"](", "%s names its successor", name)
		}
	}
	for n := range len(numbers) {
		require.True(t, numbers[strconv.Itoa(10001 + n)[1:]], "a number is left out: %d", n+1)
	}
}

func TestFlawsOfDecisions(t *testing.T) {
	const good = "# 0001 A choice\n\nStatus: accepted. Date: 2026-11-22.\n\n**Context.** C.\n\n**Decision: one.** D.\n\n**Alternatives.** A.\n\n**What follows.** W.\n"
	require.Empty(t, flaws("0001", good))
	require.Empty(t, flaws("0001", strings.Replace(good, "accepted", "superseded by 0002", 1)))
	for _, bad := range []string{"0001 A choice", "accepted", "2026-11-22", "**Context", "**Decision", "**Alternatives", "**What follows"} {
		require.NotEmpty(t, flaws("0001", strings.Replace(good, bad, "9999 x", 1)), bad)
	}
	require.NotEmpty(t, flaws("0001", strings.Replace(good, "11-22", "13-22", 1)))
}
