package paths

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

const (
	whyLink  = "leads out of the allowed directories by a symbolic link"
	whyLinks = "has more symbolic links or parts than are followed"
	whyLook  = "cannot be looked at"
)

const (
	maxLinks = 40   // as Linux (MAXSYMLINKS)
	maxParts = 4096 // components looked at, those of link targets included
)

// leads tells whether the links of the path, as they stand now, lead to
// something that keeps to the rule. A part that does not exist is taken as it
// is written, below its deepest existing ancestor.
func (j *Judge) leads(path string) string {
	led, why := j.follow(path)
	if why != "" {
		return why
	}
	if len(j.roots) == 0 {
		return j.lands(led, "", "")
	}
	for i := range j.roots {
		r := &j.roots[i]
		dir, why := j.follow(r.text)
		if why != "" {
			continue // no path is below a directory that nobody can find
		}
		if dir == "/" {
			dir = ""
		}
		if j.below(led, dir) {
			return j.lands(led, dir, r.text)
		}
	}
	return whyLink
}

// lands judges where the links led: below dir, which is how the allowed
// directory named so resolves. Closed parts are looked for under the names of
// both.
func (j *Judge) lands(led, dir, named string) string {
	if why := j.names(led); why != "" {
		return why
	}
	if back := named + led[len(dir):]; back != led {
		if why := j.names(back); why != "" {
			return why
		}
	}
	for i := range j.closed {
		if j.closed[i].glob {
			continue
		}
		shut, why := j.follow(j.closed[i].exact)
		if why != "" {
			return why
		}
		if isOrBelow(led, shut) {
			return whyClosed
		}
	}
	return ""
}

// follow resolves the links of an absolute path. It never enters a tree of the
// kernel that the rule does not open: the links there mean something else to
// every process.
func (j *Judge) follow(path string) (string, string) {
	at, rest := "", path
	for links, parts := 0, 0; rest != ""; parts++ {
		if links > maxLinks || parts > maxParts {
			return "", whyLinks
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..": // of a link's target; above the root is the root
			at = at[:max(strings.LastIndexByte(at, '/'), 0)]
			continue
		}
		next := at + "/" + name
		if j.shut(next) {
			return "", whyKernel
		}
		target, found, err := look(next)
		switch {
		case err != nil:
			return "", whyLook
		case !found:
			return missing(next, rest)
		case target == "":
			at = next
			continue
		case target[0] == '/':
			at = ""
		}
		links++
		rest = target + "/" + rest
	}
	if at == "" {
		at = "/"
	}
	return at, ""
}

// missing is the path below a part that does not exist. What climbs out of it
// would be somewhere else once it does.
func missing(at, rest string) (string, string) {
	for name := range strings.SplitSeq(rest, "/") {
		switch name {
		case "", ".":
		case "..":
			return "", whyLook
		default:
			at += "/" + name
		}
	}
	return at, ""
}

// look tells whether something is there, and where it points if it is a link.
func look(path string) (target string, found bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return "", true, nil
	}
	target, err = os.Readlink(path)
	if err == nil && target == "" {
		err = fs.ErrInvalid
	}
	return target, true, err
}

// shut tells whether the path is in a tree of the kernel and neither below an
// allowed directory there nor on the way to one.
func (j *Judge) shut(path string) bool {
	if !inKernelTree(path) {
		return false
	}
	for i := range j.roots {
		if r := &j.roots[i]; r.kernel && (j.below(path, r.text) || j.below(r.text, path)) {
			return false
		}
	}
	return true
}
