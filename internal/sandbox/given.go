package sandbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Given is what an operator gives to a command, beside what that needs to run.
type Given struct {
	Read, Write []string // files and directories of this system, absolute
	Hide        []string // paths of Doorward's own, which no command sees
	Own         []string // below those, the command's all the same: what was installed for it; without links
	Believed    []string // what Doorward decides by, which no command may write: certificates of who vouches
	Planted     []string // files and directories in which some command may put links
	Limits      Limits
	Runsc       *File // that runs the command; nil: this system's kernel does
	Egress      bool
	Weaker      []string
}

// NewPlan is the plan for a program with what it is given. Files are those of which
// digests were taken.
func NewPlan(pr Program, g Given, files []File) (Plan, error) {
	if err := g.Guard(); err != nil {
		return Plan{}, err
	}
	// Who gives /usr means programs, which need what belongs to it.
	pr.System = slices.Contains(g.Read, "/usr")
	mounts, links, err := Needs(pr)
	if err != nil {
		return Plan{}, fmt.Errorf("finding what %s needs: %w", pr.Path, err)
	}
	p := Plan{
		Path: pr.Path, Dir: pr.Dir, Links: links, Same: files,
		Limits: g.Limits, Runsc: g.Runsc, Egress: g.Egress, Weaker: g.Weaker,
	}
	// What is given outweighs what is needed: a package that may be written is.
	at := map[string]Mount{}
	for _, m := range mounts {
		at[m.Path] = m
	}
	for _, path := range g.Read {
		if at[path], err = g.mount(path, false); err != nil {
			return Plan{}, err
		}
	}
	for _, path := range g.Write {
		if at[path], err = g.mount(path, true); err != nil {
			return Plan{}, err
		}
	}
	if err := g.nested(at); err != nil {
		return Plan{}, err
	}
	p.Mounts = slices.Collect(maps.Values(at))
	if p.Hide, err = g.hides(p.Mounts); err != nil {
		return Plan{}, err
	}
	if g.Runsc != nil {
		if err := p.addRunsc(); err != nil {
			return Plan{}, err
		}
	}
	return p, p.check()
}

// addRunsc adds runsc and what it needs: nothing, where it is static, as its makers publish it.
func (p *Plan) addRunsc() error {
	dynamic, err := interpreted(p.Runsc.Path)
	if err != nil {
		return err
	}
	if dynamic {
		p.addSystem()
	}
	p.Mounts = append(p.Mounts, Mount{Path: runscProgram, Source: p.Runsc.Path, Why: "gVisor, which the command does not see"})
	return nil
}

// addSystem adds what a program that is not static needs.
func (p *Plan) addSystem() {
	n := needs{links: map[string]string{}}
	n.wholeSystem()
	for _, m := range n.mounts {
		if !slices.ContainsFunc(p.Mounts, func(had Mount) bool { return had.Path == m.Path }) {
			p.Mounts = append(p.Mounts, m)
		}
	}
	p.Links = n.links // those of a plan with the system's directories are the same ones
}

// hides are the paths that stay empty in a root of these mounts. One around what is the
// command's own cannot be emptied: no mount may have anything else of it.
func (g *Given) hides(mounts []Mount) (hide []string, err error) {
	for _, path := range g.Hide {
		led, err := filepath.EvalSymlinks(path)
		if err != nil {
			led = path // it is not there yet
		}
		if !slices.ContainsFunc(g.Own, func(own string) bool { return within(own, path) || within(own, led) }) {
			hide = append(hide, path)
			continue
		}
		for i := range mounts {
			for _, at := range [...]string{mounts[i].Path, mounts[i].source()} {
				beside := within(path, at) || within(led, at) || within(at, path) || within(at, led)
				if beside && !g.owns(at) {
					return nil, fmt.Errorf("giving %s: it has files of Doorward's own beside the package of the command", at)
				}
			}
		}
	}
	return hide, nil
}

func (g *Given) owns(path string) bool {
	return slices.ContainsFunc(g.Own, func(own string) bool { return within(path, own) })
}

// mount is a path that the operator gives.
func (g *Given) mount(path string, write bool) (Mount, error) {
	m := Mount{Path: filepath.Clean(path), Write: write, Why: "given to read"}
	if write {
		m.Why = "given to write"
	}
	if link := g.planted(path); link != "" {
		return m, fmt.Errorf("giving %s: %s is a link where a command may write, and could be made to lead anywhere: name the directory itself", path, link)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return m, fmt.Errorf("giving %s: %w", path, err)
	}
	if info, err := os.Stat(target); err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return m, fmt.Errorf("giving %s: it is neither a directory nor a regular file", path)
	}
	if target != m.Path {
		m.Source = target
	}
	if g.owns(target) {
		return m, nil
	}
	for _, own := range g.Hide {
		led, err := filepath.EvalSymlinks(own)
		if err != nil {
			led = own // it is not there yet
		}
		if within(target, own) || within(m.Path, own) || within(target, led) {
			return m, fmt.Errorf("giving %s: it is Doorward's own", path)
		}
		// A mount over a file does not keep the directories above it from being renamed, and the
		// next start would read what the command put in its place.
		if write && (within(own, target) || within(led, target)) {
			return m, fmt.Errorf("giving %s to write: %s in it is Doorward's own: give a directory that holds nothing of Doorward's", path, own)
		}
	}
	return m, nil
}

// nested refuses what is given to read below what is given to write: the command could
// rename a directory above it, and have another there.
func (g *Given) nested(at map[string]Mount) error {
	for _, inner := range g.Read {
		for _, outer := range g.Write {
			in, out := at[inner], at[outer]
			if in.source() != out.source() && within(in.source(), out.source()) {
				return fmt.Errorf("giving %s to read only: it lies in %s, which is given to write: give what may be written beside it", inner, outer)
			}
		}
	}
	return nil
}

// planted is the first link on the way of a path that lies where a command may write; empty
// for none. What cannot be looked at is found out by whoever opens it.
func (g *Given) planted(path string) string {
	for range maxLinks {
		link, dir := firstLink(path)
		if link == "" {
			return ""
		}
		for _, p := range g.Planted {
			if led, err := filepath.EvalSymlinks(p); err == nil && within(dir, led) {
				return link
			}
		}
		to, err := os.Readlink(link)
		if err != nil {
			return ""
		}
		if !filepath.IsAbs(to) {
			to = dir + string(filepath.Separator) + to
		}
		path = to + strings.TrimPrefix(path, link) // .. is what lies above where a link before it leads
	}
	return path // too many to tell
}

// firstLink is the first link in a path, and the directory, without links, that it lies in.
func firstLink(path string) (link, dir string) {
	for end := 1; end <= len(path); end++ {
		if end < len(path) && path[end] != filepath.Separator {
			continue
		}
		if info, err := os.Lstat(path[:end]); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return path[:end], filepath.Dir(path[:end])
		}
	}
	return "", ""
}
