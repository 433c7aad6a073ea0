package paths

import "strings"

// inKernelTree tells whether the path is in /proc, /dev or /sys, whose entries
// lead to memory, devices, other processes and, by their links, to any file.
// Case is ignored: some volumes ignore it.
func inKernelTree(path string) bool {
	if len(path) < 4 || path[0] != '/' {
		return false
	}
	first, _, _ := strings.Cut(path[1:], "/")
	switch len(first) {
	case 3:
		return strings.EqualFold(first, "dev") || strings.EqualFold(first, "sys")
	case 4:
		return strings.EqualFold(first, "proc")
	default:
		return false
	}
}

// opensProcess tells whether an allowed directory would open a whole kernel
// tree, a process or its open files; that is never meant.
func opensProcess(dir string) bool {
	first, rest, _ := strings.Cut(dir[1:], "/")
	second, _, _ := strings.Cut(strings.ToLower(rest), "/")
	switch {
	case second == "":
		return true
	case strings.EqualFold(first, "proc"):
		return second == "self" || second == "thread-self" || strings.Trim(second, "0123456789") == ""
	case strings.EqualFold(first, "dev"):
		return second == "fd" || strings.HasPrefix(second, "std")
	default:
		return false
	}
}
