package paths

import (
	"slices"
	"strings"
)

// Judge judges paths by one rule. The zero value and nil refuse everything.
type Judge struct {
	made       bool // by New
	windows    bool
	resolve    bool
	base       string // with its trailing separator, or empty
	roots      []root
	closed     []closed
	extensions []string
}

// root is one allowed directory, without a trailing separator.
type root struct {
	text   string
	kernel bool // below /proc, /dev or /sys, by the operator's word
}

// Bounds of Linux: PATH_MAX with its final NUL, and NAME_MAX.
const (
	maxPath      = 4096 // bytes
	maxComponent = 255  // bytes
)

// Reasons. A client may read them, so they say what to write instead and never
// what was written.
const (
	whyNoRule    = "no rule for paths is in force"
	whyEmpty     = "is empty"
	whyLong      = "is longer than 4096 bytes"
	whyRelative  = "is not absolute"
	whyScheme    = "is a URI or names another host: write a plain path"
	whyOption    = "begins with a hyphen"
	whyOutside   = "is not below an allowed directory"
	whyBracket   = "holds a bracket that a server which expands patterns could read as a closed part"
	whyClosed    = "is in a closed part of an allowed directory"
	whyExtension = "has no allowed extension"
	whyKernel    = "is in a tree of the kernel (/proc, /dev, /sys)"
)

// Judge returns "" when the path may pass, else why not, without repeating it.
// The bytes that it judged are those to forward. The authorize stage calls it
// for each string of an argument that is typed as a path.
func (j *Judge) Judge(path string) string {
	switch {
	case j == nil || !j.made:
		return whyNoRule
	case path == "":
		return whyEmpty
	case len(path) > maxPath:
		return whyLong
	}
	if why := j.beginning(path); why != "" {
		return why
	}
	if why := j.spelling(path); why != "" {
		return why
	}
	if len(j.closed) > 0 && strings.IndexByte(path, '[') >= 0 && j.mayExpand(path) {
		return whyBracket
	}
	if _, absolute := j.start(path); !absolute {
		path = j.base + path
		if len(path) > maxPath {
			return whyLong
		}
	}
	if why := j.keeps(path); why != "" || !j.resolve {
		return why
	}
	return j.leads(path)
}

// start is where the first component begins, and whether the path is absolute.
func (j *Judge) start(path string) (int, bool) {
	switch {
	case j.windows && len(path) > 2 && isLetter(path[0]) && path[1] == ':' && j.separator(path[2]):
		return 3, true
	case !j.windows && path != "" && path[0] == '/':
		return 1, true
	default:
		return 0, false
	}
}

// beginning judges what only the first bytes can show.
func (j *Judge) beginning(path string) string {
	if _, absolute := j.start(path); absolute {
		return ""
	}
	first := path
	if i := strings.IndexAny(path, `/\`); i >= 0 {
		first = path[:i]
	}
	switch {
	case strings.IndexByte(first, ':') >= 0:
		return whyScheme // or a drive, or host:path
	case first == "" || j.base == "":
		return whyRelative // with Windows, "\x" is relative to some drive
	case first[0] == '-':
		return whyOption
	}
	return ""
}

// separator tells whether the reader splits at c.
func (j *Judge) separator(c byte) bool { return c == '/' || c == '\\' && j.windows }

// keeps tells whether an absolute path of sound spelling keeps to the rule.
func (j *Judge) keeps(path string) string {
	kernel := !j.windows && inKernelTree(path)
	if len(j.roots) == 0 {
		if kernel {
			return whyKernel
		}
		return j.within(path, 1)
	}
	why := whyOutside
	for i := range j.roots {
		r := &j.roots[i]
		switch {
		case !j.below(path, r.text):
		case kernel && !r.kernel:
			why = whyKernel
		default:
			return j.within(path, len(r.text))
		}
	}
	return why
}

// within judges a path that is below an allowed directory of that many bytes. A
// reader of URIs stops at the first "#": what it would open is judged too, and
// as if it trimmed.
func (j *Judge) within(path string, allowed int) string {
	if why := j.names(path); why != "" {
		return why
	}
	if i := strings.IndexByte(path[allowed:], '#'); i >= 0 {
		return j.names(strings.TrimRight(path[:allowed+i], " .'~"))
	}
	return ""
}

// names judges what the path names inside an allowed directory.
func (j *Judge) names(path string) string {
	if len(j.closed) > 0 && j.isClosed(path) {
		return whyClosed
	}
	if len(j.extensions) > 0 && !j.hasExtension(path) {
		return whyExtension
	}
	return ""
}

// below tells whether the path is the directory or below it, component by
// component. Both are clean and dir has no trailing separator, so that equal
// bytes up to a separator are equal components.
func (j *Judge) below(path, dir string) bool {
	if len(path) < len(dir) || len(path) > len(dir) && !j.separator(path[len(dir)]) {
		return false
	}
	if !j.windows {
		return path[:len(dir)] == dir
	}
	for i := range len(dir) {
		a, b := path[i], dir[i]
		if lowerByte(a) != lowerByte(b) && (!j.separator(a) || !j.separator(b)) {
			return false
		}
	}
	return true
}

// hasExtension compares the last extension. A name that is nothing but a dot
// and a word has an extension to some readers and none to others.
func (j *Judge) hasExtension(path string) bool {
	slash := len(path) - 1
	for slash >= 0 && !j.separator(path[slash]) {
		slash--
	}
	name := path[slash+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return false
	}
	return slices.Contains(j.extensions, name[dot:])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
