//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"
	"time"

	"doorward/internal/durable"
)

// lockDir takes the log's lock. The kernel drops it with the process, so a
// killed process leaves no stale lock. Where another has it, lockDir waits as long as
// wait, and at least as long as a reader keeps it.
func lockDir(path string, wait time.Duration) (*os.File, error) {
	f, err := durable.Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	for range max(lockTries, int(wait/lockPause)) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			break
		}
		time.Sleep(lockPause)
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return nil, err
}

// A reader holds the lock, shared, for the moment that locked takes; a writer
// that starts must not take it for another writer.
const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
)

// locked tells whether a process writes the log right now.
func locked(path string) bool {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}
