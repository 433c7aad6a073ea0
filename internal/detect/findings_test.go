package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is found in a sample of the corpora has a row on the page that lists the
// rules, and the severity that it has there. Rules about credentials that have no row
// are in the page's list, and are high or medium.
func TestFindingsAreAsThePageSays(t *testing.T) {
	const most = 40 // cases of each source
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "reference", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources, err := repositorySources(root)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, from := range append(sources, generators()...) {
		cases, err := from.read()
		if err != nil {
			t.Fatal(err)
		}
		cases = sample(cases, most)
		h := newHouse(cases)
		for i := range cases {
			verdicts, err := judgeAll(&cases[i], h)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				for j := range v.findings {
					rule, severity := v.findings[j].Rule, v.findings[j].Severity.String()
					if !seen[rule+severity] && !listed(string(page), rule, severity) {
						t.Errorf("docs/reference/findings.md does not say that %s may be %s", rule, severity)
					}
					seen[rule+severity] = true
				}
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d rules and severities were seen", len(seen))
	}
}

func listed(page, rule, severity string) bool {
	if strings.HasPrefix(rule, "flow.") {
		return true // what the rules of trust.flows say of a chain; no finding of a detector
	}
	_, row, ok := strings.Cut(page, "| `"+rule+"` | ")
	if !ok {
		return strings.HasPrefix(rule, "secret.") && severity != "low" && strings.Contains(page, "`"+rule+"`")
	}
	severities, _, _ := strings.Cut(row, " |")
	return strings.Contains(severities, severity)
}
