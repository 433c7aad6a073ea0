package launch_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/launch"
)

// What a runner of Python's packages has no exact version of, builds, or takes from
// elsewhere is refused, and the way out is named.
func TestSBX26_RunnersOfPython(t *testing.T) {
	for _, command := range []string{
		"uvx|x", "uvx|x@latest", "uvx|x>=1.2", "uvx|x==1.*", "uvx|-q|x", "uv|tool|run|x", "uv|--quiet|tool|run|x", "uv|--directory|/srv|tool|run|x", "pipx|run|x", "pipx|run|--spec|x|y", "pipx|run|--spe|x|y",
		"uvx|--with|y|x==1.2", "uvx|-wy|x==1.2", "uvx|--with=y==1,z|x==1.2", "uvx|--with-requirements|r.txt|x==1.2", "uvx|--with-editable|/srv/y|x==1.2",
		"uvx|--index-url|https://pypi.example.com/simple|x==1.2", "uvx|-ihttps://pypi.example.com/simple|x==1.2", "uvx|--index|e=https://pypi.example.com/simple|x==1.2", "uvx|--default-index=http://pypi.org/simple|x==1.2",
		"uvx|--extra-index-url|https://pypi.example.com/simple|x==1.2", "uvx|-f|/srv/wheels|x==1.2", "pipx|run|-i|https://pypi.example.com/simple|x==1.2", "pipx|run|--pip-args=--pre|x==1.2", "uvx|--config-file|u.toml|x==1.2",
		"uvx|--from|git+https://h.example/r@main|x", "uvx|--from|git+https://h.example/r@" + strings.Repeat("a", 40) + "|x", "uvx|--from|x @ https://h.example/x.whl|x", "uvx|https://h.example/x-1.0-py3-none-any.whl", "uvx|--from|/srv/x|x", "uvx|--from|./x|x", "uvx|.",
		"uvx|--python-preference|only-managed|x==1.2", "uvx|--managed-python|x==1.2", "pipx|run|--fetch-missing-python|x==1.2", "uvx|--from|x==1.2|--from|y|x", "uvx", "env|A=1|uvx|x",
	} {
		all := launch.Words(strings.Split(command, "|"))
		if !slices.Contains(rules(all), launch.Fetches) {
			t.Errorf("%q breaks %q", command, rules(all))
		}
		for _, b := range all {
			if b.Rule == launch.Fetches && !strings.Contains(b.Do, "doorward upstream install") {
				t.Errorf("%q does not say what to do: %s", command, b)
			}
		}
	}
	for _, command := range []string{
		"uvx|x==1.2", "uvx|x@1.2", "uvx|-q|--no-progress|x[cli]==1.2rc1|--index-url|http://h.example", "uv|tool|run|x==1.2|-c", "uv|--directory|/srv|tool|run|--from|x==1.2|y", "pipx|run|x==1.2", "pipx|run|--spec=x==1.2|y|--with|z",
		"uvx|--python|3.12|x==1.2", "uvx|--index-url|https://pypi.org/simple/|x==1.2", "uvx|--with|y==1,z==2.0|x==1.2", "uvx|--constraints|c.txt|--|x==1.2|--with|y", "uvx|--python-preference|only-system|x==1.2", "uvx|--from|x==1.2|python|-m|x",
	} {
		if all := launch.Words(strings.Split(command, "|")); all != nil {
			t.Errorf("%q breaks %v", command, all)
		}
	}
}
