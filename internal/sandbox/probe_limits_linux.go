package sandbox

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit compares one of the kernel's limits with the plan's, and tries to raise it.
func (q *question) limit(which int) func() error {
	return func() error {
		for _, want := range q.Limits.kernel() {
			if want.which != which {
				continue
			}
			var is syscall.Rlimit
			if err := syscall.Getrlimit(which, &is); err != nil {
				return err
			}
			amount := uint64(want.amount) //nolint:gosec // no limit is negative
			if is.Cur != amount || is.Max != amount {
				return fmt.Errorf("the limit of %s is %d and may become %d, and the plan says %d", want.name, is.Cur, is.Max, amount)
			}
			if syscall.Setrlimit(which, &syscall.Rlimit{Cur: amount + 1, Max: amount + 1}) == nil {
				return fmt.Errorf("the limit of %s can be raised", want.name)
			}
			return nil
		}
		return errors.New("there is no such limit")
	}
}

// mapped maps more memory than one process may have.
func (q *question) mapped() error {
	if err := q.limit(unix.RLIMIT_DATA)(); err != nil {
		return err
	}
	size := uintptr(min(q.Limits.data(), math.MaxInt-1) + 1) //nolint:gosec // positive
	at, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil //nolint:nilerr // it is as it should be
	}
	return errors.Join(fmt.Errorf("%d bytes were mapped", size), unix.MunmapPtr(at, size))
}

// files asks for a descriptor that the limit of open files leaves no room for.
func (q *question) files() error {
	if err := q.limit(unix.RLIMIT_NOFILE)(); err != nil {
		return err
	}
	if fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, q.Limits.Files); err == nil {
		_ = unix.Close(fd)
		return fmt.Errorf("descriptor %d was given", fd)
	}
	return nil
}

// largest makes a file larger than one may be, without writing it.
func (q *question) largest() error {
	if err := q.limit(unix.RLIMIT_FSIZE)(); err != nil {
		return err
	}
	return scratchFile(func(f *os.File) error {
		if f.Truncate(q.Limits.FileSize+1) == nil {
			return fmt.Errorf("a file of %d bytes was made", q.Limits.FileSize+1)
		}
		return nil
	})
}

// disk compares the size of what may be written with the plan's, and asks for more.
func (q *question) disk() error {
	for _, at := range []string{"/tmp", "/dev/shm", Home} {
		var st unix.Statfs_t
		if err := unix.Statfs(at, &st); err != nil {
			return err
		}
		page := uint64(st.Bsize)                           //nolint:gosec // positive
		pages := (uint64(q.Limits.Disk) + page - 1) / page //nolint:gosec // positive
		inodes := uint64(max(q.Limits.Disk>>20, 1) * inodesPerMebi)
		kind := st.Type == unix.TMPFS_MAGIC || q.Kernel != "" // of gVisor's own, which leads to that
		if !kind || st.Blocks > pages || st.Files > inodes {
			return fmt.Errorf("%s has %d bytes and %d files", at, st.Blocks*page, st.Files)
		}
	}
	return scratchFile(func(f *os.File) error {
		if unix.Fallocate(int(f.Fd()), 0, 0, q.Limits.Disk+int64(os.Getpagesize())) == nil {
			return fmt.Errorf("%d bytes were had", q.Limits.Disk)
		}
		return nil
	})
}

func scratchFile(use func(*os.File) error) error {
	f, err := os.CreateTemp("/tmp", "")
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	return use(f)
}

// goOver takes more than its limit of memory, and more than a cgroup has for it, and waits to be
// ended, which the kernel does or the watch within two of its looks.
func (q *question) goOver() {
	size := int(2*q.Limits.Memory + q.Limits.Disk + ownMemory)
	if q.Kernel != "" {
		size += 2 * runscMemory
	}
	took, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return
	}
	for i := 0; i < len(took); i += os.Getpagesize() {
		took[i] = 1
	}
	time.Sleep(overPatience)
}

// overPatience is when the probe gives up waiting for its end.
const overPatience = 10 * time.Second
