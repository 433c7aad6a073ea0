package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/sandbox"
)

// The times and bounds of a child process. The three steps of its end are
// those of the stdio transport (MCP 2025-11-25, basic/lifecycle, Shutdown).
const (
	closeGrace   = time.Second            // from closing stdin to SIGTERM
	termGrace    = 750 * time.Millisecond // from SIGTERM to SIGKILL; over supervisorGrace, and the sandbox's
	writeTimeout = 10 * time.Second       // a child that does not read its stdin is stuck
)

// stdioLink is a child process that speaks newline-delimited JSON.
type stdioLink struct {
	*mux
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	output *steadyReader // of stdout
	limit  int64         // bytes of one line

	made    [sha256.Size]byte // see startMark
	runs    []sandbox.File    // that the command executes, as they were when they were digested
	pack    *pinnedPackage    // that they belong to; nil for none
	secrets *given            // that the child has in its environment
	box     cell              // nil: it is not confined

	offence func(kind, text string) // puts a limit that it met on record
	flooded sync.Once
	waste   *allowance // of its output that is for nobody; the reader's

	reaped  chan struct{} // closed when the process has been waited for
	ending  sync.Once
	readers sync.WaitGroup
	aside   sync.WaitGroup // ends begun from inside
}

func (l *stdioLink) exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	return l.mux.exchange(ctx, l, o, take)
}

// send writes one line. A child that does not read for writeTimeout is ended:
// half a line cannot be taken back.
func (l *stdioLink) send(ctx context.Context, raw []byte) error {
	raw = mcp.OneLine(raw)
	if err := l.turn(ctx); err != nil {
		return err
	}
	defer l.pass()
	_ = l.stdin.SetWriteDeadline(time.Now().Add(writeTimeout))
	line := make([]byte, 0, len(raw)+1)
	if n, err := l.stdin.Write(append(append(line, raw...), '\n')); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			l.aside.Go(l.end)
		}
		if n == 0 {
			err = fmt.Errorf("%w: %w", errUnsent, err)
		}
		return fmt.Errorf("writing to the child: %w: %w", errDown, err)
	}
	return nil
}

// reply is send: a process has its client's own key since its start, or none.
func (l *stdioLink) reply(ctx context.Context, raw []byte, _ gate.Secret) error {
	return l.send(ctx, raw)
}

// read takes the child's output apart until it ends.
func (l *stdioLink) read() {
	lines := newLineReader(l.output, l.limit)
	for {
		line, err := lines.next()
		if errors.Is(err, errTooLarge) {
			l.offend(l.why(err))
		}
		if err != nil {
			l.stop(l.why(err))
			return
		}
		if !l.line(line) && !l.waste.spend(max(len(line), leastLine)) {
			l.offend(fmt.Errorf("%w: %w", errProtocol, errFlood))
			return
		}
	}
}

// why is what the end of the output means.
func (l *stdioLink) why(err error) error {
	switch {
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("%w: a line of its output is longer than %d bytes", errProtocol, l.limit)
	case errors.Is(err, errStalled):
		return fmt.Errorf("%w: a line of its output was not finished within %s", errProtocol, l.output.patience)
	}
	return fmt.Errorf("%w: the child ended", errDown)
}

// line takes a line, and tells whether it was for a call.
func (l *stdioLink) line(line []byte) bool {
	line = bytes.TrimSpace(line)
	switch {
	case len(line) == 0:
	case line[0] == '{':
		return l.receive(line, l.secrets.watch)
	case l.noise.take():
		l.log.Warn("upstream wrote a line that is no message", "upstream", l.name, "line", printable(conceal(line, l.secrets), maxShown))
	}
	return false
}

// close ends the process and waits until it and its readers are gone.
func (l *stdioLink) close() {
	l.end()
	<-l.reaped
	l.aside.Wait()
}

// end asks the child to stop in three steps: end of its input, SIGTERM to the
// group, SIGKILL to the group.
func (l *stdioLink) end() {
	l.ending.Do(func() {
		_ = l.stdin.Close()
		if l.within(closeGrace) {
			return
		}
		l.signal(syscall.SIGTERM)
		if l.within(termGrace) {
			return
		}
		l.kill()
	})
}

// kill ends the child at once, and all of its sandbox.
func (l *stdioLink) kill() {
	if l.box != nil {
		l.box.Kill()
	}
	l.signal(syscall.SIGKILL)
}

func (l *stdioLink) within(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.reaped:
		return true
	case <-t.C:
		return false
	}
}

func (l *stdioLink) signal(sig syscall.Signal) {
	if err := signalGroup(l.cmd, sig); err != nil {
		l.log.Warn("signal to a child failed", "upstream", l.name, "signal", sig.String(), "error", err)
	}
}

// still tells whether what the command executes is what was digested before its start. An
// interpreter reads a script, and what that loads, by name and after the start; by the time
// that the command has answered it has, so another file in between is seen (SBX-28).
func (l *stdioLink) still() error { return still(l.runs, l.pack) }

// still is that of files, and of the package that they belong to; nil for none.
func still(runs []sandbox.File, pack *pinnedPackage) error {
	for _, f := range runs {
		now, err := sandbox.Look(f.Path)
		if err != nil {
			return err
		}
		if now != f {
			return fmt.Errorf("%s was changed while the command started", f.Path)
		}
	}
	if pack == nil {
		return nil
	}
	return pack.still()
}
