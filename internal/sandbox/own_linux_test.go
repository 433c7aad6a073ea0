package sandbox_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/sandbox"
)

// A command sees the package that was installed for it below a hidden directory, and nothing
// else of that, whatever it was given.
func TestOwnBelowWhatIsHidden(t *testing.T) {
	t.Parallel()
	around, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(around, "data")
	own, other := filepath.Join(data, "packages", "a"), filepath.Join(data, "packages", "b")
	for _, dir := range []string{own, other} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(around, "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		read   string
		hide   string
		refuse string
	}{
		"its own":               {own, data, ""},
		"its own, under a link": {own, link, ""},
		"another's":             {other, data, "Doorward's own"},
		"what is hidden":        {data, data, "Doorward's own"},
		"what is around it":     {around, data, "beside the package"},
		"around a link to it":   {around, link, "beside the package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := sandbox.Given{Read: []string{tc.read}, Hide: []string{tc.hide, "/etc/doorward"}, Own: []string{own}}
			plan, err := sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/", Search: "/bin"}, g, nil)
			if tc.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refuse) {
					t.Errorf("%v, want %q", err, tc.refuse)
				}
				return
			}
			if err != nil || !slices.Equal(plan.Hide, []string{"/etc/doorward"}) {
				t.Errorf("hidden are %q, %v", plan.Hide, err)
			}
		})
	}
}

// A link that no command can have put there may lead through one that a command has, and up
// from where that leads.
func TestPlantedLinkOnTheWayUp(t *testing.T) {
	t.Parallel()
	around, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(around, name) }
	for _, dir := range []string{"shared/docs", "shared/real", "elsewhere/inner", "elsewhere/docs"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"shared/planted": at("elsewhere/inner"), "up": "shared/planted/../docs", "away": at("shared/planted") + "/../docs", "down": "shared/real/../docs",
	} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, refused := range map[string]bool{at("up"): true, at("away"): true, at("shared/planted") + "/../docs": true, at("down"): false} {
		g := sandbox.Given{Read: []string{path}, Planted: []string{at("shared")}}
		_, err := sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/", Search: "/bin"}, g, nil)
		if got := err != nil && strings.Contains(err.Error(), "could be made to lead anywhere"); got != refused {
			t.Errorf("%s is refused: %v (%v), want %v", path, got, err, refused)
		}
	}
}
