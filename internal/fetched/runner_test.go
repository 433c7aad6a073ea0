package fetched_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/fetched"
)

// The words of a runner are read as it reads them itself.
func TestRunnerOf(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"uvx x==1 -c":                           "[] [x==1 -c]",
		"uvx -q --with=a==1 -wb==2 -w c x -q":   "[{--quiet } {--with a==1} {--with b==2} {--with c}] [x -q]",
		"uvx --from x -- y --from z":            "[{--from x}] [y --from z]",
		"uv --directory d tool -v run --from x": "[{--directory d} {--verbose } {--from x}] []",
		"uv run x":                              "none",
		"uv tool install x":                     "none",
		"UVX.EXE x":                             "[] [x]",
		"pipx --quiet run --spe x y":            "[{--quiet } {--spec x}] [y]",
		"pipx install x":                        "none",
		"uvx":                                   "[] []",
		"npx x":                                 "none",
	} {
		got := "none"
		if r, ok := fetched.RunnerOf(strings.Fields(command)); ok {
			got = fmt.Sprintf("%v %v", r.Options, r.Words)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
	}
}
