package sandbox

import (
	"bytes"
	"os"
	"strconv"
)

// mappingSize is what the kernel holds for one mapping of a process in bytes: struct vm_area_struct
// and its place in a tree. It is in no figure of /proc/pid.
const mappingSize = 256

// mappingsEach is how many bytes of /proc/pid/maps a look reads, or one process's: some 3,000
// mappings, which take 2 ms.
const mappingsEach = 256 << 10

// mappings are how many mappings each process has: it may have 65,530 (vm.max_map_count), and
// a fork has those of its parent. Counting them takes time, so that each look counts those of some
// processes, in turn. One whose turn has not come has as many as its parent, and none has more than pages.
type mappings struct {
	of   map[int]int // as they were counted, or those of the parent
	next []int       // whose turn it is
}

// look estimates the bytes that all mappings take. run tells whether anything ran since the last
// look; what has not has the mappings that it had. limit is how many bytes matter.
func (m *mappings) look(all map[int]holdings, run bool, limit int64) (memory int64) {
	had := m.of
	m.of = make(map[int]int, len(all))
	for pid, h := range all {
		n, known := had[pid]
		if !known {
			n = had[h.parent]
		}
		m.of[pid] = n
	}
	if run {
		m.count(all, int(limit/mappingSize)+1)
	}
	page := int64(os.Getpagesize())
	for pid, h := range all {
		memory += min(int64(m.of[pid]), h.size/page) * mappingSize
	}
	return memory
}

// count counts those of the processes whose turn it is, each once at most.
func (m *mappings) count(all map[int]holdings, most int) {
	if len(m.next) == 0 {
		for pid := range all {
			m.next = append(m.next, pid)
		}
	}
	for left := mappingsEach; left > 0 && len(m.next) > 0; m.next = m.next[1:] {
		pid := m.next[0]
		if _, there := all[pid]; !there {
			continue
		}
		n, read := countMappings("/proc/"+strconv.Itoa(pid)+"/maps", most)
		m.of[pid] = n
		left -= read
	}
}

// countMappings counts the lines of a file of the kernel's (proc_pid_maps(5)), and no more than
// most; read is how many bytes that took. There are none of a process that has ended.
func countMappings(path string, most int) (n, read int) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for part := make([]byte, 32<<10); n < most; {
		got, err := f.Read(part)
		n += bytes.Count(part[:got], []byte{'\n'})
		read += got
		if err != nil {
			break
		}
	}
	return n, read
}
