package python_test

import (
	"errors"
	"strings"
	"testing"

	"doorward/internal/python"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		command string // words, separated by "|"
		want    string // requirements, program and arguments
		err     error
	}{
		{"uvx|server@1.2.3|--all|/srv", "server==1.2.3 [] [] [--all /srv]", nil},
		{"uvx|-q|server==1.2rc1", "server==1.2rc1 [] [] []", nil},
		{"uvx|--from|Some_Server[cli,x]==2025.7.1|serve|-c", "Some_Server[cli,x]==2025.7.1 [] [serve] [-c]", nil},
		{"uv|tool|run|server@1!1.0.post1", "server==1!1.0.post1 [] [] []", nil},
		{"/usr/bin/pipx|run|--spec|a==1|b", "a==1 [] [b] []", nil},
		{"pipx|run|a==1|--spec|b", "a==1 [] [] [--spec b]", nil},
		{"uvx|--with|b==1,c@2|--with=d==3|a@1", "a==1 [b==1 c==2 d==3] [] []", nil},
		{"uvx|server", "", python.ErrInexact},
		{"uvx|server@latest", "", python.ErrInexact},
		{"uvx|server==1.*", "", python.ErrInexact},
		{"uvx|server>=1", "", python.ErrInexact},
		{"uvx|--with|b|a@1", "", python.ErrInexact},
		{"uvx", "", python.ErrInexact},
		{"uvx|--from|git+https://h.example/r@main|x", "", python.ErrInexact},
		{"uvx|../server@1.0", "", python.ErrInexact},
		{"uvx|--|-server@1.0", "", python.ErrInexact},
		{"uvx|a @ https://h.example/a.whl", "", python.ErrInexact},
		{"uvx|a==1\n--index-url=https://h.example", "", python.ErrInexact},
		{"uvx|--python|3.12|a@1", "", python.ErrOption},
		{"uvx|--index-url|https://h.example|a@1", "", python.ErrOption},
		{"uvx|--from|a==1|--from|b==1|x", "", python.ErrOption},
		{"uvx|--from|a==1|../x", "", python.ErrOption},
		{"uv|run|a", "", python.ErrNotRunner},
		{"npx|a@1.0.0", "", python.ErrNotRunner},
		{"python3|-m|a", "", python.ErrNotRunner},
	} {
		p, err := python.Of(strings.Split(tc.command, "|"))
		got := ""
		if err == nil {
			var with []string
			for _, w := range p.With {
				with = append(with, w.String())
			}
			got = strings.Join([]string{p.String(), "[" + strings.Join(with, " ") + "]", "[" + p.Program + "]", "[" + strings.Join(p.Args, " ") + "]"}, " ")
		}
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q: %q, %v; want %q, %v", tc.command, got, err, tc.want, tc.err)
		}
	}
}

// FuzzOf holds that what is taken is one name and one version, which lead nowhere else
// and are no options, nor more than one line for pip.
func FuzzOf(f *testing.F) {
	for _, s := range []string{"server@1.2.3", "a[b]==1", "-g==1", "a==1 --hash=x", "a==1\n-i x", "a/../b==1", "a[--x]==1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		p, err := python.Of([]string{"uvx", "--from", word, "x"})
		if err != nil {
			return
		}
		if text := p.String(); strings.ContainsAny(text, " \t\r\n/\\;@#") || strings.HasPrefix(text, "-") || strings.HasPrefix(text, ".") {
			t.Errorf("%q is taken for %q", word, text)
		}
	})
}
