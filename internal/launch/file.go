package launch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// File judges the file that a command begins with, as it is on this machine now: name is
// what the command calls it, path where it was found, absolute. Where it cannot be looked
// at, it cannot be started either, and that is an error.
func File(name, path string) ([]Breach, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", path, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", path, err)
	}
	var all []Breach
	if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		all = append(all, Breach{Rights, target + " runs with the rights of its owner (set-user-id)", "name a program without them"})
	}
	if called := programName(name); disguised(called, target, info) {
		all = append(all, Breach{Disguised, fmt.Sprintf("%s is the shell %s under another name", name, target), "name the server's program itself"})
	}
	writable, err := Kept(path)
	return append(all, writable...), err
}

// Kept judges whether everybody on this machine could put another file in place of one
// that is executed: by the file itself, or by any link on the way to it.
func Kept(path string) ([]Breach, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", path, err)
	}
	way, err := wayTo(path)
	if err != nil {
		return nil, err
	}
	for _, p := range way {
		at, err := replaceable(p)
		if err != nil {
			return nil, err
		}
		if at != "" {
			return []Breach{{Writable, fmt.Sprintf("everybody on this machine may write %s, and so replace %s", at, path), "chmod o-w it, or put what runs elsewhere"}}, nil
		}
	}
	return nil, nil
}

// maxLinks bounds the links on the way to a file (path_resolution(7)).
const maxLinks = 40

// wayTo are the links that a path leads through, each where it lies, and the file at the end.
func wayTo(path string) (way []string, err error) {
	for range maxLinks {
		link := firstLink(path)
		if link == "" {
			return append(way, filepath.Clean(path)), nil
		}
		way = append(way, filepath.Clean(link))
		to, err := os.Readlink(link)
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", link, err)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(link) + string(filepath.Separator) + to
		}
		path = to + strings.TrimPrefix(path, link) // .. is what lies above where a link before it leads
	}
	return nil, fmt.Errorf("looking at %s: it leads through more than %d links", path, maxLinks)
}

// firstLink is the first part of a path that is a link; empty for none. What is before it has
// none.
func firstLink(path string) string {
	for end := 1; end <= len(path); end++ {
		if end < len(path) && !os.IsPathSeparator(path[end]) {
			continue
		}
		if info, err := os.Lstat(path[:end]); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return path[:end]
		}
	}
	return ""
}

// disguised tells whether a file that is called otherwise is a shell. Where busybox or toybox
// is env(1) or another program that runs a command, it is that by its name, and the command
// behind it is judged.
func disguised(called, target string, info fs.FileInfo) bool {
	is := programName(target)
	if !shell(is) {
		is = programName(shellOf(info))
	}
	_, known := wrappers[called]
	return shell(is) && !shell(called) && (!known || !multiCall(is))
}

func shell(program string) bool { return slices.Contains(shells(), program) || multiCall(program) }

func multiCall(program string) bool { return program == "busybox" || program == "toybox" }

// shellOf is the shell of this system that a file is, by another link to it; empty for none.
func shellOf(info fs.FileInfo) string {
	for _, name := range [...]string{"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"} {
		for _, dir := range [...]string{"/bin", "/usr/bin"} {
			if other, err := os.Stat(filepath.Join(dir, name)); err == nil && os.SameFile(info, other) {
				return filepath.Join(dir, name)
			}
		}
	}
	return ""
}

// others is the right of everybody to write, where a mode says who may: on Windows it is made
// up from whether the file may be written at all.
const others = 0o002

// modes tells whether it does.
const modes = runtime.GOOS != "windows"

// replaceable is the file or directory by which everybody could put another program in
// place of this one; empty for none. In a directory above it the sticky bit is enough
// (/tmp); in its own, where a name can be taken before it is there, it is not.
func replaceable(path string) (string, error) {
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return "", fmt.Errorf("looking at %s: %w", at, err)
		}
		open := modes && info.Mode().Perm()&others != 0 && info.Mode()&fs.ModeSymlink == 0
		if open && (info.Mode()&fs.ModeSticky == 0 || at == filepath.Dir(path)) {
			return at, nil
		}
		if at == filepath.Dir(at) || !strings.Contains(at, string(filepath.Separator)) {
			return "", nil
		}
	}
}
