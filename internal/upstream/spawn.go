package upstream

import (
	"errors"
	"os/exec"
	"runtime"
)

// errClosing is a start asked of a pool that is closing.
var errClosing = errors.New("the gateway is stopping")

// spawner starts every child from one goroutine that keeps its OS thread: the
// parent-death signal fires when the thread that created a child ends
// (PR_SET_PDEATHSIG in prctl(2)), so that thread must live as long as the pool.
type spawner struct {
	asks chan spawn
	stop chan struct{}
	done chan struct{}
}

type spawn struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{asks: make(chan spawn), stop: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	// Never unlocked: the thread ends with the goroutine, when no child is left.
	runtime.LockOSThread()
	defer close(s.done)
	for {
		select {
		case a := <-s.asks:
			a.done <- a.cmd.Start()
		case <-s.stop:
			return
		}
	}
}

// start starts cmd on the spawner's thread.
func (s *spawner) start(cmd *exec.Cmd) error {
	a := spawn{cmd: cmd, done: make(chan error, 1)}
	select {
	case s.asks <- a:
		return <-a.done
	case <-s.done:
		return errClosing
	}
}

// close ends the thread. Every child must have been reaped before.
func (s *spawner) close() {
	close(s.stop)
	<-s.done
}
