package paths_test

import (
	"testing"

	"doorward/internal/policy/paths"
)

// FuzzJudge: whatever passes, every reader that the oracle knows stays below
// Under and out of the closed parts.
func FuzzJudge(f *testing.F) {
	all := settings()
	judges := make([]*paths.Judge, len(all))
	for i, s := range all {
		judges[i] = mustNew(f, s.rule)
	}
	g := newGenerator(3)
	for i := range all {
		for range 20 {
			f.Add(g.hostile(all[i].tree.windows))
			f.Add(g.legitimate(all[i].tree.windows))
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i, s := range all {
			if judges[i].Judge(value) != "" {
				continue
			}
			if by := s.tree.escape(value, 2); by != "" {
				t.Errorf("%s: %q passed, outside to a reader: %s", s.name, value, by)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	under := []string{"/srv/docs"}
	for _, bc := range []struct {
		name, path string
		rule       paths.Rule
	}{
		{"plain", "/srv/docs/guides/install/README.md", paths.Rule{Under: under}},
		{"extension", "/srv/docs/guides/install/README.md", paths.Rule{Under: under, Extensions: []string{".md", ".txt"}}},
		{"refused", "/srv/other/guides/install/README.md", paths.Rule{Under: under}},
		{"not", "/srv/docs/guides/install/README.md", paths.Rule{Under: under, Not: []string{"/srv/docs/private", "**/.env"}}},
		{"unicode", "/srv/docs/資料/résumé.md", paths.Rule{Under: under}},
		{"windows", `C:\srv\docs\guides\README.md`, paths.Rule{Under: []string{`C:\srv\docs`}, Windows: true}},
		{"base", "guides/install/README.md", paths.Rule{Under: under, Base: "/srv/docs"}},
		{"resolve", "/usr/share/doc/README.md", paths.Rule{Under: []string{"/usr/share"}, Resolve: true}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			j := mustNew(b, bc.rule)
			b.ReportAllocs()
			for b.Loop() {
				if why := j.Judge(bc.path); (why == "") == (bc.name == "refused") {
					b.Fatal(why)
				}
			}
		})
	}
}

// The path that most calls take costs no garbage.
func TestPlainPathDoesNotAllocate(t *testing.T) {
	j := mustNew(t, paths.Rule{Under: []string{"/srv/docs"}})
	if n := testing.AllocsPerRun(100, func() { _ = j.Judge("/srv/docs/guides/README.md") }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
