package sandbox_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hostileLoad takes what it can of one thing.
func hostileLoad(args []string) int {
	what := map[string]func() error{"forks": forks, "threads": threads, "disk": fill, "inodes": inodes, "files": files, "spin": spin}[args[0]]
	if what == nil {
		return 2
	}
	if err := what(); err != nil {
		fmt.Println(err)
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
