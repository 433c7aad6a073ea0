package mapping_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/mapping"
)

// The lists that are short and closed have every id, and no framework one twice.
func TestFrameworksAreWhole(t *testing.T) {
	want := map[string][]string{"owasp-mcp": numbered("MCP%02d", 10), "owasp-agentic": numbered("ASI%02d", 10), "nsa": numbered("N%d", 9)}
	for _, name := range []string{"soc2", "iso27001", "gdpr", "nis2", "ai-act"} {
		want[name] = nil
	}
	for _, f := range mapping.Frameworks() {
		ids, known := want[f.Name]
		if !known {
			t.Errorf("%s is unknown, or there twice", f.Name)
		}
		delete(want, f.Name)
		seen := map[string]bool{}
		for i := range f.Controls {
			c := &f.Controls[i]
			if seen[c.ID] || c.ID == "" || c.Title == "" {
				t.Errorf("%s: control %q %q", f.Name, c.ID, c.Title)
			}
			seen[c.ID] = true
		}
		if len(seen) == 0 || ids != nil && len(seen) != len(ids) {
			t.Errorf("%s has %d controls, want %d", f.Name, len(seen), len(ids))
		}
		for _, id := range ids {
			if !seen[id] {
				t.Errorf("%s lacks %s", f.Name, id)
			}
		}
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func numbered(format string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf(format, i+1))
	}
	return ids
}

// A control says by what it is supported, or that it is not; what it names is there.
func TestControlsAreHonest(t *testing.T) {
	for _, f := range mapping.Frameworks() {
		for i := range f.Controls {
			c := &f.Controls[i]
			if c.Status() == mapping.Absent && c.Missing == "" {
				t.Errorf("%s %s: nothing is said of it", f.Name, c.ID)
			}
			for _, one := range c.Features {
				if _, err := os.Stat(filepath.Join("..", "..", "docs", filepath.FromSlash(one.Page))); err != nil || one.Command == "" {
					t.Errorf("%s %s: page %q (%v), command %q", f.Name, c.ID, one.Page, err, one.Command)
				}
			}
		}
	}
}

func TestStatus(t *testing.T) {
	some := []mapping.Feature{{Text: "something"}}
	for want, c := range map[string]mapping.Control{
		"no":      {Missing: "all of it"},
		"in part": {Features: some, Missing: "the rest"},
		"yes":     {Features: some},
	} {
		if got := c.Status().String(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}
