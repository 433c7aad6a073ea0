package compare_test

import (
	"strings"
	"testing"

	"doorward/internal/policy"
	"doorward/internal/policy/compare"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/statement"
	"doorward/internal/policy/words"
)

// A where is told as a configuration writes it.
func TestWhereIsToldAsItIsWritten(t *testing.T) {
	w := &policy.Where{
		Path: &paths.Rule{Under: []string{"/srv/docs", "/srv/my docs"}, Not: []string{"**/.git"}},
		SQL:  &statement.Rule{Tables: []string{"orders"}},
		Values: map[string]policy.Value{
			"Page":  {Min: "1", Max: "100", Required: true},
			"owner": {Text: words.TextRule{OneOf: []string{"acme"}, Pattern: "<a, b>"}},
		},
	}
	source := func(r policy.Rule) policy.Source {
		r.Tools = []string{"f/a"}
		return policy.Source{Roles: map[string]policy.Role{"r": {Allow: []policy.Rule{r}}}}
	}
	report, err := compare.Sources(source(policy.Rule{}), source(policy.Rule{Where: w}), nil)
	if err != nil || len(report.Differences) != 1 {
		t.Fatalf("differences: %+v, %v", report.Differences, err)
	}
	const want = `{path: {not: ["**/.git"], under: [/srv/docs, "/srv/my docs"]}, sql: {tables: [orders]}, ` +
		`values: {owner: {one_of: [acme], regex: "<a, b>"}, page: {max: 100, min: 1, required: true}}}`
	got := report.Differences[0].After
	if _, got, _ = strings.Cut(got, " where "); got != want {
		t.Errorf("told as\n%s\nwant\n%s", got, want)
	}
}
