package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shared is memory, a semaphore and queues of the gateway's that everybody on this system may use,
// by their numbers and name (sysvipc(7), mq_overview(7)). What this system does not have, or lets
// nobody make, is -1.
type shared struct {
	Memory    int    `json:"memory"`
	Semaphore int    `json:"semaphore"`
	Messages  int    `json:"messages"`
	Queue     int    `json:"queue"` // its descriptor, the gateway's own
	Name      string `json:"name"`  // of the queue
}

// forEverybody makes something that all users may use.
const forEverybody = unix.IPC_CREAT | 0o666

// lacksCall tells of an error whether nobody here has a system call.
func lacksCall(errno unix.Errno) bool {
	return errno == unix.ENOSYS || errno == unix.EPERM || errno == unix.EACCES
}

// newShared makes them. name is one that nobody has.
func newShared(name string) (*shared, error) {
	s := &shared{-1, -1, -1, -1, name}
	queue, err := unix.BytePtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("naming a message queue: %w", err)
	}
	for _, of := range []struct {
		what       string
		number     *int
		call, a, b uintptr
		c          uintptr
	}{
		{"shared memory", &s.Memory, unix.SYS_SHMGET, unix.IPC_PRIVATE, uintptr(os.Getpagesize()), forEverybody},
		{"a semaphore", &s.Semaphore, unix.SYS_SEMGET, unix.IPC_PRIVATE, 1, forEverybody},
		{"a queue of messages", &s.Messages, unix.SYS_MSGGET, unix.IPC_PRIVATE, forEverybody, 0},
		{"a message queue", &s.Queue, unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(queue)), unix.O_RDWR | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, 0o666}, //nolint:gosec // the kernel reads it
	} {
		n, _, errno := unix.Syscall6(of.call, of.a, of.b, of.c, 0, 0, 0)
		switch {
		case errno == 0:
			*of.number = int(n)
		case !lacksCall(errno):
			s.close()
			return nil, fmt.Errorf("making %s for the probe: %w", of.what, errno)
		}
	}
	return s, nil
}

// close removes them.
func (s *shared) close() {
	if s == nil {
		return
	}
	for _, of := range []struct {
		number  int
		call    uintptr
		b, c, d uintptr
	}{
		{s.Memory, unix.SYS_SHMCTL, unix.IPC_RMID, 0, 0},
		{s.Semaphore, unix.SYS_SEMCTL, 0, unix.IPC_RMID, 0},
		{s.Messages, unix.SYS_MSGCTL, unix.IPC_RMID, 0, 0},
	} {
		if of.number >= 0 {
			_, _, _ = unix.Syscall6(of.call, uintptr(of.number), of.b, of.c, of.d, 0, 0)
		}
	}
	if s.Queue >= 0 {
		_ = unix.Close(s.Queue)
		if name, err := unix.BytePtrFromString(s.Name); err == nil {
			_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0) //nolint:gosec // the kernel reads it
		}
	}
}

// reach tries to use each of them from inside, and looks what else is there to be used.
func (s *shared) reach() error {
	name, err := unix.BytePtrFromString(s.Name)
	if err != nil {
		return err
	}
	var message [64]byte
	for _, of := range []struct {
		what       string
		there      bool
		call, a, b uintptr
		c, d, e    uintptr
	}{
		{"shared memory", s.Memory >= 0, unix.SYS_SHMAT, uintptr(s.Memory), 0, unix.SHM_RDONLY, 0, 0},
		{"a semaphore", s.Semaphore >= 0, unix.SYS_SEMCTL, uintptr(s.Semaphore), 0, semaphoreValue, 0, 0},
		// Empty as it is, the queue says that there is no message where it can be had.
		{"a queue of messages", s.Messages >= 0, unix.SYS_MSGRCV, uintptr(s.Messages), uintptr(unsafe.Pointer(&message)), uintptr(len(message) - 8), 0, unix.IPC_NOWAIT}, //nolint:gosec // the kernel writes it
		{"a message queue", s.Queue >= 0, unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), unix.O_RDONLY | unix.O_CLOEXEC, 0, 0, 0},                                      //nolint:gosec // the kernel reads it
	} {
		if !of.there {
			continue
		}
		_, _, errno := unix.Syscall6(of.call, of.a, of.b, of.c, of.d, of.e, 0)
		if errno == 0 || errno == unix.ENOMSG {
			return fmt.Errorf("%s of the gateway's can be used", of.what)
		}
	}
	return nothingShared()
}

// semaphoreValue is GETVAL of semctl(2).
const semaphoreValue = 12

// nothingShared looks for anything of System V's in this namespace (proc_sysvipc(5)): each file has
// a line of names, and one for each thing.
func nothingShared() error {
	for _, kind := range []string{"shm", "sem", "msg"} {
		raw, err := os.ReadFile("/proc/sysvipc/" + kind)
		switch {
		case errors.Is(err, os.ErrNotExist): // a kernel without
		case err != nil:
			return err
		case strings.Count(string(raw), "\n") > 1:
			return fmt.Errorf("/proc/sysvipc/%s lists something", kind)
		}
	}
	return nil
}
