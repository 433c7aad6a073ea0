package evidence_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/evidence"
)

// forged asks the gateway to sign what is not so, and keeps what it signs.
func forged(t *testing.T, s *scene, c *evidence.Case) {
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := s.pack(t, c).Write(dir, c.Now); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *admin.Manifest){
		"another title":       func(m *admin.Manifest) { file(m, "incident.json").SHA256 = digest("{}") },
		"no containment":      func(m *admin.Manifest) { *file(m, "containments.json") = named("containments.json", "[]\n") },
		"other records":       func(m *admin.Manifest) { file(m, "records/audit.jsonl").SHA256 = digest("") },
		"fewer records":       func(m *admin.Manifest) { m.Logs[0].Records-- },
		"more proofs":         func(m *admin.Manifest) { m.Logs[0].Proven = m.Logs[0].Records + 1 },
		"no log":              func(m *admin.Manifest) { m.Logs = nil },
		"another log":         func(m *admin.Manifest) { m.Logs[0].Name = "audit-2" },
		"not all":             func(m *admin.Manifest) { m.Cut = true },
		"a time of its own":   func(m *admin.Manifest) { m.Until = m.Since.Add(1) },
		"no time":             func(m *admin.Manifest) { m.Until = m.Until.AddDate(-9999, 0, 0); m.Since = m.Until },
		"opened, and nothing": func(m *admin.Manifest) { m.Opened = true },
		"opened by the maker": func(m *admin.Manifest) { add(m, "opened/audit.jsonl") },
		"records beside":      func(m *admin.Manifest) { add(m, "records/audit-2.jsonl") },
		"a file twice":        func(m *admin.Manifest) { m.Files = append(m.Files, m.Files[len(m.Files)-1]) },
		"no incident's file":  func(m *admin.Manifest) { m.Files = m.Files[:1] },
		"another incident":    func(m *admin.Manifest) { m.Incident = "inc_019ac2f0c1d0q3kfp7x2mz" },
		"as a framework":      func(m *admin.Manifest) { m.Framework = "soc2" },
		"without an incident": func(m *admin.Manifest) { m.Framework, m.Incident = "soc2", "" },
	} {
		var m admin.Manifest
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		if a, err := s.App.Vouch(t.Context(), "uid:0", m); err == nil || a.Note != "" {
			t.Errorf("%s was signed: %v", name, err)
		}
	}
}

// file finds one of a manifest.
func file(m *admin.Manifest, name string) *admin.ManifestFile {
	for i := range m.Files {
		if m.Files[i].Name == name {
			return &m.Files[i]
		}
	}
	return nil
}

// add puts a file where it belongs.
func add(m *admin.Manifest, name string) {
	for i := range m.Files {
		if m.Files[i].Name > name {
			m.Files = append(m.Files[:i], append([]admin.ManifestFile{named(name, "")}, m.Files[i:]...)...)
			return
		}
	}
}

func named(name, content string) admin.ManifestFile {
	return admin.ManifestFile{Name: name, Size: int64(len(content)), SHA256: digest(content)}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// invented signs, with a key of its own, what no gateway would: opened lines that are of
// other records.
func invented(t *testing.T, c *evidence.Case) {
	t.Helper()
	const origin = "test/1"
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, failed := note.NewSigner(private)
	key, err := note.NewVerifier(public)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	lines := c.Trace.Logs[0].Opened
	for name, opened := range map[string][][]byte{
		"":              lines,
		"fewer":         lines[1:],
		"two exchanged": append([][]byte{lines[1], lines[0]}, lines[2:]...),
		"another time":  append([][]byte{bytes.Replace(lines[0], []byte(`"time":"2`), []byte(`"time":"1`), 1)}, lines[1:]...),
	} {
		b := &evidence.Bundle{}
		l, err := b.AddRecords("audit", c.Trace.Logs[0].Lines, nil, audit.Checkpoint{})
		if err == nil {
			err = b.AddOpened("audit", opened)
		}
		if err == nil {
			err = b.Seal(admin.Manifest{Opened: true, Logs: []admin.ManifestLog{l}}, func(m admin.Manifest) (string, error) {
				text, err := m.Text()
				if err != nil {
					return "", err
				}
				sum := sha256.Sum256(text)
				signed, err := note.Sign(&note.Note{Text: "doorward evidence 1\n" + origin + "\nsha256 " + hex.EncodeToString(sum[:]) + "\n"}, signer)
				return string(signed), err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if v := b.Verify([]note.Verifier{key}); v.OK != (name == "") || !v.OK && !strings.Contains(v.Fault, "opened") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
