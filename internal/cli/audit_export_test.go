package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TEN-12: evidence of a tenant counts that tenant's records alone, whatever is asked for as one, and says nothing of
// how much there is of others.
func TestTEN12_EvidenceOfATenant(t *testing.T) {
	dir := t.TempDir()
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "data", "audit"), KeyFile: filepath.Join(dir, "data", "audit.key")})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, n := range map[string]int{"acme": 2, "globex": 777, "": 13} {
		who := gate.Principal{Realm: "https://idp", Tenant: tenant, Subject: "alice"}
		for range n {
			if err := l.Event(t.Context(), gate.Event{Kind: "of." + tenant + ".kind", Actor: "somebody", Principal: &who, Status: "ok"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(config, []byte("version: 1\ndata_dir: data\nupstreams: {of-globex: {url: https://globex.example/mcp}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	evidence := func(args ...string) (code int, out, said string) {
		var stdout, stderr bytes.Buffer
		code = cli.Run(t.Context(), cli.Process{
			Args:   append([]string{"audit", "evidence", "--framework", "gdpr", "--config", config}, args...),
			Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" },
		})
		return code, stdout.String(), stderr.String()
	}
	for _, tc := range []struct {
		tenant string
		more   []string
		events int // of acme
	}{
		{"acme", nil, 2},
		{"acme", []string{"--since", "1h"}, 2},
		{"acme", []string{"--since", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, 0},
		{"Acme", nil, 0},
		{"acme,globex", nil, 0},
		{"*", nil, 0},
		{`acme" or "1`, nil, 0},
		{"acme --tenant globex", nil, 0},
	} {
		code, out, said := evidence(append([]string{"--tenant", tc.tenant, "--format", "json"}, tc.more...)...)
		var got struct {
			Tenant             string
			Logs               []any
			Figures, Checklist any
			Verified           []struct{ OK bool }
			Counts             map[string]map[string]int
		}
		if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil {
			t.Fatalf("%q: exit %d, %v: %s", tc.tenant, code, err, said)
		}
		for name, of := range got.Counts {
			sum := 0
			for _, n := range of {
				sum += n
			}
			if want := tc.events; name != "codes" && sum != want {
				t.Errorf("%q %q: %s %v, want %d in all", tc.tenant, tc.more, name, of, want)
			}
		}
		if got.Counts["events"]["of.acme.kind"] != tc.events || got.Tenant != tc.tenant || got.Logs != nil || got.Figures != nil || got.Checklist != nil || len(got.Verified) != 1 || !got.Verified[0].OK {
			t.Errorf("%q: %s", tc.tenant, out)
		}
		_, text, _ := evidence(append([]string{"--tenant", tc.tenant, "--format", "markdown"}, tc.more...)...)
		for _, leak := range []string{"of.globex", "of-globex", "of..kind", "777", "790", "792"} {
			if strings.Contains(strings.ReplaceAll(out+text, dir, ""), leak) {
				t.Errorf("%q: it tells %q: %s%s", tc.tenant, leak, out, text)
			}
		}
	}
	if code, out, said := evidence("--tenant", ""); code != 2 || out != "" || !strings.Contains(said, "name one") {
		t.Errorf("no tenant: exit %d, %q: %s", code, out, said)
	}
	if _, out, _ := evidence("--format", "markdown"); !strings.Contains(out, "of.globex.kind`: 777") || !strings.Contains(out, "Production checklist") {
		t.Errorf("of all: %s", out)
	}
	place := filepath.Join(dir, "acme")
	if code, _, said := evidence("--tenant", "acme", "--out", place); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	for _, name := range []string{"evidence.json", "evidence.md"} {
		text, err := os.ReadFile(filepath.Join(place, name))
		if told := strings.ReplaceAll(string(text), dir, ""); err != nil || !strings.Contains(told, "acme") || strings.Contains(told, "globex") || strings.Contains(told, "777") {
			t.Errorf("%s of the bundle: %v %s", name, err, text)
		}
	}
}
