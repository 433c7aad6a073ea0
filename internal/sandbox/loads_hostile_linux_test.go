package sandbox_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hostileLoad takes what it can of one thing.
func hostileLoad(args []string) int {
	what := map[string]func() error{"forks": forks, "threads": threads, "disk": fill, "inodes": inodes, "files": files, "spin": spin, "disowned": disowned, "settle": settle, "visit": visit}[args[0]]
	if what == nil {
		return 2
	}
	if err := what(); err != nil {
		fmt.Println(err)
		_ = unix.Nanosleep(&unix.Timespec{Sec: 1}, nil) // until it is seen; the runtime's own sleep opens files
	}
	return 0
}

// hold makes threads and keeps them until the result is closed; after that they are
// there for the runtime, which ends a process that gets none when it wants one.
func hold(threads int) chan<- struct{} {
	var up sync.WaitGroup
	end := make(chan struct{})
	for range threads {
		up.Add(1)
		go func() {
			runtime.LockOSThread()
			up.Done()
			<-end
			runtime.UnlockOSThread()
		}()
	}
	up.Wait()
	return end
}

// forks starts processes for as long as it lives.
func forks() error {
	runtime.GOMAXPROCS(2)
	close(hold(8))
	for {
		if _, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{}); err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// threads has as many threads as the limit of its test, all of which wait.
func threads() error {
	runtime.GOMAXPROCS(2)
	for {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		if len(tasks) >= bombTasks {
			return unix.Pause()
		}
		defer close(hold(1))
	}
}

// memory are kinds of memory, which can be had or not.
func memory() map[string]func() error {
	mapped := func(fd, flags int) func() error {
		return func() error {
			b, err := unix.Mmap(fd, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, flags)
			if err == nil {
				_ = unix.Munmap(b)
			}
			return err
		}
	}
	zero := func(flags int) func() error {
		return func() error {
			f, err := os.OpenFile("/dev/zero", os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			return mapped(int(f.Fd()), flags)()
		}
	}
	return map[string]func() error{
		"private memory":        mapped(-1, unix.MAP_PRIVATE|unix.MAP_ANON),
		"shared memory":         mapped(-1, unix.MAP_SHARED|unix.MAP_ANON),
		"validated memory":      mapped(-1, unix.MAP_SHARED_VALIDATE|unix.MAP_ANON),
		"huge pages":            mapped(-1, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB),
		"shared zeros":          zero(unix.MAP_SHARED),
		"private zeros":         zero(unix.MAP_PRIVATE),
		"zeros of /dev/zero":    func() error { return firstByte("/dev/zero") },
		"memory of 2^32+shared": sharedBeyond,
	}
}

// sharedBeyond asks for shared memory with a flag where no filter may look for none.
func sharedBeyond() error {
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, 1<<20, unix.PROT_READ, 1<<32|unix.MAP_SHARED|unix.MAP_ANON, ^uintptr(0), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// firstByte reads a byte that must be zero.
func firstByte(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := []byte{1}
	if _, err := f.Read(b); err != nil || b[0] != 0 {
		return fmt.Errorf("read %d: %w", b[0], err)
	}
	return nil
}

// fill writes to the private file system until it is full.
func fill() error {
	f, err := os.Create("/dev/shm/full")
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 1<<16); ; {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
}

// inodes makes a million files.
func inodes() error {
	for i := range 1_000_000 {
		if err := os.Mkdir(fmt.Sprintf("/tmp/%d", i), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// files opens a hundred thousand.
func files() error {
	for range 100_000 {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			return err
		}
	}
	return nil
}

// spin keeps every processor busy, and says how much CPU time it got in two seconds
// after what it may use in advance is used up.
func spin() error {
	var turns atomic.Int64
	for range 8 {
		go func() {
			for {
				turns.Add(1)
			}
		}()
	}
	used := func() time.Duration {
		var ru unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &ru)
		return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	for used() < 1200*time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	began, had := time.Now(), used()
	time.Sleep(2 * time.Second)
	fmt.Printf("%.3f", (used()-had).Seconds()/time.Since(began).Seconds())
	os.Exit(0)
	return nil
}

// disowned keeps the processors busy with short-lived processes whose time nobody is told:
// it ignores their end. It says how much CPU time they took in a second and a half, after
// what may be used in advance is used up.
func disowned() error {
	const work = "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); done"
	fork := func() (pid int) {
		pid, _ = syscall.ForkExec("/bin/sh", []string{"sh", "-c", work}, &syscall.ProcAttr{})
		return pid
	}
	each := time.Hour // of CPU time that one takes at least
	for range 4 {
		var one unix.Rusage
		if _, err := unix.Wait4(fork(), nil, 0, &one); err != nil {
			return err
		}
		each = min(each, time.Duration(one.Utime.Nano()+one.Stime.Nano()))
	}
	signal.Ignore(syscall.SIGCHLD)
	batch := func() time.Duration {
		for range 4 {
			fork()
		}
		for { // until there is no child
			if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
				return 4 * each
			}
		}
	}
	for used := time.Duration(0); used < 700*time.Millisecond; {
		used += batch()
	}
	began, used := time.Now(), time.Duration(0)
	for time.Since(began) < 1500*time.Millisecond {
		used += batch()
	}
	fmt.Printf("%.3f", used.Seconds()/time.Since(began).Seconds())
	return nil
}
