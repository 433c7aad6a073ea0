package paths_test

import (
	"strings"
	"testing"

	"doorward/internal/policy/paths"
)

func mustNew(t testing.TB, r paths.Rule) *paths.Judge {
	t.Helper()
	j, faults := paths.New(r)
	if len(faults) > 0 {
		t.Fatalf("New: %v", faults)
	}
	return j
}

// setting is a rule, and the same as the oracle knows it.
type setting struct {
	name string
	rule paths.Rule
	tree tree
}

func settings() []setting {
	names := func(name string) bool { return name == ".env" || strings.HasSuffix(name, ".key") }
	posix := tree{under: "/srv/a", closed: "/srv/a/private", names: names}
	based := posix
	based.base = "/srv/a/work"
	windows := tree{windows: true, under: `C:\srv\docs`, closed: "c:/srv/docs/private", names: names}
	globs := []string{"**/.env", "**/*.key"}
	return []setting{
		{"posix", paths.Rule{Under: []string{"/srv/a"}, Not: append([]string{"/srv/a/private"}, globs...)}, posix},
		{"based", paths.Rule{Under: []string{"/srv/a"}, Not: append([]string{"/srv/a/private"}, globs...), Base: "/srv/a/work"}, based},
		{"windows", paths.Rule{Under: []string{`C:\srv\docs`}, Not: append([]string{`C:\srv\docs\private`}, globs...), Windows: true}, windows},
	}
}

// A hostile value counts only when the oracle names readers that it fools.
func TestHostileValuesAreRefused(t *testing.T) {
	const most = 30_000 // candidates a setting
	for _, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			j, g := mustNew(t, s.rule), newGenerator(1)
			proven, unproven := map[string]bool{}, 0
			for range most {
				value := g.hostile(s.tree.windows)
				if proven[value] {
					continue
				}
				by := s.tree.escape(value, 3)
				if by == "" {
					unproven++
					continue
				}
				proven[value] = true
				if why := j.Judge(value); why == "" {
					t.Errorf("allowed %q, outside to a reader: %s", value, by)
				}
				if len(proven) == 2500 {
					break
				}
			}
			t.Logf("%d distinct hostile values, %d candidates that fool no reader", len(proven), unproven)
			if len(proven) < 2000 {
				t.Errorf("only %d hostile values, want 2000", len(proven))
			}
		})
	}
}

// A legitimate value counts only when no reader is fooled by it.
func TestLegitimateValuesPass(t *testing.T) {
	for _, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			j, g := mustNew(t, s.rule), newGenerator(2)
			seen, refused, fooled := map[string]bool{}, 0, 0
			for len(seen) < 1500 {
				value := g.legitimate(s.tree.windows)
				if seen[value] {
					continue
				}
				if by := s.tree.escape(value, 3); by != "" {
					fooled++
					t.Errorf("the corpus has %q, outside to a reader: %s", value, by)
				}
				seen[value] = true
				if why := j.Judge(value); why != "" {
					refused++
					t.Logf("refused %q: %s", value, why)
				}
				if s.tree.base != "" {
					if inner, ok := strings.CutPrefix(value, "/srv/a/"); ok && inner != "" && inner[0] != '-' && j.Judge(inner) != j.Judge(value) {
						t.Errorf("%q is judged otherwise as a relative path", inner)
					}
				}
			}
			t.Logf("%d distinct legitimate values, %d refused", len(seen), refused)
			if refused*200 > len(seen) {
				t.Errorf("%d of %d legitimate values refused, want at most 0.5 %%", refused, len(seen))
			}
		})
	}
}
