package sandbox

import (
	"slices"
	"strings"
)

// Controllers of cgroup v2 that keep a limit (the kernel's Documentation/admin-guide/cgroup-v2.rst).
const (
	byMemory = "memory"
	byTasks  = "pids"
	byCPU    = "cpu"
)

// keeping is what keeps the limits where a command's cgroup has these controllers.
func keeping(controllers []string) []Kept {
	or := func(controller, there, instead string) string {
		if slices.Contains(controllers, controller) {
			return there
		}
		return instead
	}
	return []Kept{
		{"memory", or(byMemory, "cgroup (memory.max: memory, disk and 32 MiB together, for its file system in memory and process 1 count)", "watch") + ", rlimit of each process"},
		{"processes and threads", or(byTasks, "cgroup (pids.max), rlimit", "rlimit") + ", watch"},
		{"cpu", or(byCPU, "cgroup (cpu.max)", "watch")},
		{"open files", "rlimit"},
		{"largest file", "rlimit"},
		{"disk", "size of its file system in memory"},
		{"time", "watch"},
	}
}

// inWords are keepers for people.
func inWords(all []Kept) string {
	words := make([]string, len(all))
	for i, k := range all {
		words[i] = k.Limit + ": " + k.By
	}
	return strings.Join(words, "; ")
}
