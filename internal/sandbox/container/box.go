package container

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"

	"doorward/internal/sandbox"
)

// Box is one container, from its making to its removal.
type Box struct {
	client  *Client
	name    string
	wall    time.Duration
	reports chan sandbox.Report
	done    chan struct{}
	close   sync.Once
	wg      sync.WaitGroup
}

// Confine makes a container for s, has its client say what it made, and makes cmd that
// which starts it. Nothing of the image has run then. Whoever starts cmd calls Started
// with what Start said, before anything else.
func (c *Client) Confine(cmd *exec.Cmd, s Spec) (*Box, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	socket, err := c.ready(ctx, s.Weaker)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.Own = slices.Concat(s.Own, socket)
	if err := c.complete(&s); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	b := &Box{client: c, name: random(), wall: s.Limits.Wall, reports: make(chan sandbox.Report, 1), done: make(chan struct{})}
	p, err := s.plan(b.name)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := c.create(ctx, &s, b.name, p.Create[1:]); err != nil {
		b.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cmd.Path, cmd.Args, cmd.Env, cmd.Dir = c.path, p.Start, slices.Clone(c.env), ""
	return b, nil
}

// create makes the container and holds it against what was asked for.
func (c *Client) create(ctx context.Context, s *Spec, name string, args []string) error {
	if _, err := c.run(ctx, s.Env, args...); err != nil {
		return err
	}
	made, err := c.run(ctx, nil, "container", "inspect", "--format", factsFormat, name)
	if err != nil {
		return err
	}
	if err := s.Verify(made); err != nil {
		return fmt.Errorf("the container is not what was asked for: %w", err)
	}
	return nil
}

// Started ends the preparation with what starting the command returned.
func (b *Box) Started(err error) error {
	if err != nil {
		b.Close()
		return fmt.Errorf("sandbox: starting %s: %w", b.client.kind, err)
	}
	if b.wall > 0 {
		b.wg.Go(b.watch)
	}
	return nil
}

// watch ends the container when its time is over.
func (b *Box) watch() {
	t := time.NewTimer(b.wall)
	defer t.Stop()
	select {
	case <-b.done:
	case <-t.C:
		b.reports <- sandbox.Report{Kind: sandbox.OverWall, Text: fmt.Sprintf("ran for %s", b.wall)}
		b.removed()
	}
}

// removed removes the container; one that cannot be removed is removed at the next start.
func (b *Box) removed() { _ = b.client.remove(context.Background(), b.name) }

// Ended says that the command has ended, and ends the reports.
func (b *Box) Ended() { b.Close() }

// Kill ends no more than the end of the client does: Close removes the container.
func (*Box) Kill() {}

// Reports yields the limit that the container met, and is closed when it has ended.
func (b *Box) Reports() <-chan sandbox.Report { return b.reports }

// Close removes the container with all that runs in it, and waits for that. It may be
// called more than once.
func (b *Box) Close() {
	b.close.Do(func() {
		close(b.done)
		b.wg.Wait()
		b.removed()
		close(b.reports)
	})
}
