package app

import (
	"testing"

	"doorward/internal/config"
)

func TestAudience(t *testing.T) {
	cfg := &config.Config{Identity: config.Identity{Issuers: []config.Issuer{
		{Issuer: "https://plain.test"},
		{Issuer: "https://root.test", Audience: "https://gw.test/mcp"},
		{Issuer: "https://named.test", Audience: "api://doorward"},
	}}}
	aud := audience(cfg)
	const root, review = "https://gw.test/mcp", "https://gw.test/mcp/review"
	for _, tc := range []struct{ issuer, resource, want string }{
		{"https://plain.test", root, root},
		{"https://plain.test", review, review},
		{"https://root.test", root, root},
		{"https://root.test", review, review},
		{"https://named.test", root, "api://doorward"},
		{"https://named.test", review, "api://doorward"},
		{"https://unknown.test", review, review},
	} {
		if got := aud(tc.issuer, root, tc.resource); got != tc.want {
			t.Errorf("%s at %s: %q, want %q", tc.issuer, tc.resource, got, tc.want)
		}
	}
}
