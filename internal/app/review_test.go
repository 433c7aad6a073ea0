package app_test

import (
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
)

// TestPIN21_DecisionIsAboutWhatWasShown: a server that changes between the look
// and the yes does not get the yes.
func TestPIN21_DecisionIsAboutWhatWasShown(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[{"name":"echo","description":"one","inputSchema":{"type":"object"}}]}`)))
	gw := gatetest.Gateway(t, "upstreams: {up: {url: ${up}}}\n", map[string]*gatetest.UP{"up": up})
	shown, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: true, Shown: true})
	if err != nil {
		t.Fatal(err)
	}
	up.Set(gatetest.ParseScript(t, []byte(`{"tools":[{"name":"echo","description":"EVIL","inputSchema":{"type":"object"}}]}`)))
	now, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	var before, after admin.Entry
	for _, e := range shown {
		if e.Name == "echo" {
			before = e
		}
	}
	for _, e := range now {
		if e.Name == "echo" {
			after = e
		}
	}
	if before.Digest == after.Digest {
		t.Fatal("the server did not change its tool")
	}
	for name, e := range map[string]admin.Entry{"what is offered now": after, "what was shown": before} {
		n, err := gw.App.Approve(t.Context(), "test", []admin.Ref{{Upstream: "up", Kind: "tool", Name: "echo", Digest: e.Digest}})
		if err == nil || n != 0 {
			t.Errorf("%s: approved %d, %v", name, n, err)
		} else if name == "what is offered now" && !strings.Contains(err.Error(), "since it was shown") && !strings.Contains(err.Error(), "not the one that was shown") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Shown: true}); err != nil {
		t.Fatal(err)
	}
	n, err := gw.App.Approve(t.Context(), "test", []admin.Ref{{Upstream: "up", Kind: "tool", Name: "echo", Digest: after.Digest}})
	if err != nil || n == 0 {
		t.Errorf("after another look: approved %d, %v", n, err)
	}
}
