package reveal_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/reveal"
)

// Every way to hide a text is blocked, whatever is hidden, and people can read it.
func TestEveryMethodIsFound(t *testing.T) {
	for _, h := range hidings() {
		t.Run(h.name, func(t *testing.T) {
			for _, p := range payloads {
				text := h.hide(p)
				var found *gate.Finding
				findings := reveal.Scan(text)
				for i := range findings {
					if findings[i].Rule == h.rule && (found == nil || findings[i].Severity > found.Severity) {
						found = &findings[i]
					}
				}
				if found == nil || found.Severity != gate.High {
					t.Errorf("%q\n has no %s of high severity: %+v", text, h.rule, findings)
					continue
				}
				if h.decoded && !says(findings, h.rule, p) {
					t.Errorf("%q\n is read as %q", text, found.Text)
				}
			}
		})
	}
}

// says tells whether the texts of a rule's findings have the words of p, as far
// as a finding's text goes.
func says(findings []gate.Finding, rule, p string) bool {
	for i := range findings {
		if findings[i].Rule != rule {
			continue
		}
		read, want := words(findings[i].Text), words(p)
		for n := 8; n <= len(want); n += 8 {
			if strings.Contains(read, want[n-8:n]) {
				return true
			}
		}
	}
	return false
}

// words is the letters of s in lower case.
func words(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// What honest texts have is no finding at all.
func TestHonestTextsAreQuiet(t *testing.T) {
	for name, text := range honest() {
		t.Run(name, func(t *testing.T) {
			for _, f := range reveal.Scan(text) {
				t.Errorf("%s %s: %q in %q", f.Rule, f.Severity, f.Text, text)
			}
		})
	}
}

// What tools return and pages have is no reason to block.
func TestOrdinaryResultsAreNotBlocked(t *testing.T) {
	for name, text := range ordinary() {
		t.Run(name, func(t *testing.T) {
			for _, f := range reveal.Scan(text) {
				if f.Severity == gate.High {
					t.Errorf("%s %s: %q in %q", f.Rule, f.Severity, f.Text, text)
				}
			}
		})
	}
}

// Of too many findings the gravest are kept, however many of one severity there are.
func TestGravest(t *testing.T) {
	for _, c := range []struct{ low, medium, high, kept, worst int }{
		{3, 3, 3, 9, 3},
		{100, 0, 0, gate.MaxFindings, 0},
		{0, 100, 0, gate.MaxFindings, 0},
		{100, 100, 1, gate.MaxFindings, 1},
		{1, 1, 100, gate.MaxFindings, gate.MaxFindings},
	} {
		var all []gate.Finding
		for severity, n := range map[gate.Severity]int{gate.Low: c.low, gate.Medium: c.medium, gate.High: c.high} {
			for range n {
				all = append(all, gate.Finding{Severity: severity})
			}
		}
		worst, got := 0, reveal.Gravest(all)
		for i := range got {
			if got[i].Severity == gate.High {
				worst++
			}
		}
		if len(got) != c.kept || worst != c.worst {
			t.Errorf("of %+v %d are kept, %d of them high", c, len(got), worst)
		}
	}
}
