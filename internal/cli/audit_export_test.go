package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/cli"
	"doorward/internal/gate"
)

// cancelling ends a context at its first write.
type cancelling struct {
	stop context.CancelFunc
	bytes.Buffer
}

// Write implements io.Writer.
func (c *cancelling) Write(p []byte) (int, error) {
	c.stop()
	return c.Buffer.Write(p)
}

// Ctrl-C leaves neither a file nor a part of one, and the exit code says so, also
// where what was written went to stdout.
func TestAnExportThatIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")})
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 { // more than a writer's buffer
		if err := l.Event(t.Context(), gate.Event{Kind: "test", Actor: "somebody", Status: "ok"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	export := func(ctx context.Context, stdout *cancelling, more ...string) (int, string) {
		var said bytes.Buffer
		code := cli.Run(ctx, cli.Process{
			Args:   append([]string{"audit", "export", "--format", "csv", "--dir", filepath.Join(dir, "audit")}, more...),
			Stdout: stdout, Stderr: &said, Getenv: func(string) string { return "" },
		})
		return code, said.String()
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &cancelling{stop: stop}
	if code, said := export(ctx, out); code != 1 || !strings.Contains(said, "context canceled") || out.Len() == 0 {
		t.Errorf("to stdout: exit %d, %d bytes: %s", code, out.Len(), said)
	}
	target := filepath.Join(dir, "out", "whole.csv")
	if err := os.Mkdir(filepath.Dir(target), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, said := export(ctx, out, "-o", target); code != 1 || !strings.Contains(said, "was not written") {
		t.Errorf("to a file: exit %d: %s", code, said)
	}
	if left, err := os.ReadDir(filepath.Dir(target)); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if code, said := export(t.Context(), out, "-o", target); code != 0 || !strings.Contains(said, "records in "+target) {
		t.Errorf("afterwards: exit %d: %s", code, said)
	}
}

// records has a log of one record, of alice's of globex, and a command read it with a flag.
func records(t *testing.T, dir string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Run(t.Context(), cli.Process{
		Args:   append([]string{"audit", args[0], "--dir", filepath.Join(dir, "audit")}, args[1:]...),
		Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" },
	})
	return code, stdout.String(), stderr.String()
}

// TEN-12: a tenant that is given and empty, as of a variable that is not set, is a fault
// of the command, and not all tenants; nor is anything else that chooses.
func TestTEN12_NoRecordsOfAnEmptyTenant(t *testing.T) {
	dir := t.TempDir()
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []gate.Principal{{Realm: "https://idp", Tenant: "globex", Subject: "alice"}, {Realm: "https://idp", Tenant: "initech", Subject: "bob"}} {
		for _, kind := range []string{"first", "second", "third"} {
			if err := l.Event(t.Context(), gate.Event{Kind: kind + "." + who.Tenant, Actor: "somebody", Principal: &who, Status: "ok"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"search", "export", "tail"} {
		for tenant, want := range map[string]struct {
			code    int
			records bool
			said    string
		}{
			"":       {2, false, "name one"},
			"acme":   {0, false, ""},
			"globex": {0, true, ""},
		} {
			code, out, said := records(t, dir, command, "--tenant", tenant)
			if code != want.code || (len(out) > 0) != want.records || !strings.Contains(said, want.said) || strings.Contains(out, "initech") {
				t.Errorf("%s --tenant %q: exit %d, %q: %s", command, tenant, code, out, said)
			}
		}
	}
	for _, flag := range []string{"principal", "upstream", "item", "code", "rule", "approval", "hash", "trace", "exchange", "kind", "event", "status", "key"} {
		if code, out, said := records(t, dir, "search", "--"+flag, ""); code != 2 || out != "" || !strings.Contains(said, "--"+flag) {
			t.Errorf("search --%s '': exit %d, %q: %s", flag, code, out, said)
		}
	}
	code, out, said := records(t, dir, "tail", "--tenant", "globex", "-n", "2")
	first, rest, _ := strings.Cut(out, "\n")
	if code != 0 || !strings.Contains(first, "second.globex") || !strings.Contains(rest, "third.globex") || strings.Contains(out, "first.") {
		t.Errorf("the last two of a tenant: exit %d, %q: %s", code, out, said)
	}
	if code, out, _ := records(t, dir, "tail", "--tenant", "globex", "-n", "0"); code != 0 || out != "" {
		t.Errorf("none: exit %d, %q", code, out)
	}
}
