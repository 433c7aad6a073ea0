// Package demo shows what Doorward does, on real parts and without a network:
// the gateway itself, three MCP servers of its own of which two misbehave, and
// a client on the official SDK. `doorward demo` runs it.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
)

// Options is what the command line passes on.
type Options struct {
	Once    bool // end after the tour instead of leaving the gateway up
	Colour  bool
	Out     io.Writer
	Log     io.Writer // the gateway's own log
	Version string
	Address string // where the gateway listens; empty for 127.0.0.1:8080 or any free port
}

// Run plays the tour. It returns an error when anything went otherwise than the
// tour says it must.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "doorward-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := startServers()
	if err != nil {
		return err
	}
	defer s.stop()
	t := &tour{Options: o, dir: dir, servers: s}
	if err := t.start(ctx); err != nil {
		return err
	}
	defer t.stop()
	for _, chapter := range t.chapters() {
		t.heading(chapter.title)
		if err := chapter.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	if t.faults > 0 {
		return fmt.Errorf("%d of %d steps did not go as they must", t.faults, t.steps)
	}
	t.say("\nAll %d steps went as they must.", t.steps)
	if o.Once {
		return nil
	}
	return t.stay(ctx)
}

// tour is one run of the demo.
type tour struct {
	Options
	dir           string
	servers       *servers
	app           *app.App
	failed        chan error // what the gateway's Serve returned
	cancel        context.CancelFunc
	key           string
	steps, faults int
}

type chapter struct {
	title string
	play  func(context.Context) error
}

func (t *tour) chapters() []chapter {
	return []chapter{
		{"1. A stranger knocks", t.stranger},
		{"2. First use: everything is held until a person approves", t.firstUse},
		{"3. Allowed, denied and invalid calls", t.calls},
		{"4. Arguments by meaning, and a call that waits for a person", t.held},
		{"5. A poisoned tool", t.poisoned},
		{"6. A tool that changes after approval", t.changed},
		{"7. The audit log, and what tampering with it looks like", t.audited},
	}
}

// configText is the configuration that the demo runs on, as a user would write it.
const configText = `version: 1
data_dir: %s
listen: {address: %q}
roles:
  assistant:
    allow:
      - {tools: ["*/*"]}
      - {tools: [notes/write_note], mode: approve, approvers: {roles: [lead], expires: 15m}}
    deny:  [{tools: [notes/delete_*]}]
  lead: {}
upstreams:
  notes:      {url: %q, arguments: {name: identifier}}
  calculator: {url: %q}
  weather:    {url: %q}
trust: {lock: %s}
`

func (t *tour) start(ctx context.Context) error {
	path := filepath.Join(t.dir, "doorward.yaml")
	address := t.Address
	if address == "" {
		address = freeAddress(ctx)
	}
	text := fmt.Sprintf(configText, filepath.Join(t.dir, "data"), address,
		t.servers.notes, t.servers.calculator, t.servers.weather, filepath.Join(t.dir, "doorward.lock"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	t.app, err = app.New(app.Options{Config: cfg, Path: path, Version: t.Version, Log: app.TextLog(t.Log, slog.LevelError)})
	if err != nil {
		return err
	}
	ctx, t.cancel = context.WithCancel(ctx)
	t.failed = make(chan error, 1)
	ready := make(chan struct{})
	go func() { t.failed <- t.app.Serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-t.failed:
		t.cancel()
		return err
	}
	key, err := t.app.CreateKey(ctx, "demo", admin.KeyRequest{Name: "you", Roles: []string{"assistant"}})
	if err != nil {
		t.stop()
		return err
	}
	t.key = key.Text
	return nil
}

func (t *tour) stop() {
	t.cancel()
	if err := <-t.failed; err != nil {
		t.say("the gateway did not end well: %v", err)
	}
}

// stay leaves the gateway up for the reader's own client.
func (t *tour) stay(ctx context.Context) error {
	t.heading("Your turn")
	t.say(`The gateway is up at %s until you press Ctrl-C. Connect a client of your own:

  claude mcp add --transport http doorward %s --header "Authorization: Bearer %s"

  npx @modelcontextprotocol/inspector --cli %s --transport http \
    --header "Authorization: Bearer %s" --method tools/list
`, t.app.URL(), t.app.URL(), t.key, t.app.URL(), t.key)
	select {
	case <-ctx.Done():
		return nil
	case err := <-t.failed:
		t.failed <- err
		return err
	}
}

// audited verifies the log, then changes one record in a copy of it.
func (t *tour) audited(ctx context.Context) error {
	log := filepath.Join(t.dir, "data", "audit")
	report, err := audit.Verify(ctx, log, audit.Options{})
	t.check("the log verifies", err == nil, fmt.Sprintf("%d records, one chain", report.Records))
	tampered := filepath.Join(t.dir, "tampered")
	if err := os.CopyFS(tampered, os.DirFS(log)); err != nil {
		return err
	}
	changed, err := tamper(tampered)
	if err != nil {
		return err
	}
	t.say("  in a copy, %s", changed)
	report, err = audit.Verify(ctx, tampered, audit.Options{})
	t.check("the change is found", err != nil && report.Fault != nil, fmt.Sprint(err))
	return nil
}

// tamper turns the record of the refused deletion into a permitted one.
func tamper(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return "", err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		if out := bytes.Replace(b, []byte(`"policy.denied"`), []byte(`"policy.exempt"`), 1); !bytes.Equal(b, out) {
			return "somebody rewrites the refusal of notes/delete_note", os.WriteFile(f, out, 0o600) //nolint:gosec // a copy in the demo's own directory
		}
	}
	return "", errors.New("the refusal is not on record")
}

func (t *tour) heading(s string) {
	if t.Colour {
		s = "\x1b[1m" + s + "\x1b[0m"
	}
	t.say("\n%s\n", s)
}

func (t *tour) say(format string, args ...any) { _, _ = fmt.Fprintf(t.Out, format+"\n", args...) }

// check prints one step and counts it; ok is whether it went as it must.
func (t *tour) check(what string, ok bool, detail string) {
	t.steps++
	mark := "ok  "
	if !ok {
		mark = "FAIL"
		t.faults++
	}
	if t.Colour {
		colour := "\x1b[32m"
		if !ok {
			colour = "\x1b[31m"
		}
		mark = colour + mark + "\x1b[0m"
	}
	t.say("  %s %s", mark, what)
	for line := range strings.SplitSeq(strings.TrimSpace(detail), "\n") {
		if line != "" {
			t.say("         %s", line)
		}
	}
}
