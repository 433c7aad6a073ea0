package learning

import (
	"cmp"
	"slices"
	"strings"
)

// maxDirectories is how many directories, or prefixes of URIs, a rule names before
// some of them are taken together.
const maxDirectories = 5

// cover takes directories together until there are at most maxDirectories, those
// that are closest first, and never makes one that may says no to. What cannot be
// taken together stays.
func cover(dirs []string, may func(dir string) bool) []string {
	dirs = outermost(dirs)
	for len(dirs) > maxDirectories {
		best, depth := "", 0
		for i := range dirs[1:] {
			both := above(dirs[i], dirs[i+1])
			if d := strings.Count(both, "/"); both != "" && may(both) && (best == "" || d > depth) {
				best, depth = both, d
			}
		}
		if best == "" {
			break
		}
		dirs = outermost(append(dirs, best))
	}
	return dirs
}

// outermost sorts directories, component by component, and leaves out those that
// are in another.
func outermost(dirs []string) []string {
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, func(a, b string) int {
		return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
	var out []string
	for _, d := range dirs {
		if len(out) == 0 || !within(d, out[len(out)-1]) {
			out = append(out, d)
		}
	}
	return out
}

// within tells whether a is dir or below it.
func within(a, dir string) bool {
	rest, ok := strings.CutPrefix(a, dir)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(dir, "/"))
}

// above is the deepest directory that both are in; empty when that is the root.
func above(a, b string) string {
	end := 0
	for i := 0; ; i++ {
		aEnds, bEnds := i == len(a) || a[i] == '/', i == len(b) || b[i] == '/'
		if aEnds && bEnds {
			end = i
		}
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return a[:end]
		}
	}
}

// parent is the directory that something is in; empty when that is the root.
func parent(p string) string {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return ""
	}
	return p[:i]
}

// literal is a text as a pattern that matches it alone.
func literal(s string) string {
	if !strings.ContainsAny(s, meta) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(meta, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// meta are the characters that mean something in a pattern.
const meta = `*?[]{}\`
