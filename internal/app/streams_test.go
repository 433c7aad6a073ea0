package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const echoes = `{"tools":[{"name":"echo","inputSchema":{"type":"object"}}],"resources":[{"uri":"docs://a","name":"a"}]}`

// TestHTT40_RevokedKeyEndsItsStreams: a stream that a key opened does not outlive
// the key, in either era.
func TestHTT40_RevokedKeyEndsItsStreams(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(echoes)))
	gw := gatetest.Gateway(t, "upstreams: {up: {url: ${up}}}\n", map[string]*gatetest.UP{"up": up})
	gw.Approve("up")
	stateful := gw.As("alice").Open("2025-11-25")
	stateless := gw.As("bob").Open("2026-07-28")
	ended := make(chan string, 2)
	go func() {
		stateful.Send("GET", nil, "Accept", "text/event-stream")
		ended <- "the GET stream"
	}()
	go func() {
		stateless.Post(stateless.Request("1", "subscriptions/listen", `"notifications":{"toolsListChanged":true}`))
		ended <- "the subscription"
	}()
	begun(t, gw, "http/stream")
	begun(t, gw, "subscriptions/listen")
	gw.Revoke("alice")
	gw.Revoke("bob")
	within(t, 10*time.Second, "the streams end with their keys", func() bool { return len(ended) == cap(ended) })
}

// begun waits until a call of the method is on its way.
func begun(t *testing.T, gw *gatetest.GW, method string) {
	t.Helper()
	eventually(t, method+" began", func() bool {
		return slices.ContainsFunc(gw.Records(audit.Query{Kind: audit.KindIntent}), func(r audit.Record) bool { return r.Method == method })
	})
}

// TestTurnedAwayIsOnRecord: what is refused before anybody is asked who they are
// is on record too, under the id that the answer carries.
func TestTurnedAwayIsOnRecord(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(echoes)))
	gw := gatetest.Gateway(t, "upstreams: {up: {url: ${up}}}\n", map[string]*gatetest.UP{"up": up})
	c := gw.As("alice").Open("2026-07-28")
	for _, tc := range []struct {
		method string
		header []string
		status int
		code   string
	}{
		{"POST", []string{"Origin", "http://evil.example.com"}, 403, "http.origin"},
		{"POST", []string{"Content-Type", "text/plain"}, 415, "http.content_type"},
		{"PUT", nil, 405, "http.method"},
	} {
		r := c.Send(tc.method, c.Request("1", "tools/list", ""), tc.header...)
		if r.Status != tc.status {
			t.Errorf("%s %q: got %d", tc.method, tc.header, r.Status)
		}
		id, found := r.Header.Get("Doorward-Exchange"), 0
		for _, rec := range gw.Records(audit.Query{Exchange: id}) {
			if rec.Event == "request.turned_away" && strings.HasPrefix(rec.Detail, tc.code) {
				found++
			}
		}
		if id == "" || found != 1 {
			t.Errorf("%s %q: %d records of exchange %q", tc.method, tc.header, found, id)
		}
	}
}

// TestOutOfReachIsNotContacted: an upstream of which a principal may use nothing
// hears nothing of it, even when a rule names URIs.
func TestOutOfReachIsNotContacted(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(echoes)))
	other := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[{"name":"x","inputSchema":{"type":"object"}}],"resources":[{"uri":"secret://a","name":"a"}]}`)))
	gw := gatetest.Gateway(t, `
roles: {reader: {allow: [{resources: ["docs://**"]}]}}
upstreams: {up: {url: "${up}"}, other: {url: "${other}"}}
`, map[string]*gatetest.UP{"up": up, "other": other})
	gw.Approve("")
	before := other.Posts()
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		c := gw.As("ro", "reader").Open(version)
		for _, params := range []string{`"uri":"docs://a"`, `"uri":"secret://a"`, `"uri":"nosuch://x"`} {
			c.Post(c.Request("1", "resources/read", params))
		}
		c.Call("other__x", "{}")
		c.Post(c.Request("2", "tools/list", ""))
	}
	if n := other.Posts(); n != before {
		t.Errorf("the other upstream was asked %d times", n-before)
	}
	if up.Count("resources/read") == 0 {
		t.Error("the upstream in reach was never read from")
	}
}
