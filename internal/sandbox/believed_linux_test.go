package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/sandbox"
)

// SBX-02: no command writes what Doorward decides by, nor has a file of Doorward's under another
// name; what it is given to read of the former it reads.
func TestSBX02_BelievedAndOtherNames(t *testing.T) {
	t.Parallel()
	around, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(around, name) }
	for _, dir := range []string{"certs", "work/deep", "shared/deep", "own", "docs"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"certs/ca.pem", "docs/a", "doorward.yaml", "own/audit.key", "own/other"} {
		if err := os.WriteFile(at(file), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"to-certs": "certs", "to-ca": "certs/ca.pem"} {
		if err := os.Symlink(at(to), at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, of := range map[string]string{"work/deep/innocent": "doorward.yaml", "shared/deep/key": "own/audit.key", "docs/ca": "certs/ca.pem"} {
		if err := os.Link(at(of), at(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		given    sandbox.Given
		believed string
		refuse   string
	}{
		"the file":                     {sandbox.Given{Write: []string{at("certs/ca.pem")}}, "certs/ca.pem", "Doorward decides by"},
		"its directory":                {sandbox.Given{Write: []string{at("certs")}}, "certs/ca.pem", "Doorward decides by"},
		"the directory by a link":      {sandbox.Given{Write: []string{at("to-certs")}}, "certs/ca.pem", "Doorward decides by"},
		"believed by a link":           {sandbox.Given{Write: []string{at("certs")}}, "to-ca", "Doorward decides by"},
		"where that link lies":         {sandbox.Given{Write: []string{around}}, "to-ca", "Doorward decides by"},
		"not there yet":                {sandbox.Given{Write: []string{at("certs")}}, "certs/later.pem", "Doorward decides by"},
		"beside it":                    {sandbox.Given{Write: []string{at("shared/deep/key")}}, "certs/ca.pem", ""},
		"to read":                      {sandbox.Given{Read: []string{at("certs")}}, "certs/ca.pem", ""},
		"another name of it, to write": {sandbox.Given{Write: []string{at("docs")}}, "certs/ca.pem", "another name of"},
		"another name of it, to read":  {sandbox.Given{Read: []string{at("docs")}}, "certs/ca.pem", ""},
		"of the configuration":         {sandbox.Given{Write: []string{at("work")}, Hide: []string{at("doorward.yaml")}}, "", "another name of"},
		"of the configuration, read":   {sandbox.Given{Read: []string{at("work/deep/innocent")}, Hide: []string{at("doorward.yaml")}}, "", "another name of"},
		"of a key in what is hidden":   {sandbox.Given{Write: []string{at("shared")}, Hide: []string{at("own")}}, "", "another name of"},
		"of nothing":                   {sandbox.Given{Write: []string{at("work")}, Read: []string{at("docs")}, Hide: []string{at("own")}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := tc.given
			if tc.believed != "" {
				g.Believed = []string{at(tc.believed)}
			}
			err := g.Guard()
			if tc.refuse == "" && err != nil || tc.refuse != "" && (err == nil || !strings.Contains(err.Error(), tc.refuse)) {
				t.Errorf("Guard: %v, want %q", err, tc.refuse)
			}
			if _, planned := sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/", Search: "/bin"}, g, nil); (planned != nil) != (err != nil) {
				t.Errorf("NewPlan: %v", planned)
			}
		})
	}
}
