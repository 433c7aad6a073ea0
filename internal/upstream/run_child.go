package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"doorward/internal/sandbox"
)

// errWriting is a run that was ended for what took its output.
var errWriting = errors.New("its output was not taken")

// run starts the command, and is there until nothing of it is left. met is told of each limit that
// it meets.
func (s *server) run(ctx context.Context, r *Running, at *reach, met func(pid int, kind, text string)) (how Ended, err error) {
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
	how.Started = true
	s.pool.count(s.set.Name, "child_start")
	if c := s.set.Sandbox; c == nil || len(c.Weaker) > 0 {
		s.pool.count(s.set.Name, "child_weaker")
	}
	defer s.pool.count(s.set.Name, "child_exit")
	if r.Began != nil {
		r.Began(func() error { return still(at.files, at.pack) })
	}
	var readers, ending sync.WaitGroup
	for i, w := range [...]io.Writer{r.Stdout, r.Stderr} {
		readers.Go(func() { taken(ours[i], w, cancel) })
	}
	if box != nil {
		readers.Go(func() { how.Limit = limits(box, func(kind, text string) { met(cmd.Process.Pid, kind, text) }) })
	}
	reaped := make(chan struct{})
	ending.Go(func() { s.endRun(ctx, cmd, box, reaped) })
	_ = cmd.Wait() // what the status says
	close(reaped)
	ending.Wait()
	if box != nil {
		box.Ended()
	}
	if err := endGroup(cmd); err != nil {
		s.log.Warn("what a command left behind could not be ended", "upstream", s.set.Name, "error", err)
	}
	defer endOutput(ours[:])()
	readers.Wait()
	if box != nil {
		box.Close()
	}
	how.Status = statusOf(cmd.ProcessState)
	cause := context.Cause(ctx)
	if errors.Is(cause, errWriting) {
		met(cmd.Process.Pid, overOutput, cause.Error())
	}
	if err := still(at.files, at.pack); err != nil {
		return how, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return how, cause
}

// endOutput has what is read of a command that has ended come to its end after outputGrace: where
// pipes have no deadlines (Windows) by closing them, which interrupts who reads. ended is to be
// called when nobody reads any more.
func endOutput(pipes []*os.File) (ended func()) {
	var closing []*time.Timer
	for _, f := range pipes {
		if f.SetReadDeadline(time.Now().Add(outputGrace)) != nil {
			closing = append(closing, time.AfterFunc(outputGrace, func() { _ = f.Close() }))
		}
	}
	return func() {
		for _, t := range closing {
			t.Stop()
		}
	}
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

// limits tells met of the limits that a confined command meets, and returns the first; empty for
// none.
func limits(box cell, met func(kind, text string)) (first string) {
	for report := range box.Reports() {
		if report.Kind == sandbox.Ended {
			continue
		}
		if first == "" {
			first = report.Kind
		}
		met(report.Kind, report.Text)
	}
	return first
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
