package app

import (
	"slices"
	"testing"

	"doorward/internal/docs"
)

// TestDocumentsStayInTheirDirectories holds access rules against URIs whose parts have
// slashes of their own. What no rule is about is nobody's.
func TestDocumentsStayInTheirDirectories(t *testing.T) {
	d := docsServer{Access: []docsAccess{{"docs://up/web/h/internal/*", []string{"staff"}}, {"docs://up/**/secret/**", []string{"chief"}}, {"docs://up/web/h/näh?.md", []string{"near"}}, {"docs://up/web/h/salaries", []string{"payroll"}}, {"docs://up/web/h/deep/**", []string{"deep"}}, {"docs://up/web/h/open/**", []string{"*"}}}}
	for uri, want := range map[string][]string{
		"docs://up/web/h/internal/page":                    {"staff"},
		"docs://up/web/h/internal/page%3Fnext=%2Fx":        {"staff"},
		"docs://up/web/h/internal/page%3Fnext=%252Fx":      {"staff"},
		"docs://up/web/h/internal/page%3Fa=%2F..%2F..%2Fp": {"staff"},
		"docs://up/web/h/internal/a%2Fb":                   {"staff"},
		"docs://up/web/h/internal/bad%zz":                  {"staff"},
		"docs://up/web/h/%69nternal/page":                  {"staff"},
		"docs://up/web/h/internal/below/page":              {docs.Nobody},
		"docs://up/web/h/internal%2Fpage":                  {docs.Nobody},
		"docs://up/web/secret/a%3Fb=%2Fc":                  {"chief"},
		"docs://up/web/h/n%C3%A4he.md":                     {"near"},
		"docs://up/web/h/public/page":                      {docs.Nobody},
		"docs://up/web/h/open/page":                        nil,
		"docs://up/web/h/salaries%3Fsort=asc":              {"payroll"},
		"docs://up/web/h/salaries%3Fa=%2Fpublic":           {"payroll"},
		"docs://up/web/h/deep%3Fpage=2":                    {"deep"},
		"docs://up/web/h/salaries.md":                      {docs.Nobody},
	} {
		if got := d.roles(uri); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", uri, got, want)
		}
	}
	if got := (docsServer{}).roles("docs://up/web/h/page"); got != nil {
		t.Errorf("without rules: %v", got)
	}
}
