package upstream_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"doorward/internal/supervise"
)

// A process whose first thread has ended is a zombie in /proc and lives. Its
// children must be found below it, and the supervisor must not end before it.
func TestSuperviseKillsBelowAZombie(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pids")
	stdin, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer hold.Close()
	cmd := &exec.Cmd{Path: self(), Stdin: stdin, Args: append([]string{supervise.Name, self()}, childCommand("headless", file)...)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the grandchild runs", func() bool { return len(pidsIn(t, file)) == 1 })
	all := below(t, cmd.Process.Pid)
	if len(all) != 2 {
		t.Fatalf("found %v, want the command and its child", all)
	}
	eventually(t, 5*time.Second, "the command looks like a zombie", func() bool { return !alive(all[0]) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its status says how it was ended
	for _, pid := range all {
		if alive(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
}
