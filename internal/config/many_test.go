package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorward/internal/config"
	"doorward/internal/cputime"
)

// many is what one does for each number below n, in place of #.
func many(n int, one string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(one, "#", fmt.Sprint(i)))
	}
	return b.String()
}

// RES-29: a file that has too many of a thing is refused by name of the thing and the bound, and what is below it
// is read, in a few seconds at most.
func TestRES29_TooManyOfAThing(t *testing.T) {
	t.Parallel()
	const (
		limit = 10 * time.Second // of a processor; under the race detector, too
		head  = "version: 1\nidentity: {issuers: [{issuer: \"https://idp.example\", audience: \"https://mcp.example/mcp\", algorithms: [ES256], claims: {tenant: org}}]}\nupstreams:\n  u: {url: \"http://127.0.0.1:1/\"}\n"
	)
	tenants := strings.Replace(head, "1/\"", "1/\", tenants: [%s]", 1)
	for _, tc := range []struct {
		name, text, path, fault string
	}{
		{"1,000 upstreams", head + many(999, "  u#: {url: \"http://127.0.0.1:1/#\"}\n"), "", ""},
		{"1,001 upstreams", head + many(1000, "  u#: {url: \"http://127.0.0.1:1/#\"}\n"), "upstreams", "has more than 1000 entries"},
		{"1,000 roles", head + "roles:\n" + many(1000, "  r#: {subjects: [s#]}\n"), "", ""},
		{"1,001 roles", head + "roles:\n" + many(1001, "  r#: {subjects: [s#]}\n"), "roles", "has more than 1000 entries"},
		{"5,000 rules", head + "roles:\n  r:\n    allow:\n" + many(5000, "      - tools: [u/t#]\n"), "", ""},
		{"20,000 rules", head + "roles:\n  r:\n    allow:\n" + many(20_000, "      - tools: [u/t#]\n"), "", "more than 20000 lines and list elements"},
		{"10,000 tenants", fmt.Sprintf(tenants, many(9_999, "t#,")+"t"), "", ""},
		{"10,001 tenants", fmt.Sprintf(tenants, many(10_000, "t#,")+"t"), "upstreams.u.tenants", "at most 10000"},
		{"100,000 of anything", head + many(100_000, "  u#: {}\n"), "", "larger than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var err error
			took := cputime.Of(t, func() { _, err = config.Parse("doorward.yaml", []byte(tc.text)) })
			if took > limit {
				t.Errorf("it took %s of a processor", took)
			}
			var faults config.Faults
			if errors.As(err, &faults) != (tc.fault != "") {
				t.Fatalf("%v, want %q", err, tc.fault)
			}
			if tc.fault != "" && (len(faults) != 1 || faults[0].Path != tc.path || !strings.Contains(faults[0].Text, tc.fault)) {
				t.Errorf("%d faults, the first %v, want %s: %s", len(faults), faults[0], tc.path, tc.fault)
			}
		})
	}
}
