package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"time"

	"doorward/internal/gate"
	"doorward/internal/launch"
	"doorward/internal/sandbox"
)

// Run is a command that a server of Doorward's own runs for its calls.
type Run struct {
	Argv []string // as the lock pins it: with the names of what a call puts in
	Dir  string   // that it starts in; empty: Doorward's
}

// Running is one run of it.
type Running struct {
	Name           string // of the Run in Settings.Runs
	As             Run    // what its words were made of: where Settings.Runs has another by now, it is not started
	Argv           []string
	Stdout, Stderr io.Writer // each is written to by one goroutine; an error of theirs ends the command, and is Run's
}

// runs are the commands that a server of Doorward's own runs, each as the upstream that it
// would be.
func (set *Settings) runs() map[string]Settings {
	all := make(map[string]Settings, len(set.Runs))
	for name, r := range set.Runs {
		all[name] = set.running(r.Argv, r.Dir)
	}
	return all
}

func (set *Settings) running(argv []string, dir string) Settings {
	return Settings{Name: set.Name, Command: argv, Dir: dir, PerCall: true, Sandbox: set.Sandbox, AllowLaunch: set.AllowLaunch}
}

// Called is a command by what people call it.
type Called struct {
	Settings

	Called string // its upstream's name, or UPSTREAM/NAME of one that a server of Doorward's own runs
}

// Commands are the commands among these upstreams, and those that servers of Doorward's own
// among them run, each as the upstream that it would be.
func Commands(all []Settings) (out []Called) {
	for i := range all {
		if len(all[i].Command) > 0 {
			out = append(out, Called{all[i], all[i].Name})
		}
		runs := all[i].runs()
		for _, name := range slices.Sorted(maps.Keys(runs)) {
			out = append(out, Called{runs[name], all[i].Name + "/" + name})
		}
	}
	return out
}

// errExecutes is a run that would execute something else than the command that was approved.
var errExecutes = errors.New("the values would have it execute something else than what was approved")

// Ended is how a run ended.
type Ended struct {
	Status int    // its exit status; 128 and the signal where one ended it
	Limit  string // the first limit of its sandbox that it met, in sandbox's words; empty: none
}

// Run runs a command of a server of Doorward's own to its end, with nothing on its standard
// input. It is started by the rules, in the sandbox and from the files that a command of an
// upstream is, if the lock allows the upstream as it is now and the audit log accepts the start.
// When ctx ends, the command and whatever it has started are asked to end (SIGTERM), and after
// termGrace made to. What it writes after its end comes for outputGrace at most.
func (p *Pool) Run(ctx context.Context, upstream string, r Running) (how Ended, err error) {
	s, err := p.server(upstream)
	if err != nil {
		return how, err
	}
	p.mu.RLock()
	closed := p.closed.Load()
	if !closed {
		p.wg.Add(1)
	}
	p.mu.RUnlock()
	if closed {
		return how, errClosing
	}
	defer p.wg.Done()
	ctx, end := untilStopping(ctx, p.stopping)
	defer end()
	one, reach, err := s.runnable(&r)
	if err != nil {
		return how, err
	}
	detail := fmt.Sprintf("%s %s%s%s", r.Name, reach.item.Digest, s.set.Sandbox.lacking(), s.set.allowed())
	if err := s.event(ctx, "upstream.start", detail); err != nil {
		return how, err
	}
	code := gate.CodeUpstreamDown
	how, err = one.run(ctx, &r, reach)
	switch {
	case errors.Is(err, errUnproven):
		code = gate.CodeUpstreamSandbox
		fallthrough
	case err != nil && ctx.Err() == nil && !errors.Is(err, errWriting):
		return Ended{}, s.fault(code, "running "+r.Name, err)
	}
	return how, err
}

// runnable is the command of a run as an upstream, and how it is started, where the lock and
// the launch rules allow that.
func (s *server) runnable(r *Running) (*server, *reach, error) {
	if as, ok := s.set.Runs[r.Name]; !ok || !reflect.DeepEqual(as, r.As) {
		return nil, nil, s.fault(gate.CodeUpstreamDown, "running "+r.Name, errReplaced)
	}
	all, err := s.mayReach()
	if err != nil {
		return nil, nil, err
	}
	one := &server{pool: s.pool, set: s.set.running(r.Argv, r.As.Dir), log: s.log}
	now, err := one.executing(all.runs[r.Name])
	if errors.Is(err, errExecutes) {
		return nil, nil, &gate.Error{Code: gate.CodeParams, Op: "running " + r.Name + " of upstream " + s.set.Name, Err: err, Public: errExecutes.Error()}
	}
	if err != nil {
		return nil, nil, s.fault(gate.CodeUpstreamDown, "finding the command of "+r.Name, err)
	}
	return one, now, nil
}

// executing is how a run is started: from the very files that its command executes as it was
// approved, and with no launch rule broken that this keeps.
func (s *server) executing(approved started) (*reach, error) {
	kept := launch.Words(approved.id.Argv)
	for _, b := range launch.Words(s.set.Command) {
		if !slices.ContainsFunc(kept, func(had launch.Breach) bool { return had.Rule == b.Rule }) {
			return nil, fmt.Errorf("%w: %s", errExecutes, b)
		}
	}
	var is identity
	var now reach
	if err := s.pool.started(&is, &now, &s.set); err != nil {
		return nil, err
	}
	is.Argv = approved.id.Argv // the digests are the same where the words alone are others
	if !reflect.DeepEqual(approved, started{is, now.module}) {
		return nil, errExecutes
	}
	return &now, now.describe(s.set.Name, &is)
}

// errWriting is a run that was ended for what took its output.
var errWriting = errors.New("its output was not taken")

// run starts the command, and is there until nothing of it is left.
func (s *server) run(ctx context.Context, r *Running, at *reach) (how Ended, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	null, err := os.Open(os.DevNull)
	if err != nil {
		return how, err
	}
	defer null.Close()
	var ours, theirs [2]*os.File
	defer func() { closeAll(ours[:]...); closeAll(theirs[:]...) }()
	for i := range ours {
		if ours[i], theirs[i], err = os.Pipe(); err != nil {
			return how, err
		}
	}
	cmd := &exec.Cmd{Path: at.path, Args: slices.Clone(r.Argv), Dir: s.set.Dir, Env: s.inherited(), Stdin: null, Stdout: theirs[0], Stderr: theirs[1]}
	box, err := s.launch(ctx, cmd, *at)
	closeAll(theirs[:]...)
	if err != nil {
		return how, err
	}
	s.pool.count(s.set.Name, "child_start")
	defer s.pool.count(s.set.Name, "child_exit")
	var readers, ending sync.WaitGroup
	for i, w := range [...]io.Writer{r.Stdout, r.Stderr} {
		readers.Go(func() { taken(ours[i], w, cancel) })
	}
	if box != nil {
		readers.Go(func() { how.Limit = firstLimit(box) })
	}
	reaped := make(chan struct{})
	ending.Go(func() { s.endRun(ctx, cmd, box, reaped) })
	_ = cmd.Wait() // what the status says
	close(reaped)
	ending.Wait()
	if box != nil {
		box.Ended()
	}
	for _, f := range ours {
		_ = f.SetReadDeadline(time.Now().Add(outputGrace))
	}
	readers.Wait()
	if box != nil {
		box.Close()
	}
	how.Status = statusOf(cmd.ProcessState)
	if ctx.Err() != nil {
		return how, context.Cause(ctx)
	}
	return how, still(at.files, at.pack)
}

// taken hands on what a command writes. Where that is not taken, it ends.
func taken(from *os.File, to io.Writer, end context.CancelCauseFunc) {
	into := &sink{to: to}
	_, _ = io.Copy(into, from)
	if into.err != nil {
		end(fmt.Errorf("%w: %w", errWriting, into.err))
		_, _ = io.Copy(io.Discard, from)
	}
}

// sink keeps the error of a writer apart from those of who is read.
type sink struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (s *sink) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	s.err = err
	return n, err
}

// firstLimit is the first limit that a confined command met; empty for none.
func firstLimit(box cell) (limit string) {
	for report := range box.Reports() {
		if report.Kind != sandbox.Ended && limit == "" {
			limit = report.Kind
		}
	}
	return limit
}

// endRun ends the command when ctx does, and is over when the command is.
func (s *server) endRun(ctx context.Context, cmd *exec.Cmd, box cell, reaped <-chan struct{}) {
	signal := func(sig syscall.Signal) {
		if err := signalGroup(cmd, sig); err != nil {
			s.log.Warn("signal to a command failed", "upstream", s.set.Name, "signal", sig.String(), "error", err)
		}
	}
	select {
	case <-reaped:
		return
	case <-ctx.Done():
	}
	signal(syscall.SIGTERM)
	patience := time.NewTimer(termGrace)
	defer patience.Stop()
	select {
	case <-reaped:
		return
	case <-patience.C:
	}
	if box != nil {
		box.Kill()
	}
	signal(syscall.SIGKILL)
}

// statusOf is how a process ended, as shells say it.
func statusOf(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}
