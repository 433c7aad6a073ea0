package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A principal has a bounded number of sessions, so the idle ones are spread
// over keys.
const sessionsPerKey = 500

// gateway is doorward, set up but not running.
type gateway struct {
	binary  string
	config  string
	at      endpoint
	metrics string   // host:port of the admin listener
	keys    []string // for idle sessions
}

// configuration has every control on; limits are counted, and wide enough for the load.
const configuration = `version: 1
data_dir: %[1]s/data
listen: {address: %[2]q}
admin: {address: %[3]q}
roles: {bench: {allow: [{tools: ["bench/*"]}]}}
upstreams: {bench: {url: "http://%[4]s/mcp", limits: {arguments: 4MiB}}}
profiles: {plain: {upstreams: [bench], names: plain}}
limits: {per_address: 2000000000/1m, per_principal: 2000000000/1m}
trust: {lock: %[1]s/doorward.lock}
`

// setUpGateway builds doorward and does what an operator does before the first
// `serve`: a file, a key, an approval.
func (s *stand) setUpGateway(ctx context.Context, name string) (*gateway, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	g := &gateway{binary: s.opts.binary, config: filepath.Join(dir, "doorward.yaml")}
	if g.binary == "" || name == unrecorded {
		g.binary = filepath.Join(dir, "doorward")
		if err := s.build(ctx, name, g.binary); err != nil {
			return nil, err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if g.metrics, err = freeAddress(); err != nil {
		return nil, err
	}
	g.at = endpoint{address: address, path: "/mcp/plain"}
	if err := os.WriteFile(g.config, fmt.Appendf(nil, configuration, dir, address, g.metrics, s.address), 0o600); err != nil {
		return nil, err
	}
	if g.at.token, err = g.createKey(ctx, "bench"); err != nil {
		return nil, err
	}
	for i := 0; i*sessionsPerKey < s.opts.sessions; i++ {
		key, err := g.createKey(ctx, fmt.Sprintf("idle-%d", i+1))
		if err != nil {
			return nil, err
		}
		g.keys = append(g.keys, key)
	}
	_, err = g.command(ctx, "trust", "approve", "bench")
	return g, err
}

// build builds doorward, and the unrecorded one from an overlay of the sources.
func (s *stand) build(ctx context.Context, name, binary string) error {
	s.say("building %s", name)
	args := []string{"build", "-trimpath", "-o", binary}
	if name == unrecorded {
		overlay, err := silence(ctx, filepath.Dir(binary))
		if err != nil {
			return fmt.Errorf("taking the record out: %w", err)
		}
		args = append(args, "-overlay", overlay)
	}
	build := exec.CommandContext(ctx, "go", append(args, "doorward/cmd/doorward")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	_, err := output(build)
	return err
}

func (g *gateway) createKey(ctx context.Context, name string) (string, error) {
	out, err := g.command(ctx, "key", "create", name, "--role", "bench", "--format", "json")
	if err != nil {
		return "", err
	}
	var created struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(out, &created); err != nil {
		return "", fmt.Errorf("reading what doorward key create printed: %w", err)
	}
	if created.Key == "" {
		return "", errors.New("doorward key create printed no key")
	}
	return created.Key, nil
}

// command runs one doorward command to its end and returns its stdout.
func (g *gateway) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.binary, append(args, "--config", g.config)...)
	cmd.Env = environment()
	return output(cmd)
}

// output runs cmd and returns its stdout; the error holds its stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = attributes()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s%s", strings.Join(append([]string{filepath.Base(cmd.Path)}, cmd.Args[1:]...), " "), err,
			stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

func (s *stand) launchGateway(name string) (*target, error) {
	g := s.gateways[name]
	c, err := s.spawn(name, []string{g.binary, "serve", "--config", g.config})
	if err != nil {
		return nil, err
	}
	return &target{name: name, at: g.at, proc: c, metrics: g.metrics}, nil
}

// verifyControls makes sure that what is timed is a gateway with its controls
// on: it must refuse a stranger, an argument that the pinned schema forbids, and
// a tool that is not approved.
func (s *stand) verifyControls(ctx context.Context, t *target) error {
	w, err := s.connect(ctx, t)
	if err != nil {
		return err
	}
	defer w.close()
	stranger := t.at
	stranger.token = noToken
	for _, tc := range []struct {
		what, tool, arguments string
		to                    endpoint
	}{
		{"a stranger's call", "echo", `{"text":"through"}`, stranger},
		{"an argument against the schema", "echo", `{"text":"through","more":1}`, t.at},
		{"a tool that is not approved", "other", `{"text":"through"}`, t.at},
	} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tc.tool + `","arguments":` + tc.arguments + `,` + meta + `}}`
		a, err := w.roundTrip(post(tc.to, body, "Mcp-Protocol-Version: "+statelessRevision, "Mcp-Method: tools/call", "Mcp-Name: "+tc.tool))
		if err != nil {
			return fmt.Errorf("%s: %w", tc.what, err)
		}
		if !bytes.Contains(a.body, []byte(`"error":`)) && !bytes.Contains(a.body, []byte(`"isError":true`)) {
			return fmt.Errorf("%s was let pass, so there is nothing to compare: status %d: %.300s", tc.what, a.status, a.body)
		}
	}
	return nil
}

// verifyAudit has doorward check its own log, which shows that the calls were
// on record while they were timed. It returns what doorward said.
func (s *stand) verifyAudit(ctx context.Context) (string, error) {
	g := s.gateways[doorward]
	if g == nil {
		return "", nil
	}
	s.say("verifying the audit log")
	out, err := g.command(ctx, "audit", "verify")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}
