package learning

import (
	"slices"
	"strings"

	"doorward/internal/policy/paths"
)

// maxUnder bounds the directories of a rule: paths takes no more.
const maxUnder = 64

// paths narrows paths to the directories seen. Paths of two systems in one tool are
// left to the present rule: one rule cannot speak of both.
func (n *narrower) paths() {
	posix, windows := n.seen.types["path"], n.seen.types["path/windows"]
	if (len(posix) == 0) == (len(windows) == 0) {
		return
	}
	p := pathed{windows: len(windows) > 0}
	if n.where.Path != nil {
		p.rule = *n.where.Path
	}
	for _, dir := range p.rule.Under {
		p.present = append(p.present, p.plain(dir))
	}
	var dirs []string
	for _, v := range slices.Concat(posix, windows) {
		dir, ok := p.directory(v)
		switch {
		case !ok:
			if n.wide == nil {
				n.wide = map[string]bool{}
			}
			n.wide[v] = true
		default:
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return
	}
	dirs = cover(dirs, p.may)
	if len(dirs) > maxUnder {
		return
	}
	p.rule.Under = nil
	for _, dir := range dirs {
		p.rule.Under = append(p.rule.Under, p.written(dir))
	}
	check := p.rule
	check.Windows = p.windows
	if _, faults := paths.New(check); len(faults) == 0 {
		n.where.Path = &p.rule
	}
}

// pathed reads paths with slashes, whatever their system. Those of Windows are
// compared in lower case.
type pathed struct {
	windows bool
	rule    paths.Rule
	present []string // directories of the present rule
}

func (p *pathed) plain(s string) string {
	if p.windows {
		s = strings.ToLower(strings.ReplaceAll(s, `\`, "/"))
	}
	return strings.TrimRight(s, "/")
}

func (p *pathed) written(s string) string {
	if p.windows {
		return strings.ReplaceAll(s, "/", `\`)
	}
	return s
}

// may tells whether a rule may open a directory: not a root, and none outside of
// the present rule's.
func (p *pathed) may(dir string) bool {
	if p.windows && !strings.Contains(dir, "/") || dir == "" {
		return false
	}
	return len(p.present) == 0 || slices.ContainsFunc(p.present, func(up string) bool { return within(dir, up) })
}

// directory is what a rule should open for one path: what the path is in where it
// looks like a file, else the path itself. Relative paths start at the present
// rule's base, or at the root, as the type does by itself.
func (p *pathed) directory(v string) (string, bool) {
	absolute := strings.HasPrefix(v, "/")
	if p.windows {
		absolute = len(v) > 2 && v[1] == ':'
	}
	if !absolute {
		switch {
		case p.rule.Base == "" && p.windows:
			p.rule.Base = `C:\`
		case p.rule.Base == "":
			p.rule.Base = "/"
		}
		v = strings.TrimRight(p.rule.Base, `/\`) + "/" + v
	}
	v = p.plain(v)
	name := v[strings.LastIndexByte(v, '/')+1:]
	if up := parent(v); strings.LastIndexByte(name, '.') > 0 && p.may(up) {
		return up, true
	}
	return v, p.may(v)
}
