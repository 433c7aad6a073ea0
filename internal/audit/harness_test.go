package audit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

func config(dir string) audit.Config {
	return audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")}
}

// accepting has an operator accept whatever is lost.
func accepting(cfg audit.Config) audit.Config {
	cfg.Accept = &audit.Acceptance{What: audit.Losses(), Actor: "uid:1", Reason: "a test"}
	return cfg
}

func open(tb testing.TB, cfg audit.Config) *audit.Log {
	tb.Helper()
	l, err := audit.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

func exchange(id string) *gate.Exchange {
	raw := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"files_read","arguments":{"path":"/secret"}}}`)
	params, arguments := strings.Index(string(raw), `{"name"`), strings.Index(string(raw), `{"path"`)
	return &gate.Exchange{
		ID:    id,
		Start: time.Now(),
		Inbound: gate.Inbound{
			Transport: "http", Profile: "review", UserAgent: "agent/1.0",
			Remote: netip.MustParseAddr("::ffff:127.0.0.1"),
		},
		Principal: &gate.Principal{Method: "api_key", Subject: "alice", Credential: "k_0123456789"},
		Call: gate.Call{
			Message: &gate.Message{
				Raw: raw, Kind: gate.Request, Method: "tools/call",
				ID: gate.Span{Start: 22, End: 23}, Params: gate.Span{Start: params, End: len(raw) - 1},
				Fields: []gate.Field{{Name: "name"}, {Name: "arguments", Value: gate.Span{Start: arguments, End: len(raw) - 2}}},
			},
			Era: gate.Stateful, Session: &gate.Session{ID: "session-secret"}, Item: gate.Tool, Name: "files_read",
		},
		Target: gate.Target{
			Upstream: "files",
			Item:     &gate.Item{Kind: gate.Tool, Upstream: "files", Name: "read", Digest: gate.Digest{1, 2, 3}},
		},
		Tally: gate.Tally{RequestBytes: len(raw), ReplyBytes: 1234, Notifications: 2, Asks: 1, Upstream: 3 * time.Millisecond},
	}
}

func done() gate.Outcome {
	return gate.Outcome{Verdict: gate.Pass(), Status: "ok", Intent: true}
}

func call(ctx context.Context, l *audit.Log, id string) error {
	ex := exchange(id)
	if err := l.Intent(ctx, ex); err != nil {
		return err
	}
	return l.Outcome(ctx, ex, done())
}

// fillLog writes n calls and closes the log.
func fillLog(tb testing.TB, cfg audit.Config, n int) {
	tb.Helper()
	l := open(tb, cfg)
	for i := range n {
		if err := call(tb.Context(), l, fmt.Sprintf("x%d", i)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
}

func read(tb testing.TB, dir string, q audit.Query) []audit.Record {
	tb.Helper()
	ring := keyring(tb, dir)
	q.Keys = ring.Of(q.Principal)
	var all []audit.Record
	err := audit.Read(context.Background(), dir, q, func(r *audit.Record) error {
		all = append(all, *r)
		return ring.Reveal(&all[len(all)-1])
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// keyring opens what the log in dir has sealed.
func keyring(tb testing.TB, dir string) *audit.Keyring {
	tb.Helper()
	ring, err := audit.OpenKeyring(dir, filepath.Join(filepath.Dir(dir), "audit.key"))
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func verify(tb testing.TB, dir string) audit.Report {
	tb.Helper()
	rep, err := audit.Verify(context.Background(), dir, audit.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return rep
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func cutLines(path string, n int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	return os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-1-n], "")), 0o600)
}
