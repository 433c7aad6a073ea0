package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// cpuTime is the processor time that a process has used so far, in
// nanoseconds; NaN where the kernel does not say (outside Linux).
func cpuTime(pid int) float64 {
	// schedstat counts in nanoseconds, but for each thread. Go keeps its threads,
	// so none takes its time along.
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var total float64
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has just ended
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseFloat(string(first), 64)
		if err != nil {
			return math.NaN()
		}
		total += ns
	}
	if total > 0 {
		return total
	}
	return cpuTicks(pid)
}

// cpuTicks is the same from /proc/PID/stat, for kernels without schedstat. A
// tick is 10 ms for all that user space sees (USER_HZ).
func cpuTicks(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return math.NaN()
	}
	// The second field is the name in parentheses and may hold spaces: count
	// from its end. utime and stime are fields 14 and 15 (proc_pid_stat(5)).
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return math.NaN()
	}
	user, err1 := strconv.ParseFloat(string(fields[11]), 64)
	system, err2 := strconv.ParseFloat(string(fields[12]), 64)
	if err1 != nil || err2 != nil {
		return math.NaN()
	}
	return (user + system) * 10e6
}

// residentSet is the memory of a process that is in RAM, in bytes; NaN where
// the kernel does not say.
func residentSet(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return math.NaN()
	}
	return field(text, "VmRSS:") * 1024
}

// field is the number behind the name at the start of a line; NaN without one.
func field(text []byte, name string) float64 {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if !ok {
			continue
		}
		if words := bytes.Fields(rest); len(words) > 0 {
			if v, err := strconv.ParseFloat(string(words[0]), 64); err == nil {
				return v
			}
		}
	}
	return math.NaN()
}

// loadAverage is how many processes wanted a CPU over the last minute; NaN where
// the kernel does not say.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return math.NaN()
	}
	return field(append([]byte("load "), text...), "load ")
}

// memory is what a Go process says of its heap.
type memory struct {
	mallocs float64 // objects allocated so far
	bytes   float64 // bytes allocated so far
	heap    float64 // bytes of objects, dead ones not yet swept included
	cycles  float64 // garbage collections so far
}

// readMemory scrapes Prometheus metrics from address.
func readMemory(ctx context.Context, address string) (memory, error) {
	w, err := dial(ctx, address, time.Now().Add(10*time.Second))
	if err != nil {
		return memory{}, fmt.Errorf("metrics: %w", err)
	}
	defer w.close()
	a, err := w.roundTrip([]byte("GET /metrics HTTP/1.1\r\nHost: " + address + "\r\n\r\n"))
	if err != nil {
		return memory{}, fmt.Errorf("metrics: %w", err)
	}
	if a.status != 200 {
		return memory{}, fmt.Errorf("metrics: status %d: %.200s", a.status, a.body)
	}
	return memory{
		mallocs: field(a.body, "go_memstats_mallocs_total "),
		bytes:   field(a.body, "go_memstats_alloc_bytes_total "),
		heap:    field(a.body, "go_memstats_heap_alloc_bytes "),
		cycles:  field(a.body, "go_gc_duration_seconds_count "),
	}, nil
}

// scrapeCost is what one scrape allocates: the smallest difference of several,
// as other things go on too.
func scrapeCost(ctx context.Context, address string) (memory, error) {
	cost := memory{mallocs: math.Inf(1), bytes: math.Inf(1)}
	before, err := readMemory(ctx, address)
	for range 5 {
		if err != nil {
			return memory{}, err
		}
		var after memory
		after, err = readMemory(ctx, address)
		cost.mallocs = min(cost.mallocs, after.mallocs-before.mallocs)
		cost.bytes = min(cost.bytes, after.bytes-before.bytes)
		before = after
	}
	return cost, err
}
