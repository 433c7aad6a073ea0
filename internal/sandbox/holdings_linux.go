package sandbox

import (
	"bytes"
	"os"
	"strconv"
)

// holdings are what a process has, of /proc/pid/status (proc_pid_status(5)).
type holdings struct {
	memory  int64 // that no file backs, in bytes, with its tables of pages and what was swapped out
	size    int64 // of all that is mapped, in bytes
	threads int
	parent  int
}

// holding is what a process has, and nothing for one that has ended. Pages that a fork shares
// count for both. There is no memory that processes share without a file, which would
// be no one's (byArgument), and the files of the sandbox are the disk's.
func holding(at string) (h holdings) {
	b, err := os.ReadFile(at + "/status")
	if err != nil {
		return holdings{}
	}
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "RssAnon", "VmPTE", "VmSwap":
			h.memory += number(value) << 10
		case "VmSize":
			h.size = number(value) << 10
		case "Threads":
			h.threads = int(number(value))
		case "PPid":
			h.parent = int(number(value))
		}
	}
	return h
}

// number is the value of a line, of which some are in kB; 0 where it is none.
func number(value []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
