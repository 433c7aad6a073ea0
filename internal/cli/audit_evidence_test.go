package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/cli"
	"doorward/internal/evidence"
	"doorward/internal/mapping"
)

// Evidence for an audit is gathered without a running gateway, says what is not there,
// and as a bundle holds by the log's key alone.
func TestAuditEvidence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte("version: 1\ndata_dir: data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: append(args, "--config", filepath.Join(dir, "doorward.yaml")), Stdout: &out, Stderr: &said,
			Getenv: func(string) string { return "" },
		})
		if code != want {
			t.Fatalf("doorward %v: exit %d: %s%s", args, code, out.String(), said.String())
		}
		return out.String() + said.String()
	}
	run(0, "key", "create", "ci")
	var got struct {
		Controls []struct{ ID, There, Missing string }
		Logs     []struct{ OK bool }
		Counts   struct{ Events map[string]int }
	}
	text := run(0, "audit", "evidence", "--framework", "nsa", "--format", "json")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Controls) != 9 || got.Controls[1].There != "in part" || got.Controls[1].Missing == "" || len(got.Logs) != 1 || !got.Logs[0].OK || got.Counts.Events["key.create"] != 1 {
		t.Errorf("the evidence: %+v", got)
	}
	for _, want := range []string{"| N2 Sandbox | in part |", "one unbroken chain", "- `key.create`: 1\n", "## Production checklist"} {
		if text := run(0, "audit", "evidence", "--framework", "nsa", "--format", "markdown"); !strings.Contains(text, want) {
			t.Errorf("there is no %q in %s", want, text)
		}
	}
	place := filepath.Join(dir, "nsa.tar.gz")
	run(0, "audit", "evidence", "--framework", "nsa", "--out", place)
	var log struct {
		Keys []struct{ Public string }
	}
	if err := json.Unmarshal([]byte(run(0, "audit", "verify", "--format", "json")), &log); err != nil {
		t.Fatal(err)
	}
	if text := run(0, "incident", "verify-bundle", place, "--key", log.Keys[0].Public); !strings.Contains(text, "Evidence of nsa, 2 files") || strings.Contains(text, "the incident") {
		t.Errorf("verified: %s", text)
	}
	run(3, "incident", "verify-bundle", place, "--key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	if b, err := evidence.Open(place); err != nil || b.Verify(nil).OK {
		t.Errorf("it holds without a key: %v", err)
	}
	if text := run(0, "audit", "search", "--event", "audit.evidence"); !strings.Contains(text, "nsa sha256") {
		t.Errorf("it is not on record: %s", text)
	}
	run(2, "audit", "evidence", "--framework", "soc3")

	segment := filepath.Join(dir, "data", "audit", "audit-00000001.jsonl")
	lines, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segment, bytes.Replace(lines, []byte("key.create"), []byte("key.crEate"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var torn struct {
		Logs    []struct{ OK bool }
		Counts  struct{ Kinds map[string]int }
		Figures struct{ Records int }
	}
	said := run(3, "audit", "evidence", "--framework", "nsa", "--format", "json")
	if err := json.NewDecoder(strings.NewReader(said)).Decode(&torn); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "doorward: ") || !strings.Contains(said, "was tampered with: audit-00000001.jsonl:") {
		t.Errorf("it does not say which log: %s", said)
	}
	run(3, "audit", "evidence", "--framework", "nsa", "--format", "markdown")
	place = filepath.Join(dir, "changed.tar.gz")
	run(3, "audit", "evidence", "--framework", "nsa", "--out", place)
	if _, err := os.Stat(place); err != nil {
		t.Errorf("what was gathered is not kept: %v", err)
	}
	if len(torn.Logs) != 1 || torn.Logs[0].OK || len(torn.Counts.Kinds) > 0 || torn.Figures.Records > 0 {
		t.Errorf("of a log that was changed: %+v", torn)
	}
}

// Every command that the mappings name is one, with these flags.
func TestMappingsNameCommands(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range mapping.Frameworks() {
		for i := range f.Controls {
			for _, by := range f.Controls[i].Features {
				if !seen[by.Command] {
					seen[by.Command] = true
					commandExists(t, by.Command)
				}
			}
		}
	}
}

func commandExists(t *testing.T, command string) {
	t.Helper()
	path, flags, _ := strings.Cut(command, " --")
	var out bytes.Buffer
	args := append(strings.Fields(strings.TrimPrefix(path, "doorward ")), "--help")
	code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
	if code != 0 || !strings.Contains(out.String(), "Usage:\n  "+path+" [") {
		t.Errorf("there is no command %q", command)
	}
	if flags == "" {
		return
	}
	for flag := range strings.SplitSeq(flags, " --") {
		name, _, _ := strings.Cut(flag, " ")
		if !strings.Contains(out.String(), " --"+name+" ") {
			t.Errorf("%q: there is no flag --%s", command, name)
		}
	}
}
