package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// The times and bounds of a child process. The three steps of its end are
// those of the stdio transport (MCP 2025-11-25, basic/lifecycle, Shutdown).
const (
	closeGrace   = 2 * time.Second         // from closing stdin to SIGTERM
	termGrace    = 2500 * time.Millisecond // from SIGTERM to SIGKILL; over supervisorGrace
	writeTimeout = 10 * time.Second        // a child that does not read its stdin is stuck
	callQueue    = 256                     // messages of one call that wait for the client
)

// stdioLink is a child process that speaks newline-delimited JSON.
type stdioLink struct {
	name   string
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	limit  int64 // bytes of one line
	log    *slog.Logger
	loose  func(*gate.Message) // what belongs to no call; must not block
	count  func(what string)
	owned  bool // one principal's own: stray messages may go to a call of it

	writer  chan struct{} // holds one token: who has it writes
	over    chan struct{} // closed when the output has ended
	reaped  chan struct{} // closed when the process has been waited for
	ending  sync.Once
	cause   error // why the output ended; read after over
	readers sync.WaitGroup
	aside   sync.WaitGroup // ends begun from inside

	mu    sync.Mutex
	calls map[int64]*waiting
}

// waiting is a call whose answer has not come.
type waiting struct {
	o     *outgoing
	queue chan *gate.Message // notifications and asks
	final chan *gate.Message // room for the one
}

func (l *stdioLink) done() <-chan struct{} { return l.over }

func (l *stdioLink) exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	w := &waiting{o: o, queue: make(chan *gate.Message, callQueue), final: make(chan *gate.Message, 1)}
	l.mu.Lock()
	l.calls[o.id] = w
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.calls, o.id)
		l.mu.Unlock()
	}()
	if err := l.send(ctx, o.raw); err != nil {
		return err
	}
	for {
		select {
		case m := <-w.queue:
			if err := take(m); err != nil {
				l.cancel(ctx, o)
				return err
			}
		case m := <-w.final:
			return finish(w, m, take)
		case <-l.over:
			select {
			case m := <-w.final: // arrived before the end
				return finish(w, m, take)
			default:
				return l.cause
			}
		case <-ctx.Done():
			l.cancel(ctx, o)
			return context.Cause(ctx)
		}
	}
}

// finish takes what the reader queued before the final message, then that.
func finish(w *waiting, final *gate.Message, take func(*gate.Message) error) error {
	for {
		select {
		case m := <-w.queue:
			if err := take(m); err != nil {
				return err
			}
		default:
			if final == nil {
				return fmt.Errorf("%w: its answer is malformed", errProtocol)
			}
			return take(final)
		}
	}
}

func (l *stdioLink) cancel(ctx context.Context, o *outgoing) {
	if o.method == methodInitialize { // must not be cancelled
		return
	}
	_ = l.send(context.WithoutCancel(ctx), cancelled(o.id))
}

// send writes one line. A child that does not read for writeTimeout is ended:
// half a line cannot be taken back.
func (l *stdioLink) send(ctx context.Context, raw []byte) error {
	raw = mcp.OneLine(raw)
	select {
	case <-l.writer:
		defer func() { l.writer <- struct{}{} }()
	case <-l.over:
		return l.cause
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	_ = l.stdin.SetWriteDeadline(time.Now().Add(writeTimeout))
	line := make([]byte, 0, len(raw)+1)
	if _, err := l.stdin.Write(append(append(line, raw...), '\n')); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			l.aside.Go(l.end)
		}
		return fmt.Errorf("writing to the child: %w: %w", errDown, err)
	}
	return nil
}

// read takes the child's output apart until it ends.
func (l *stdioLink) read() {
	lines := newLineReader(l.stdout, l.limit)
	noise := newAllowance(20, time.Minute)
	var err error
	for {
		var line []byte
		if line, err = lines.next(); err != nil {
			break
		}
		l.line(line, noise)
	}
	if errors.Is(err, errTooLarge) {
		l.cause = fmt.Errorf("%w: a line of its output is longer than %d bytes", errProtocol, l.limit)
	} else {
		l.cause = fmt.Errorf("%w: the child ended", errDown)
	}
	close(l.over)
}

func (l *stdioLink) line(line []byte, noise *allowance) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	if line[0] != '{' {
		if noise.take() {
			l.log.Warn("upstream wrote a line that is no message", "upstream", l.name, "line", printable(line, maxShown))
		}
		return
	}
	m, err := mcp.ParseUpstream(line)
	if err != nil {
		l.count("malformed")
		if noise.take() {
			l.log.Warn("upstream wrote a malformed message", "upstream", l.name, "error", err)
		}
		l.failCall(err)
		return
	}
	l.dispatch(m)
}

// dispatch gives a message to the call it belongs to.
func (l *stdioLink) dispatch(m *gate.Message) {
	l.mu.Lock()
	w := l.owner(m)
	l.mu.Unlock()
	switch {
	case m.Final() && w == nil:
		l.count("stray_answer")
	case m.Final():
		select {
		case w.final <- m:
		default:
			l.count("stray_answer") // a second answer
		}
	case w == nil && m.Method == methodProgress:
		l.count("stray_progress")
	case w == nil:
		l.loose(m)
	default:
		select {
		case w.queue <- m:
		default:
			l.count("dropped") // a flood; the client does not keep up
		}
	}
}

// owner finds the call that a message belongs to: by id, progress token or
// subscription. What names none belongs to the oldest call that may have it,
// on a process that serves one principal alone.
func (l *stdioLink) owner(m *gate.Message) *waiting {
	if m.Final() {
		id, ok := idOf(m.Bytes(m.ID))
		if !ok {
			return nil
		}
		w := l.calls[id]
		delete(l.calls, id)
		return w
	}
	if m.Method == methodProgress {
		if id, ok := progressOf(m); ok && l.calls[id] != nil && l.calls[id].o.token {
			return l.calls[id]
		}
		return nil
	}
	if id, ok := subscriptionOf(m); ok {
		if w := l.calls[id]; w != nil && w.o.method == methodListen {
			return w
		}
		return nil
	}
	if !l.owned {
		return nil
	}
	var oldest *waiting
	for _, w := range l.calls {
		fits := m.Kind == gate.Request && w.o.asks || m.Method == methodLog && w.o.logs
		if fits && (oldest == nil || w.o.id < oldest.o.id) {
			oldest = w
		}
	}
	return oldest
}

// failCall answers the call whose answer could not be read, so that it does not
// wait for its timeout.
func (l *stdioLink) failCall(err error) {
	id, ok := idOf(faultID(err))
	if !ok {
		return
	}
	l.mu.Lock()
	w := l.calls[id]
	delete(l.calls, id)
	l.mu.Unlock()
	if w != nil {
		select {
		case w.final <- nil:
		default:
		}
	}
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
		l.signal(syscall.SIGKILL)
	})
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
