package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/config"
)

func TestRetain(t *testing.T) {
	day := 24 * time.Hour
	all := func(calls, lists, signIns, events time.Duration) map[string]time.Duration {
		return map[string]time.Duration{"calls": calls, "lists": lists, "sign_ins": signIns, "events": events}
	}
	for _, tc := range []struct {
		text, fault string
		want        map[string]time.Duration
		short       []string
	}{
		{"", "", all(400*day, 400*day, 400*day, 400*day), nil},
		{"audit: {retain: 500d}", "", all(500*day, 500*day, 500*day, 500*day), nil},
		{"audit: {retain: {lists: 183d, events: 1100d}}", "", all(400*day, 183*day, 400*day, 1100*day), []string{"lists"}},
		{"audit: {retain: 24h}", "", all(day, day, day, day), []string{"calls", "lists", "sign_ins", "events"}},
		{"audit: {retain: 23h}", "audit.retain.calls: must be from 1d to 36500d", nil, nil},
		{"audit: {retain: 40000d}", "audit.retain.events: must be from", nil, nil},
		{"audit: {retain: {calls: 0s}}", "audit.retain.calls: must be from", nil, nil},
		{"audit: {retain: [400d]}", "must be a single value", nil, nil},
		{"audit: {retain: soon}", "must be a duration", nil, nil},
		{"audit: {retain: {sessions: 400d}}", "there is no such key", nil, nil},
	} {
		t.Run(tc.text, func(t *testing.T) {
			c, err := config.Parse("/etc/doorward/doorward.yaml", []byte("version: 1\n"+tc.text+"\n"))
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("the error is %v, want %q", err, tc.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.Audit.Retain.ByClass()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.short, c.Audit.Retain.Short()); diff != "" || len(c.Warnings()) != len(tc.short) {
				t.Errorf("%v (-want +got):\n%s", c.Warnings(), diff)
			}
			again, err := config.Parse("/etc/doorward/doorward.yaml", config.Show(c))
			if err != nil || again.Audit.Retain != c.Audit.Retain {
				t.Errorf("shown and read again: %v", err)
			}
		})
	}
}
