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
	"doorward/internal/monitor/figures"
)

// An incident's evidence is gathered, and checked elsewhere, without a running gateway.
func TestIncidentEvidence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte("version: 1\ndata_dir: data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, into any, args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: append(args, "--config", filepath.Join(dir, "doorward.yaml"), "--format", "json"), Stdout: &out, Stderr: &said,
			Getenv: func(string) string { return "" },
		})
		if code != want {
			t.Fatalf("doorward %v: exit %d: %s%s", args, code, out.String(), said.String())
		}
		if into != nil {
			if err := json.Unmarshal(out.Bytes(), into); err != nil {
				t.Fatalf("doorward %v: %v: %s", args, err, out.String())
			}
		}
		return out.String() + said.String()
	}
	var one struct{ ID string }
	run(0, &one, "incident", "open", "somebody guesses keys", "--principal", "alice", "--realm", "api_key")
	var report evidence.Review
	run(0, &report, "incident", "report", one.ID)
	if report.Incident.ID != one.ID || report.Times.Detected.IsZero() || report.Figures == nil || report.Figures.Rotation == nil {
		t.Errorf("the report: %+v", report)
	}
	var stats figures.Summary
	run(0, &stats, "incident", "stats")
	if stats.Records == 0 || stats.Rotation == nil || stats.Rotation.Within != stats.Rotation.Due || stats.Rotation.Due != 2 {
		t.Errorf("the figures: %+v", stats)
	}
	stats = figures.Summary{}
	run(0, &stats, "incident", "stats", "--dir", filepath.Join(dir, "data", "audit"))
	if stats.Records == 0 || stats.Rotation != nil {
		t.Errorf("the figures of a copy: %+v", stats)
	}
	place := filepath.Join(dir, "evidence.tar.gz")
	run(0, nil, "incident", "bundle", one.ID, "--out", place)
	if said := run(1, nil, "incident", "bundle", one.ID, "--out", place); !strings.Contains(said, "something already") {
		t.Errorf("over another bundle: %s", said)
	}
	var log struct {
		Keys []struct{ Public string }
	}
	run(0, &log, "audit", "verify")
	var v evidence.Verified
	run(0, &v, "incident", "verify-bundle", place, "--key", log.Keys[0].Public)
	if !v.OK || v.Incident != one.ID || v.Records == 0 || v.Proven != v.Records {
		t.Errorf("verified: %+v", v)
	}
	run(3, &v, "incident", "verify-bundle", place, "--key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	if v.OK || v.Fault == "" {
		t.Errorf("by another key: %+v", v)
	}
	run(2, nil, "incident", "verify-bundle", place)
	text := filepath.Join(dir, "review.json")
	run(0, nil, "incident", "report", one.ID, "-o", text)
	if info, err := os.Stat(text); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
