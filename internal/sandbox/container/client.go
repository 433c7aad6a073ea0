package container

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what a client says and how long it may take.
const (
	patience  = 20 * time.Second
	maxAnswer = 1 << 20
	maxError  = 2 << 10
)

// Client is the program of one kind of containers on this machine. Any number of
// goroutines may use it.
type Client struct {
	kind  string
	path  string
	env   []string
	own   []string // that belongs to it: its settings and what its daemon listens at
	owner string

	mu    sync.Mutex
	swept bool // what an earlier process left behind is gone
}

// NewClient finds the program; environment is Doorward's own, of which it gets where
// its daemon is. Owner names the data directory: one gateway at a time uses that.
func NewClient(kind string, environment []string, owner string) (*Client, error) {
	if kind != Docker && kind != Podman {
		return nil, fmt.Errorf("no container is of kind %q", kind)
	}
	found, err := exec.LookPath(kind)
	if err != nil {
		return nil, fmt.Errorf("sandbox: finding %s: %w", kind, err)
	}
	path, err := filepath.Abs(found)
	if err != nil {
		return nil, fmt.Errorf("sandbox: finding %s: %w", kind, err)
	}
	c := &Client{kind: kind, path: path, owner: owner}
	for _, kv := range environment {
		name, value, _ := strings.Cut(kv, "=")
		if !slices.Contains(passed, strings.ToUpper(name)) || value == "" {
			continue
		}
		c.env = append(c.env, kv)
		if err := c.note(name, value); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// note learns from a variable what belongs to the client: its settings, its images, and
// what its daemon listens at.
func (c *Client) note(name, value string) error {
	switch name {
	case "HOME":
		for _, sub := range []string{".docker", ".config/containers", ".local/share/containers"} {
			c.own = append(c.own, filepath.Join(value, sub))
		}
	case "XDG_CONFIG_HOME", "XDG_DATA_HOME":
		c.own = append(c.own, filepath.Join(value, "containers"))
	case "DOCKER_CONFIG", "DOCKER_CERT_PATH", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "XDG_RUNTIME_DIR":
		c.own = append(c.own, filepath.Clean(value))
	case "DOCKER_HOST", "CONTAINER_HOST":
		socket, err := local(name, value)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		c.own = append(c.own, socket...)
	}
	return nil
}

// local refuses a daemon of another machine: what is given would be that machine's. Else it
// is the daemon's socket, where that is a file.
func local(from, host string) (socket []string, err error) {
	if path, ok := strings.CutPrefix(host, "unix://"); ok && path != "" {
		return []string{filepath.Clean(path)}, nil
	}
	if strings.HasPrefix(host, "npipe:////./") {
		return nil, nil
	}
	return nil, fmt.Errorf("%s leads to another machine (%s): what a container is given would be that machine's", from, host)
}

// here is local for what the settings of the client lead to where no variable says it: a
// context of docker's (config.json, DOCKER_CONTEXT), a connection of podman's (containers.conf).
func (c *Client) here(ctx context.Context, about []byte) (socket []string, err error) {
	if c.kind == Podman {
		var said struct {
			Host struct{ ServiceIsRemote bool }
		}
		if err := json.Unmarshal(about, &said); err != nil {
			return nil, fmt.Errorf("reading podman info: %w", err)
		}
		named := slices.ContainsFunc(c.env, func(kv string) bool { return strings.HasPrefix(kv, "CONTAINER_HOST=") })
		if said.Host.ServiceIsRemote && !named {
			return nil, errors.New("podman is set to a service that may be another machine's: name one of this machine, CONTAINER_HOST=unix://SOCKET")
		}
		return nil, nil
	}
	out, err := c.run(ctx, nil, "context", "inspect", "--format", "{{json .Endpoints.docker.Host}}")
	if err != nil {
		return nil, err
	}
	var host string
	if err := json.Unmarshal(out, &host); err != nil {
		return nil, fmt.Errorf("reading docker's context: %w", err)
	}
	return local("docker's context", host)
}

// Plan is what would be run for a specification.
func (c *Client) Plan(s Spec) (Plan, error) {
	if err := c.complete(&s); err != nil {
		return Plan{}, err
	}
	return Show(s)
}

func (c *Client) complete(s *Spec) error {
	s.Kind, s.Owner = c.kind, c.owner
	s.Own = slices.Concat(s.Own, c.own)
	return s.look()
}

// ready refuses a daemon that may not serve, and removes once what an earlier process
// of this data directory left behind. It is what the daemon listens at, where that is a file.
func (c *Client) ready(ctx context.Context, weaker bool) (socket []string, err error) {
	about, err := c.run(ctx, nil, map[string][]string{Docker: {"version", "--format", "{{json .}}"}, Podman: {"info", "--format", "json"}}[c.kind]...)
	if err != nil {
		return nil, err
	}
	if socket, err = c.here(ctx, about); err != nil {
		return nil, err
	}
	var options []byte
	if c.kind == Docker {
		if options, err = c.run(ctx, nil, "info", "--format", "{{json .SecurityOptions}}"); err != nil {
			return nil, err
		}
	}
	aged, err := Fit(c.kind, about, options)
	if err != nil {
		return nil, err
	}
	if aged != nil && !weaker {
		return nil, fmt.Errorf("%w: bring it up to date, or write sandbox: {allow_weaker: [runtime]}", aged)
	}
	return socket, c.Sweep(ctx)
}

// Sweep removes, once, the containers that an earlier process of this data directory
// left behind.
func (c *Client) Sweep(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.swept {
		return nil
	}
	out, err := c.run(ctx, nil, "ps", "--all", "--quiet", "--no-trunc", "--filter=label="+ownerLabel+"="+c.owner)
	if err != nil {
		return err
	}
	for id := range strings.FieldsSeq(string(out)) {
		if err := c.remove(ctx, id); err != nil {
			return fmt.Errorf("removing a container that was left behind: %w", err)
		}
	}
	c.swept = true
	return nil
}

func (c *Client) remove(ctx context.Context, name string) error {
	args := []string{"rm", "--force", "--volumes", name}
	if c.kind == Podman {
		args = []string{"rm", "--force", "--volumes", "--time=0", "--ignore", name}
	}
	_, err := c.run(ctx, nil, args...)
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "no such container") {
		return nil
	}
	return err
}

// run runs the client to its end. Env is beside the client's own.
func (c *Client) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env = slices.Concat(c.env, env)
	cmd.WaitDelay = time.Second
	out, said := bounded{most: maxAnswer}, bounded{most: maxError}
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", c.kind, args[0], errors.Join(err, quoted(said.Bytes())))
	}
	if out.over {
		return nil, fmt.Errorf("%s %s: it says more than %d bytes", c.kind, args[0], maxAnswer)
	}
	return out.Bytes(), nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); len(p) > room {
		b.over = true
		_, _ = b.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// quoted is what a client said, as one line.
func quoted(said []byte) error {
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(said, nil))), " ")
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// random is a name that nobody else has.
func random() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // it never fails (crypto/rand)
	return namePrefix + hex.EncodeToString(b)
}
