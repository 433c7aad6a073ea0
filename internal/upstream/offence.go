package upstream

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"doorward/internal/sandbox"
)

// How much a child may write that is for nobody, in bytes: on stderr, or on stdout
// outside the answers to calls. It is far over what servers log, and a fraction of a
// second of a flood (security case SBX-19).
const (
	floodBytes = 64 << 20
	floodEvery = 10 * time.Second
	leastLine  = 64 // that a line counts for: taking one costs as much as some bytes
)

// overOutput is the kind of limit that a child meets with what it writes, beside those of
// the sandbox.
const overOutput = "output"

// errFlood is output over floodBytes.
var errFlood = errors.New("more output for nobody than 64 MiB in 10 s")

// metered is a child's output that ends with errFlood.
type metered struct {
	file *os.File
	room *allowance
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.file.Read(p)
	if !m.room.spend(n) {
		return 0, errFlood
	}
	return n, err
}

var _ io.Reader = (*metered)(nil)

// offend ends a child for what it writes, once. One in a sandbox is ended at once, with
// all that it started; another as ever, and nothing more of it is read meanwhile.
func (l *stdioLink) offend(err error) {
	l.flooded.Do(func() {
		l.stop(err)
		if l.box != nil {
			l.kill()
		}
		l.offence(overOutput, err.Error())
	})
}

// offences are the clients whose processes were ended for what they took: their next ones
// are started with growing delays, and others' are not held back.
type offences struct {
	mu sync.Mutex
	of map[string]*backoff // by principal; what is shared is nobody's
}

// maxOffenders bounds them. Those that come then wait together.
const maxOffenders = 1_000

// theRest is whose wait is that of all who found no room.
const theRest = "\x00"

// note puts off the next start of a principal's.
func (o *offences) note(principal string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[string]*backoff{}
	}
	if o.of[principal] == nil && len(o.of) >= maxOffenders {
		principal = theRest
	}
	if o.of[principal] == nil {
		o.of[principal] = &backoff{least: startBackoff}
	}
	o.of[principal].failed(0)
}

// wait is how long a principal's next start has to wait; not positive when it need not.
func (o *offences) wait(principal string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.of[principal]
	if b == nil {
		b = o.of[theRest]
	}
	if b == nil {
		return 0
	}
	return b.wait()
}

// expire forgets those that have been good for as long as makes a link steady.
func (o *offences) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for principal, b := range o.of {
		if b.wait() < -steady {
			delete(o.of, principal)
		}
	}
}

// offence puts on record that a command met a limit, and holds its principal's next ones
// back where that ended it. One that met its time did what it may. For a run of a server of
// Doorward's own the principal is the command's name and its caller.
func (s *server) offence(pid int, principal, kind, text string) {
	s.pool.count(s.set.Name, "limit_"+kind)
	s.log.Warn("upstream met a limit", "upstream", s.set.Name, "pid", pid, "limit", kind, "what", text)
	switch kind {
	case sandbox.OverMemory, sandbox.OverTasks, sandbox.Unwatched, overOutput:
		s.offences.note(principal)
	}
	if err := s.event(context.Background(), "upstream.limit", kind+": "+text); err != nil {
		s.log.Error("a limit that an upstream met is not on record", "upstream", s.set.Name, "error", err)
	}
}

// heed takes what a sandbox says of the limits that its command met.
func (l *stdioLink) heed() {
	for r := range l.box.Reports() {
		if r.Kind != sandbox.Ended {
			l.offence(r.Kind, r.Text)
		}
	}
}
