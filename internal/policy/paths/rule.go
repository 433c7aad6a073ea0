package paths

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Rule is what a path must keep to. Zero: any unambiguous absolute path.
type Rule struct {
	// Under are absolute directories: the path is one of them or below.
	// Empty: anywhere that is not refused outright.
	Under []string

	// Not closes parts of Under: directories, and globs that begin with "/" or
	// "**" ("*" stays in one component, "**" crosses slashes; with Windows,
	// slashes and a drive). What is below a closed directory or below a match
	// is closed as well. As a deny it compares exactly, and again without case,
	// invisible characters and compatibility forms (NFKC).
	Not []string

	// Extensions, as ".md": the last extension of the last component, exactly.
	// Empty: all. A directory-like path (a trailing slash) has none and is
	// refused then; so is a dotfile without a further dot.
	Extensions []string

	Base    string // where a relative path starts; empty: relative paths are refused
	Windows bool   // the upstream reads Windows paths
	Resolve bool   // look at the file system of this machine: no symlink of an existing part may lead out of Under
}

// Fault is one thing wrong with a rule. Field is relative to the rule:
// "under[1]".
type Fault struct {
	Field string
	Text  string
}

// Bounds on a rule: far above any in use, low enough that a judgement stays in
// the microseconds.
const (
	maxEntries = 64   // of each list
	maxPattern = 1024 // bytes of a glob
	maxBraces  = 4    // of a glob: the matcher tries each combination
)

// New makes a judge of the rule. It returns every fault it finds; with any
// fault the judge is nil, which refuses. Config calls it once per load.
func New(r Rule) (*Judge, []Fault) {
	c := compiler{judge: Judge{made: true, windows: r.Windows, resolve: r.Resolve}}
	c.bound("under", len(r.Under))
	c.bound("not", len(r.Not))
	c.bound("extensions", len(r.Extensions))
	for i, dir := range r.Under {
		c.under(fmt.Sprintf("under[%d]", i), dir)
	}
	for i, entry := range r.Not {
		c.not(fmt.Sprintf("not[%d]", i), entry)
	}
	for i, ext := range r.Extensions {
		c.extension(fmt.Sprintf("extensions[%d]", i), ext)
	}
	if r.Base != "" {
		c.base(r.Base)
	}
	if r.Resolve && (r.Windows || runtime.GOOS == "windows") {
		c.fault("resolve", "follows POSIX links alone: leave it out with Windows paths")
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &c.judge, nil
}

type compiler struct {
	judge  Judge
	faults []Fault
}

func (c *compiler) fault(field, text string) {
	c.faults = append(c.faults, Fault{Field: field, Text: text})
}

func (c *compiler) bound(field string, n int) {
	if n > maxEntries {
		c.fault(field, fmt.Sprintf("has more than %d entries", maxEntries))
	}
}

// directory checks one absolute directory and returns it without a trailing
// separator, so that the root is "" and a drive "C:".
func (c *compiler) directory(field, dir string) (string, bool) {
	if _, absolute := c.judge.start(dir); !absolute {
		c.fault(field, "is not absolute")
		return "", false
	}
	if why := c.judge.spelling(dir); why != "" {
		c.fault(field, "no path below it could pass: "+why)
		return "", false
	}
	if c.judge.separator(dir[len(dir)-1]) {
		dir = dir[:len(dir)-1]
	}
	return dir, true
}

func (c *compiler) under(field, dir string) {
	text, ok := c.directory(field, dir)
	if !ok {
		return
	}
	kernel := !c.judge.windows && inKernelTree(text)
	if kernel && opensProcess(text) {
		c.fault(field, "is a tree of the kernel that leads to any file: name a directory below it that does not")
		return
	}
	c.judge.roots = append(c.judge.roots, root{text: text, kernel: kernel})
}

func (c *compiler) extension(field, ext string) {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '+'
	}
	if len(ext) < 2 || ext[0] != '.' || strings.ContainsFunc(ext[1:], func(r rune) bool { return !plain(r) }) {
		c.fault(field, `is not a dot and a word, such as ".md"`)
		return
	}
	c.judge.extensions = append(c.judge.extensions, ext)
}

func (c *compiler) base(dir string) {
	text, ok := c.directory("base", dir)
	if !ok {
		return
	}
	j := &c.judge
	meets := func(r root) bool { return j.below(text, r.text) || j.below(r.text, text) }
	if len(j.roots) > 0 && !slices.ContainsFunc(j.roots, meets) {
		c.fault("base", "is not below an allowed directory, so no relative path could pass")
		return
	}
	if len(j.roots) == 0 && !j.windows && inKernelTree(text) {
		c.fault("base", whyKernel)
		return
	}
	j.base = text
	if j.windows {
		j.base += `\`
	} else {
		j.base += "/"
	}
}
