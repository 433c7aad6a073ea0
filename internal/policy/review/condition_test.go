package review_test

import (
	"strings"
	"testing"

	"doorward/internal/policy"
)

// TestConditionOnArguments: a condition on arguments that the tools do not have.
func TestConditionOnArguments(t *testing.T) {
	typed := map[string]map[string]string{"files": {"path": "path"}, "web": {"url": "url"}}
	for when, want := range map[string]string{
		`args.head < 5`:             "",
		`principal.subject == "a"`:  "",
		`args.owner == "a"`:         "(files/read_text, files/read_all)",
		`has(args.x) && args.x > 1`: "x",
	} {
		found := look(t, policy.Role{Allow: []policy.Rule{{Tools: []string{"files/read_*"}, When: when}}}, typed)
		switch {
		case want == "" && len(found) > 0:
			t.Errorf("%s: %+v", when, found)
		case want != "" && (len(found) == 0 || found[0].Path != "roles.r.allow[0].when" || !strings.Contains(found[0].Text, want)):
			t.Errorf("%s: %+v, want %s", when, found, want)
		}
	}
}
