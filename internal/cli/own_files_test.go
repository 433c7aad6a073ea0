package cli_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/cli"
)

// What a command writes does not take the place of a file of Doorward's own, nor stand beside
// one as if it were one, through a link either.
func TestNothingIsWrittenOverFilesOfDoorwards(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "doorward.yaml")
	link := filepath.Join(dir, "link")
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "data", "audit"), KeyFile: filepath.Join(dir, "data", "audit.key")})
	if err == nil {
		err = errors.Join(l.Close(), os.WriteFile(place, []byte("version: 1\ndata_dir: data\ntrust: {lock: own.lock}\naudit: {checkpoint: {anchors: [{kind: file, path: anchored}]}}\nsecrets: {key: {from: \"file:key\"}}\n"), 0o600), os.Symlink(filepath.Join(dir, "data"), link))
	}
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (int, string) {
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: append([]string{"--config", place}, args...), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" },
		})
		return code, said.String()
	}
	segment := filepath.Join(dir, "data", "audit", "audit-00000001.jsonl")
	before, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"audit", "export", "-o", segment},
		{"audit", "export", "-o", segment + ".gz"},
		{"audit", "export", "-o", filepath.Join(link, "audit", "audit-00000009.jsonl")},
		{"audit", "export", "-o", filepath.Join(dir, "data", "incidents.json")},
		{"audit", "export", "-o", place},
		{"audit", "export", "-o", filepath.Join(dir, "own.lock")},
		{"audit", "verify", "--save-checkpoint", segment},
		{"audit", "verify", "--save-checkpoint", place},
		{"audit", "verify", "--save-checkpoint", filepath.Join(dir, "anchored")},
		{"audit", "verify", "--save-checkpoint", filepath.Join(dir, "key")},
		{"audit", "evidence", "--framework", "soc2", "--out", filepath.Join(dir, "data", "bundle")},
		{"privacy", "export", "alice", "--out", filepath.Join(dir, "data", "alice.zip")},
		{"incident", "drill", "--out", filepath.Join(dir, "data", "drill")},
		{"incident", "bundle", "inc_1", "--out", filepath.Join(link, "bundle")},
	} {
		if code, said := run(args...); code != 1 || !strings.Contains(said, "files of its own") {
			t.Errorf("%q: exit %d, %s", args, code, said)
		}
	}
	if after, err := os.ReadFile(segment); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the log is another: %v", err)
	}
	if code, said := run("audit", "export", "-o", filepath.Join(dir, "data.jsonl")); code != 0 {
		t.Errorf("beside data_dir: exit %d, %s", code, said)
	}
	if err := os.WriteFile(place, []byte("version: one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := run("audit", "export", "--dir", filepath.Dir(segment), "-o", filepath.Join(dir, "more.jsonl")); code != 1 {
		t.Errorf("with a configuration that cannot be read: exit %d, %s", code, said)
	}
}

// An export that does not hold is a finding; one that cannot be read is a failure.
func TestWhatAnExportComesTo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"text.zip": "no zip", "empty.zip": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "nothing"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want int
	}{
		{[]string{filepath.Join(dir, "none.zip")}, 1},
		{[]string{filepath.Join(dir, "text.zip")}, 3},
		{[]string{filepath.Join(dir, "empty.zip")}, 3},
		{[]string{filepath.Join(dir, "nothing")}, 3},
		{[]string{filepath.Join(dir, "text.zip"), "--signer", "no key"}, 1},
	} {
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: append([]string{"privacy", "check"}, tc.args...), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" },
		})
		if code != tc.want || said.Len() == 0 {
			t.Errorf("%q: exit %d, want %d: %s", tc.args, code, tc.want, said.String())
		}
	}
}
