package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
)

// outputGrace is how long output may still come after the process has ended:
// without a supervisor, a grandchild could hold the pipe open for ever.
const outputGrace = 500 * time.Millisecond

// passedOn are the variables of Doorward's environment that a child gets. The
// rest may hold credentials, and LD_PRELOAD and its like change what runs.
//
//nolint:gochecknoglobals // a table; read-only
var passedOn = []string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER"}

// cleanEnvironment keeps of env what a child may have.
func cleanEnvironment(env []string) []string {
	kept := []string{}
	for _, kv := range env {
		if name, _, ok := strings.Cut(kv, "="); ok && slices.Contains(passedOn, name) {
			kept = append(kept, kv)
		}
	}
	return kept
}

// startStdio starts the upstream's command for a principal, or for nobody in
// particular where principal is empty, if its pin allows the executable
// and the audit log accepts the start. keys are those of the client whose one call
// the process is for, by their headers.
func (s *server) startStdio(ctx context.Context, principal string, keys map[string]gate.Secret, loose func(*gate.Message)) (*stdioLink, error) {
	r, err := s.mayReach()
	if err != nil {
		return nil, err
	}
	if err := s.takeChild(ctx, principal); err != nil {
		return nil, err
	}
	if err := s.event(ctx, "upstream.start", fmt.Sprintf("%s %s%s%s", printable([]byte(strings.Join(s.set.Command, " ")), maxShown), r.item.Digest, s.set.Sandbox.lacking(), s.set.allowed())); err != nil {
		s.children.leave(principal)
		return nil, err
	}
	l, err := s.spawn(ctx, r, principal, keys, loose)
	unproven := errors.Is(err, errUnproven)
	s.unproven.Store(unproven)
	if err != nil {
		s.children.leave(principal)
		code := gate.CodeUpstreamDown
		if unproven {
			code = gate.CodeUpstreamSandbox
		}
		return nil, s.fault(code, "starting the command", err)
	}
	s.pool.count(s.set.Name, "child_start")
	if c := s.set.Sandbox; c == nil || len(c.Weaker) > 0 {
		s.pool.count(s.set.Name, "child_weaker")
	}
	s.log.Info("upstream started", "upstream", s.set.Name, "pid", l.cmd.Process.Pid)
	return l, nil
}

// spawn starts the process and its readers. The goroutine that waits for the
// process owns them and returns the child's place when all is gone.
func (s *server) spawn(ctx context.Context, r reach, principal string, keys map[string]gate.Secret, loose func(*gate.Message)) (l *stdioLink, err error) {
	keys, back, err := s.startLease(ctx, keys)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			back()
		}
	}()
	env, secrets, err := s.environment(keys)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: r.path, Args: slices.Clone(s.set.Command), Dir: s.set.Dir, Env: env}
	l = &stdioLink{mux: s.newMux(loose, principal != ""), cmd: cmd, secrets: secrets, waste: newAllowance(floodBytes, floodEvery), made: s.startMark(&r, env), runs: r.files, pack: r.pack, limit: s.set.MaxResult, reaped: make(chan struct{})}
	theirs, err := l.pipes()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	l.box, err = s.launch(ctx, cmd, r)
	cmd.Env = nil // which has secrets in it, and is the child's now
	closeAll(theirs[:]...)
	if err != nil {
		closeAll(l.stdin, l.stdout, l.stderr)
		return nil, err
	}
	l.output = newSteadyReader(l.stdout, s.set.Timeout)
	l.offence = func(kind, text string) { s.offence(l.cmd.Process.Pid, principal, kind, text) }
	l.readers.Go(l.read)
	l.readers.Go(l.readErrors)
	if l.box != nil {
		l.readers.Go(l.heed)
	}
	s.pool.wg.Go(func() { l.wait(func() { back(); s.children.leave(principal) }) })
	s.pool.wg.Go(func() { <-l.over; l.end() })
	return l, nil
}

// pipes makes the three pipes, keeps Doorward's ends and returns the child's.
func (l *stdioLink) pipes() (theirs [3]*os.File, err error) {
	if theirs[0], l.stdin, err = os.Pipe(); err != nil {
		return theirs, err
	}
	if l.stdout, theirs[1], err = os.Pipe(); err != nil {
		closeAll(theirs[0], l.stdin)
		return theirs, err
	}
	if l.stderr, theirs[2], err = os.Pipe(); err != nil {
		closeAll(theirs[0], l.stdin, l.stdout, theirs[1])
	}
	return theirs, err
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// wait reaps the process, whatever ended it, and then its readers, and gives the
// child's place back before anybody who waits for its end goes on.
func (l *stdioLink) wait(leave func()) {
	err := l.cmd.Wait()
	l.log.Info("upstream ended", "upstream", l.name, "pid", l.cmd.Process.Pid, "state", l.cmd.ProcessState.String(), "error", err)
	if l.box != nil {
		l.box.Ended()
	}
	l.output.end(outputGrace)
	_ = l.stderr.SetReadDeadline(time.Now().Add(outputGrace))
	l.readers.Wait()
	if l.box != nil {
		l.box.Close()
	}
	closeAll(l.stdin, l.stdout, l.stderr)
	l.count("child_exit")
	leave()
	close(l.reaped)
}

// maxErrorLine is how much of a line of stderr is read, in bytes: a secret is looked for in it
// before it is cut to what is shown, since half of one would not be found.
const maxErrorLine = 128 << 10

// readErrors logs what the child writes to stderr, escaped and bounded; the rest is read
// and thrown away, up to a flood. What will not be logged is not taken apart: that is most of a
// flood, which would cost the gateway some tenths of a second of a processor each time.
func (l *stdioLink) readErrors() {
	flood := newAllowance(floodBytes, floodEvery)
	lines := newLineReader(&metered{l.stderr, flood}, maxShown)
	room := newAllowance(200, time.Minute)
	begun := false // the rest of a line comes next whose beginning was thrown away
	for {
		var line []byte
		var err error
		count := 1
		switch {
		case room.none():
			count, begun, err = lines.skip()
		case begun:
			begun = false
			_, err = lines.nextShort(0)
		default:
			line, err = lines.nextShort(maxErrorLine)
		}
		if errors.Is(err, errFlood) || !flood.spend(count*leastLine) {
			l.offend(fmt.Errorf("%w: %w", errProtocol, errFlood))
			return
		}
		if err != nil {
			return
		}
		if len(line) > 0 && room.take() {
			l.log.Info("upstream stderr", "upstream", l.name, "line", printable(conceal(line, l.secrets), maxShown))
		}
	}
}
