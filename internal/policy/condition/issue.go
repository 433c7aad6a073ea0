package condition

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
)

// Bounds of what is said about a condition that does not compile.
const (
	maxFaults = 5
	maxFault  = 200 // bytes of CEL's own words in one
)

// explainIssues is what CEL found, one clause for each.
func explainIssues(issues *cel.Issues) error {
	var texts []string
	for _, e := range issues.Errors() {
		if len(texts) == maxFaults {
			break
		}
		text := clean(e.Message)
		texts = append(texts, place(e.Location)+text+hint(text))
	}
	return errors.New(strings.Join(texts, "; "))
}

func place(at common.Location) string {
	if at == nil || at.Line() < 1 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d: ", at.Line(), at.Column()+1)
}

func clean(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, " (in container '')", ""))
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	text = strings.ToValidUTF8(text, "?")
	if len(text) > maxFault {
		text = strings.ToValidUTF8(text[:maxFault], "") + "…"
	}
	return text
}

// hint says how to repair what CEL complains about.
func hint(text string) string {
	_, name, _ := strings.Cut(text, "'")
	name, _, _ = strings.Cut(name, "'")
	switch {
	case strings.Contains(text, "did you mean"):
		return ""
	case strings.HasPrefix(text, "undeclared reference"):
		if near := nearest(name); near != "" {
			return ": did you mean " + near + "?"
		}
		return ": a condition knows " + strings.Join(variables(), ", ") + "; a name with a hyphen is written args[\"a-b\"]"
	case strings.HasPrefix(text, "undefined field"):
		if near := nearest(name); near != "" {
			return ": did you mean " + near + "?"
		}
		return ": docs/reference/rules.md lists what there is"
	case strings.HasPrefix(text, "found no matching overload"):
		return ": the two sides have types that do not go together"
	case strings.Contains(text, "error at: '="):
		return ": write == to compare"
	}
	return ""
}

func variables() []string {
	return []string{varPrincipal, varUpstream, varTool, varArgs, varSession, varNow, varRequest}
}

// nearest is the one name, of those that a condition knows, that a slip of the
// finger makes of name; empty when there is none.
func nearest(name string) string {
	if len(name) > 32 {
		return ""
	}
	best, distance := "", 3
	consider := func(shown, known string) {
		if d := edits(name, known); d < distance {
			best, distance = shown, d
		}
	}
	for _, v := range variables() {
		consider(v, v)
	}
	known := objects(nil)
	for _, v := range objectNames() {
		for _, field := range slices.Sorted(maps.Keys(known[typePrefix+v])) {
			consider(v+"."+field, field)
		}
	}
	for _, f := range []string{fnMatches, fnGlob, fnUnder, fnCIDR, fnLower} {
		consider(f+"()", f)
	}
	if 3*distance > len(name) {
		return ""
	}
	return best
}

// edits counts the characters to insert, remove or replace (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := before
			if a[i] != b[j] {
				next = 1 + slices.Min([]int{before, row[j], row[j+1]})
			}
			before, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

func typeWord(t *cel.Type) string {
	return strings.TrimPrefix(t.String(), typePrefix)
}
