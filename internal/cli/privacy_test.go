package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Of a copy of a log every tombstone is taken, and one that is not whole is refused.
func TestErasedBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Event(t.Context(), gate.Event{Kind: "x", Principal: &gate.Principal{Realm: "r", Subject: "alice"}}); err != nil {
		t.Fatal(err)
	}
	ring, err := audit.OpenKeyring(filepath.Join(dir, "audit"), filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	ids := ring.Of("alice")
	if n, err := l.Erase(t.Context(), ids, "request 1", "test"); n != 1 || err != nil {
		t.Fatalf("erased %d, %v", n, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "audit", "audit-00000001.jsonl")
	keys, err := audit.ErasedIn(copied)
	if err != nil || len(keys) != 1 || keys[0] != ids[0].String() {
		t.Errorf("keys %v, %v", keys, err)
	}
	content, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "half")
	if err := os.WriteFile(half, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.ErasedIn(half); err == nil {
		t.Error("half of a copy is believed")
	}
}

// What comes from somewhere else cannot break out of a table, and a report is whole.
func TestReportsForPeople(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)
	b := admin.Breach{
		Asked: admin.Touch{Address: "192.0.2.0/24"}, Aware: at, Notify: at.Add(72 * time.Hour), Records: 3, Controller: "House | Ltd",
		Persons:  []admin.Touched{{Key: "3fb3", Subject: "al\nice|", Records: 3}},
		Items:    []admin.TouchItem{{Upstream: "up", Name: "a|b", Calls: 2, Carried: 1}},
		Findings: []admin.TouchCount{{What: "personal.email", Count: 2}}, ToSay: []string{"the nature"},
	}
	reg := admin.Register{Controller: "House | Ltd", Missing: []string{"privacy.contact"}, Recipients: []admin.Recipient{{Name: "up", Country: "Else|where"}}, Measures: []string{"TLS"}}
	held := admin.Erased{Refused: []admin.Refusal{{Hold: "h_1", Reason: "claim"}}}
	for name, tc := range map[string]struct {
		write func(io.Writer) error
		want  []string
	}{
		"breach":   {func(w io.Writer) error { return breachText(w, &b) }, []string{"by 2026-11-30T01:02:03Z", `al⟨U+000A⟩ice\|`, `a\|b`, "| personal.email | 2 |", "- the nature"}},
		"erased":   {func(w io.Writer) error { return erasedText(w, held) }, []string{"Refused: a name in clear is under legal hold h_1: claim"}},
		"register": {func(w io.Writer) error { return registerText(w, &reg) }, []string{`House \| Ltd`, "missing: `privacy.contact`", `Else\|where`, "- TLS"}},
	} {
		var out bytes.Buffer
		if err := tc.write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s has no %q:\n%s", name, want, out.String())
			}
		}
	}
}

// Help and how-to say what a time may look like.
func TestMoment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"":                     {},
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-26T08:00:00Z": time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := moment(text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if got, err := moment("7d"); err != nil || time.Since(got).Round(time.Hour) != 7*24*time.Hour {
		t.Errorf("7d is %v, %v", got, err)
	}
	for _, bad := range []string{"2026-13-01", "yesterday", "-1h"} {
		if got, err := moment(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
