package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/cli"
	"doorward/internal/index"
)

// An index is made without a running gateway, on record; search finds the same with it,
// without it and where it is damaged, which it says. Where it is not wanted none is made.
func TestAuditIndex(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(path, []byte("version: 1\ndata_dir: data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{Args: append(args, "--config", path), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" }})
		if code != want {
			t.Fatalf("doorward %v: exit %d: %s%s", args, code, out.String(), said.String())
		}
		return out.String(), said.String()
	}
	status := func() (all []index.Status) {
		t.Helper()
		text, _ := run(0, "audit", "index", "status", "--format", "json")
		if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		return all
	}
	search := func(args ...string) (stdout, stderr string) {
		t.Helper()
		return run(0, append([]string{"audit", "search", "--event", "key.create", "--text", "begun"}, args...)...)
	}
	run(0, "key", "create", "ci")
	if s := status()[0]; s.State != "none" || s.Log == 0 {
		t.Errorf("before: %+v", s)
	}
	want, _ := search()
	if strings.Count(want, "key.create") != 1 {
		t.Fatalf("found: %s", want)
	}
	var made index.Status
	text, _ := run(0, "audit", "index", "rebuild", "--format", "json")
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.State != "usable" || made.Records < 3 || made.Through != made.Records {
		t.Errorf("made: %s, %v", text, err)
	}
	for _, args := range [][]string{nil, {"--no-index"}} {
		if got, said := search(args...); got != want || said != "" {
			t.Errorf("%v: %s%s, want %s", args, got, said, want)
		}
	}
	if got, _ := run(0, "audit", "search", "--event", "audit.index"); strings.Count(got, "audit.index") != 1 {
		t.Errorf("on record: %s", got)
	}
	if err := os.WriteFile(status()[0].Path, []byte("no index"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := status()[0]; s.State != "unusable" || s.Error == "" {
		t.Errorf("damaged: %+v", s)
	}
	if got, said := search(); got != want || !strings.Contains(said, "search index") {
		t.Errorf("damaged: %s%s, want %s", got, said, want)
	}
	if got, said := search("--no-index"); got != want || said != "" {
		t.Errorf("damaged, not asked: %s%s, want %s", got, said, want)
	}
	if err := os.WriteFile(path, []byte("version: 1\ndata_dir: data\naudit: {index: off}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said := run(1, "audit", "index", "rebuild"); !strings.Contains(said, "audit.index is off") {
		t.Errorf("not wanted: %s", said)
	}
}
