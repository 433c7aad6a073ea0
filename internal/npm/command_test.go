package npm_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/npm"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		command string
		want    string // name@version and arguments
		err     error
	}{
		{"npx server@1.2.3", "server@1.2.3", nil},
		{"npx -y @example/server@1.2.3 --all /srv", "@example/server@1.2.3 --all /srv", nil},
		{"/usr/bin/npx --yes server@1.2.3-rc.1+b", "server@1.2.3-rc.1+b", nil},
		{`C:\node\npx.cmd -y -- server@1.2.3`, "server@1.2.3", nil},
		{"npx -y server", "", npm.ErrInexact},
		{"npx -y server@latest", "", npm.ErrInexact},
		{"npx -y server@^1.2.3", "", npm.ErrInexact},
		{"npx -y server@1.2", "", npm.ErrInexact},
		{"npx -y @example/server", "", npm.ErrInexact},
		{"npx -p other@1.2.3 server", "", npm.ErrNotNPX},
		{"npx --registry=https://x server@1.2.3", "", npm.ErrNotNPX},
		{"npx -c id", "", npm.ErrNotNPX},
		{"npx ../server@1.2.3", "", npm.ErrNotNPX},
		{"npx @../x@1.2.3", "", npm.ErrNotNPX},
		{"npx .bin@1.2.3", "", npm.ErrNotNPX},
		{"npx -- -g@1.2.3", "", npm.ErrNotNPX},
		{"npx https://example.com/x@1.2.3", "", npm.ErrNotNPX},
		{"npx Server@1.2.3", "", npm.ErrNotNPX},
		{"npx", "", npm.ErrNotNPX},
		{"node server@1.2.3", "", npm.ErrNotNPX},
		{"", "", npm.ErrNotNPX},
	} {
		p, err := npm.Of(strings.Fields(tc.command))
		got := ""
		if err == nil {
			got = strings.Join(append([]string{p.String()}, p.Args...), " ")
		}
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q: %q, %v; want %q, %v", tc.command, got, err, tc.want, tc.err)
		}
	}
}

// FuzzOf holds that what is taken is one name and one version, which lead nowhere else
// and are no options.
func FuzzOf(f *testing.F) {
	for _, s := range []string{"server@1.2.3", "@a/b@1.2.3", "@a/../b@1.2.3", "-g@1.2.3", "a@b@1.0.0", "@@1.2.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		p, err := npm.Of([]string{"npx", word})
		if err != nil {
			return
		}
		if p.String() != word {
			t.Errorf("%q became %q", word, p.String())
		}
		scope, name, scoped := strings.Cut(p.Name, "/")
		if !scoped {
			name = scope
		}
		if strings.ContainsAny(name, "/\\ @") || strings.HasPrefix(name, ".") || strings.HasPrefix(word, "-") || scoped && (scope == "@" || strings.HasPrefix(scope, "@.")) {
			t.Errorf("%q is taken for a name", word)
		}
	})
}

// What was installed runs with the node of the npx that the command names.
func TestNodeIsBesideItsNPX(t *testing.T) {
	dir := t.TempDir()
	alone := filepath.Join(t.TempDir(), "npx")
	node := filepath.Join(dir, "node")
	if err := os.WriteFile(node, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for npx, want := range map[string]string{"npx": "node", filepath.Join(dir, "npx"): node, alone: "node", filepath.Join(dir, "npx.cmd"): "node"} {
		if got := npm.Node(npx); got != want {
			t.Errorf("%s runs with %s, want %s", npx, got, want)
		}
	}
}
