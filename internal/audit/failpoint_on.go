//go:build failpoints

package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The environment of the binary of the stress tests.
const (
	envPoint      = "DOORWARD_FAILPOINT"            // NAME:PASSES[:power]: where it dies, at which pass, and whether the power goes, too
	envDisk       = "DOORWARD_FAILPOINT_DISK"       // write:N, sync:N: that operation and all after it get EIO; slow:DURATION: each takes so long
	envSegment    = "DOORWARD_FAILPOINT_SEGMENT"    // Config.SegmentBytes
	envCheckpoint = "DOORWARD_FAILPOINT_CHECKPOINT" // Config.CheckpointEvery
)

// page is how much of a file the kernel writes to a disk or not.
const page = 4 << 10

// failpoints are those of one log.
type failpoints struct {
	name string
	left *atomic.Int64 // passes until the process dies
	disk *failingDisk
}

// armed reads the environment. What it cannot read ends the process: a test that
// arms nothing would show nothing.
func armed(cfg *Config) failpoints {
	p := failpoints{left: &atomic.Int64{}, disk: &failingDisk{open: cfg.open}}
	var err error
	if text := os.Getenv(envPoint); text != "" {
		parts := strings.Split(text+":", ":")
		n, e := strconv.ParseInt(parts[1], 10, 64)
		p.name, p.disk.power, err = parts[0], parts[2] == "power", e
		p.left.Store(n)
	}
	if text := os.Getenv(envSegment); text != "" && err == nil {
		cfg.SegmentBytes, err = strconv.ParseInt(text, 10, 64)
	}
	if text := os.Getenv(envCheckpoint); text != "" && err == nil {
		cfg.CheckpointEvery, err = time.ParseDuration(text)
	}
	kind, text, _ := strings.Cut(os.Getenv(envDisk), ":")
	switch {
	case err != nil:
	case kind == "write":
		p.disk.failWrite, err = strconv.ParseInt(text, 10, 64)
	case kind == "sync":
		p.disk.failSync, err = strconv.ParseInt(text, 10, 64)
	case kind == "slow":
		p.disk.slow, err = time.ParseDuration(text)
	}
	if err != nil {
		panic(fmt.Errorf("failpoints: %w", err))
	}
	cfg.open = p.disk.segment
	return p
}

// pass dies at the pass that was asked for, as kill -9 does.
func (p failpoints) pass(name string) {
	if name != p.name || p.left.Add(-1) != 0 {
		return
	}
	p.disk.lose()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing comes after it
}

// failingDisk makes the segments of a log fail, and knows what of them is synced.
type failingDisk struct {
	open                func(dir string, n int, create bool) (segmentFile, error)
	power               bool
	failWrite, failSync int64 // 0: never
	slow                time.Duration

	mu            sync.Mutex // held for good once the power is gone
	writes, syncs int64
	now           *failingFile
}

// failingFile is the newest segment.
type failingFile struct {
	segmentFile
	disk       *failingDisk
	from, upTo int64 // what is written and not synced
}

func (d *failingDisk) segment(dir string, n int, create bool) (segmentFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.open(dir, n, create)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.now = &failingFile{segmentFile: f, disk: d, from: info.Size(), upTo: info.Size()}
	return d.now, nil
}

// WriteAt implements io.WriterAt.
func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(d.slow)
	if d.writes++; d.failWrite > 0 && d.writes >= d.failWrite {
		return 0, syscall.EIO
	}
	f.from, f.upTo = min(f.from, off), max(f.upTo, off+int64(len(p)))
	return f.segmentFile.WriteAt(p, off)
}

func (f *failingFile) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(d.slow)
	if d.syncs++; d.failSync > 0 && d.syncs >= d.failSync {
		return syscall.EIO
	}
	err := f.segmentFile.Sync()
	if err == nil {
		f.from = f.upTo
	}
	return err
}

func (f *failingFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.from, f.upTo = min(f.from, size), size
	return f.segmentFile.Truncate(size)
}

// lose does what a loss of power may: of what was not synced some pages are there,
// some are zeros, and the file ends anywhere. Nothing is written from then on.
func (d *failingDisk) lose() {
	d.mu.Lock()
	if !d.power || d.now == nil {
		return
	}
	f := d.now
	for at := f.from; at < f.upTo; {
		end := min(f.upTo, (at/page+1)*page)
		if rand.N(2) == 0 {
			_, _ = f.segmentFile.WriteAt(make([]byte, end-at), at)
		}
		at = end
	}
	if rand.N(2) == 0 {
		_ = f.segmentFile.Truncate(f.from + rand.N(f.upTo-f.from+1))
	}
}
