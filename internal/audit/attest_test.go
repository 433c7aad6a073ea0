package audit_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/audit"
)

func TestAttest(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	defer func() { _ = l.Close() }()
	digest, other := [32]byte{1}, [32]byte{2}
	text, public, err := l.Attest(audit.OfEvidence, digest)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	keys := []note.Verifier{v}
	if origin, by, err := audit.Attested(text, audit.OfEvidence, digest, keys); err != nil || len(by) != 1 || !strings.HasPrefix(origin, "doorward/") {
		t.Errorf("%q by %v, %v", origin, by, err)
	}
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string]string{"a checkpoint": c.Text(), "another text": strings.Replace(text, "evidence 1", "evidence 2", 1), "nothing": ""} {
		if _, _, err := audit.Attested(forged, audit.OfEvidence, digest, keys); err == nil {
			t.Errorf("%s attests a digest", name)
		}
	}
	if _, _, err := audit.Attested(text, audit.OfExport, digest, keys); err == nil {
		t.Error("evidence passes for an export")
	}
	if _, _, err := audit.Attested(text, audit.OfEvidence, other, keys); err == nil {
		t.Error("it attests another digest")
	}
	if _, _, err := audit.Attested(text, audit.OfEvidence, digest, nil); err == nil {
		t.Error("it attests without a key")
	}
	if c, err := audit.ParseCheckpoint(text); err == nil {
		t.Errorf("it passes for a checkpoint: %+v", c)
	}
}

// Lines are proved against one checkpoint; those that it does not cover are not, and
// one that was changed is an error.
func TestProveLines(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 20)
	var lines [][]byte
	for _, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindIntent}) {
		sealed := raw(t, cfg.Dir)[r.Seq-1]
		lines = append(lines, sealed.AppendJSON(nil))
	}
	proofs, at, err := audit.ProveLines(t.Context(), cfg.Dir, lines)
	if err != nil || len(proofs) != len(lines) || len(lines) < 5 {
		t.Fatalf("%d of %d lines: %v", len(proofs), len(lines), err)
	}
	for i := range proofs {
		if err := proofs[i].Check(); err != nil || proofs[i].Checkpoint.Size != at.Size {
			t.Errorf("proof %d: %v", i, err)
		}
	}
	lines[2] = bytes.Replace(lines[2], []byte(`"intent"`), []byte(`"0utcom"`), 1)
	if _, _, err := audit.ProveLines(t.Context(), cfg.Dir, lines); err == nil {
		t.Error("a line that was changed is proved")
	}
}
