package upstream

import (
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"slices"
	"sync"

	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

// clients are the programs that start containers, by kind, found when first needed.
type clients struct {
	mu sync.Mutex
	of map[string]*container.Client
}

// contained tells whether the command runs in a container.
func (c *Confinement) contained() bool {
	return c != nil && (c.Kind == container.Docker || c.Kind == container.Podman)
}

// client is the program for a kind of containers.
func (p *Pool) client(kind string) (*container.Client, error) {
	p.clients.mu.Lock()
	defer p.clients.mu.Unlock()
	if c := p.clients.of[kind]; c != nil {
		return c, nil
	}
	c, err := container.NewClient(kind, p.cfg.Environment, p.cfg.Owner)
	if err != nil {
		return nil, err
	}
	if p.clients.of == nil {
		p.clients.of = map[string]*container.Client{}
	}
	p.clients.of[kind] = c
	return c, nil
}

// spec is what the container of an upstream gets.
func (p *Pool) spec(set *Settings, env []string) container.Spec {
	c := set.Sandbox
	return container.Spec{
		Image: c.Image, Command: set.Command, Env: env, Read: c.Read, Write: c.Write, Own: c.Hide, Limits: c.Limits,
		UID: os.Geteuid(), GID: os.Getegid(), Weaker: slices.Contains(c.Weaker, sandbox.Runtime),
	}
}

// contain makes the container of an upstream and starts it. Its client dies with
// Doorward, and the container's input ends then.
func (s *server) contain(cmd *exec.Cmd) (cell, error) {
	if err := s.set.Sandbox.Guard(); err != nil {
		return nil, err
	}
	c, err := s.pool.client(s.set.Sandbox.Kind)
	if err != nil {
		return nil, err
	}
	box, err := c.Confine(cmd, s.pool.spec(&s.set, cmd.Env))
	if err != nil {
		return nil, err
	}
	dress(cmd, &sandbox.Image{Path: cmd.Path, Args: cmd.Args}, false)
	if err := box.Started(s.pool.spawner.start(cmd)); err != nil {
		return nil, err
	}
	return box, nil
}

// tidy removes the containers that an earlier process of this data directory left
// behind. What cannot be removed is tried again before the next is started.
func (p *Pool) tidy() {
	kinds := map[string]bool{}
	for _, set := range p.cfg.Upstreams {
		if set.Sandbox.contained() {
			kinds[set.Sandbox.Kind] = true
		}
	}
	for kind := range kinds {
		c, err := p.client(kind)
		if err == nil {
			err = c.Sweep(context.Background())
		}
		if err != nil {
			p.log.Warn("containers of an earlier process may be left", "kind", kind, "error", err)
		}
	}
}

// imageDigest stands for the executable of a container.
func imageDigest(c *Confinement) digested { return digested{digest: sha256.Sum256([]byte(c.Image))} }
