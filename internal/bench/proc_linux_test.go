package main

import (
	"math"
	"os"
	"testing"
	"time"
)

func TestProcessFiguresOfThisProcess(t *testing.T) {
	pid := os.Getpid()
	if v := residentSet(pid); !(v > 1<<20) {
		t.Errorf("resident set %v", v)
	}
	before := cpuTime(pid)
	for began := time.Now(); !(cpuTime(pid)-before > 10e6) && time.Since(began) < time.Minute; { // burns what is measured
	}
	if used := cpuTime(pid) - before; !(used > 10e6) {
		t.Errorf("used %v ns within a minute of work", used)
	}
	if v := cpuTicks(pid); math.IsNaN(v) {
		t.Error("no ticks")
	}
}
