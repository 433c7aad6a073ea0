package change

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// maxNamed bounds how many paths, places or rules one sentence names.
const maxNamed = 8

// amounts are what a command is given more or less of, and how a person is told.
//
//nolint:gochecknoglobals // a table; read-only
var amounts = []struct {
	path       []string
	more, less string
}{
	{[]string{"confinement", "read"}, "It may read what it could not: ", "It may no longer read: "},
	{[]string{"confinement", "write"}, "It may write what it could not: ", "It may no longer write: "},
	{[]string{"confinement", "network"}, "It may reach what it could not: ", "It may no longer reach: "},
	{[]string{"confinement", "allow_weaker"}, "It may run without layers of its sandbox: ", "It no longer runs without layers of its sandbox: "},
	{[]string{"allow_launch"}, "It may break launch rules: ", "It keeps launch rules that it could break: "},
}

// command notes in what a command is confined otherwise, and what else it is handed.
func command(was, is *tree, reasons map[string]bool) {
	if is.of != gate.Command {
		return
	}
	confined(was, is, reasons)
	if before, now := was.one("lifetime", "session"), is.one("lifetime", "session"); before != now {
		reasons[fmt.Sprintf("The lifetime of its processes is %s, and was %s.", now, before)] = true
	}
	for _, l := range amounts {
		before, now := was.below(l.path...), is.below(l.path...)
		named(reasons, l.more, now, before)
		named(reasons, l.less, before, now)
	}
	before, now := was.below("secrets"), is.below("secrets")
	for _, variable := range slices.Sorted(maps.Keys(now)) {
		if had, ok := before[variable]; ok && had != now[variable] {
			reasons[fmt.Sprintf("It is handed the secret %s as %s, and was handed %s.", gate.Visible(now[variable]), gate.Visible(variable), gate.Visible(had))] = true
		} else if !ok {
			reasons[fmt.Sprintf("It is handed the secret %s as %s.", gate.Visible(now[variable]), gate.Visible(variable))] = true
		}
	}
}

// confined notes another kind of sandbox.
func confined(was, is *tree, reasons map[string]bool) {
	const none = "none"
	switch before, now := was.one("kind", "process"), is.one("kind", "process"); {
	case before == now:
	case now == none:
		reasons["It is confined no longer: it has Doorward's own rights."] = true
	case before == none:
		reasons["It is confined, and had Doorward's own rights."] = true
	default:
		reasons[fmt.Sprintf("It is confined by %s, and was by %s.", now, before)] = true
	}
}

// one is a member of a command's confinement; other where it has none.
func (t *tree) one(member, other string) string {
	if l, ok := t.leaves[pointer([]string{"confinement", member})]; ok {
		return gate.Visible(l.text)
	}
	return other
}

// below are the strings in an object or list, by their names there, in a list by what they are.
func (t *tree) below(path ...string) map[string]string {
	out := map[string]string{}
	for _, l := range t.leaves {
		n := len(path)
		if l.kind != '"' || len(l.path) != n+1 || !slices.Equal(l.path[:n], path) {
			continue
		}
		key := l.path[n]
		if t.nodes[pointer(path)] == '[' {
			key = l.text
		}
		out[key] = l.text
	}
	return out
}

// named notes what is in one set and not in another.
func named(reasons map[string]bool, sentence string, in, notIn map[string]string) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if _, ok := notIn[name]; !ok {
			names = append(names, gate.Visible(name))
		}
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], strconv.Itoa(more)+" more")
	}
	if len(names) > 0 {
		reasons[sentence+strings.Join(names, ", ")+"."] = true
	}
}
