package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gatetest"
)

// The cases of security.md 4.a about headers and paths that pretend something. The
// house is the default one, so no proxy is trusted.

// AUT-53, AUT-54: no header makes a request a public one.
func TestAUT53_ForwardedPaths(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	body := h.call("up__echo")
	lines := []string{
		// AUT-53
		"X-Forwarded-Uri: /healthz", "X-Original-URL: /healthz", "X-Original-Uri: /.well-known/oauth-protected-resource", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /healthz", "X-Forwarded-Path: /healthz",
		"Forwarded: for=127.0.0.1;host=localhost;proto=https", "X-HTTP-Method-Override: GET", "X-Method-Override: OPTIONS", "X-HTTP-Method: OPTIONS", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-Host: localhost",
		"X-Forwarded-Proto: https", "X-Forwarded-User: alice", "X-Forwarded-Client-Cert: Subject=\"CN=alice\"", "X-Remote-User: alice", "X-Auth-Request-Email: alice@corp.test", "X_Forwarded_User: alice", "Remote-User: alice", "X-Tenant: a",
		// AUT-54
		"User-Agent: GoogleHC/1.0", "User-Agent: kube-probe/1.30", "User-Agent: ELB-HealthChecker/2.0", "X-Health: 1", "X-Internal: true", "X-Debug: 1", "Doorward-Principal: alice", "Doorward-Exchange: x", "X-Doorward-Role: admin",
	}
	for _, line := range lines {
		before := h.up.Posts()
		h.absent(line, before, h.Raw(h.raw("POST", "/mcp", body, line)))
		// Beside a credential it says no more.
		if r := h.Raw(h.raw("POST", "/mcp", body, line, "Authorization: Bearer "+h.alice.Key)); !r.OK() {
			t.Errorf("%s beside a token: %s", line, r)
		} else if got := h.who(r.Exchange); got.Subject != "alice" || got.Tenant != "" {
			t.Errorf("%s beside a token: %+v", line, got)
		}
	}
	h.neighbour()
}

// AUT-55: no way of writing a path gets around the sign-in.
func TestAUT55_Paths(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	body := h.call("up__echo")
	for _, target := range []string{
		"/healthz/../mcp", "/healthz%2f..%2fmcp", "/%2e%2e/mcp", "/mcp;/healthz", "/mcp?/healthz", "//mcp", "/MCP", "/mcp/", "/./mcp", `/healthz\..\mcp`, "http://" + h.Address() + "/mcp", "http://evil.example.com/mcp", "/mcp%00", "/mcp%20", "/mcp#x", "/%6dcp",
		"/mcp/..;/healthz", "/mcp%3f", "/.well-known/oauth-protected-resource/../../mcp", "/.well-known/oauth-protected-resource/mcp/../../../mcp", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource%2f..%2f..%2fmcp", "/mcp/healthz",
		"/mcp?public=1", "/mcp?x=/.well-known/oauth-protected-resource", "/mcp.json", "/mcp/.", "/mcp/..", "/mcp//", "*", "/healthz", "/readyz", "/metrics", "/v1/keys", "/sse", "/ws", "/messages",
	} {
		for _, method := range []string{"POST", "GET", "PUT", "PATCH", "TRACE", "post"} {
			if method == "GET" && target == "/.well-known/oauth-protected-resource/mcp" {
				continue // how to get a token is for everybody to read
			}
			before := h.up.Posts()
			if r := h.Raw(h.raw(method, target, body)); r.Status < 400 || h.up.Posts() != before {
				t.Errorf("%s %s: %s", method, target, r)
			}
		}
	}
	h.neighbour()
}

// AUT-59: nothing that a client sends in a header reaches the upstream but what the
// protocol has, and nothing changes where a call goes or as whom.
func TestAUT59_HeadersForTheUpstream(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			h := in(t, version)
			sink := gatetest.Sink(t, `{}`)
			last := func() http.Header {
				calls := h.up.Seen("tools/call")
				header := maps.Clone(calls[len(calls)-1].Header)
				delete(header, "Content-Length")
				return header
			}
			if r := h.alice.Post(h.call("up__echo")); !r.OK() {
				t.Fatal(r)
			}
			want := last()
			var more []string
			for _, name := range []string{
				"X-Upstream-Authorization", "router-key", "mcp-init-host", "X-Grafana-URL", "X-Grafana-Api-Key", "SW-URL", "X-Atlassian-Jira-Url", "X-Atlassian-Confluence-Url", "X-Mcp-Server", "X-Forwarded-User", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip",
				"Doorward-Exchange", "Doorward-Principal", "Doorward-Signature", "X-Doorward-Upstream", "Cookie", "Proxy-Authorization", "Proxy-Connection", "X-Api-Key", "X-Request-Id", "Traceparent", "Baggage", "X-Http-Method-Override", "Referer", "From", "Via", "Accept-Language",
				"If-None-Match", "Expect-Ct", "X-Tenant", "X-Original-Url", "Range", "Idempotency-Key", "X_Upstream_Authorization", "Mcp_Init_Host", "Sec-Fetch-Site", "User-Agent", "Keep-Alive", "Last-Modified",
			} {
				more = append(more, name, sink.URL()+"/CANARY-header")
			}
			if r := h.alice.Post(h.call("up__echo"), more...); !r.OK() {
				t.Fatalf("with the headers: %s", r)
			}
			if diff := cmp.Diff(want, last()); diff != "" {
				t.Errorf("the upstream got other headers:\n%s", diff)
			}
			names := slices.Sorted(maps.Keys(last()))
			allowed := []string{"Accept", "Content-Type", "Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id", "User-Agent"}
			if got := slices.DeleteFunc(names, func(n string) bool { return slices.Contains(allowed, n) }); len(got) != 0 {
				t.Errorf("the upstream got %q beside what the protocol has", got)
			}
			if n := sink.Seen(); n != 0 {
				t.Errorf("S0: %d connections", n)
			}
			h.neighbour()
		})
	}
}

// AUT-60: the client's own token ends here. What the upstream is shown is what the
// configuration has, or nothing; and when it does not like that, nobody tries
// again with the client's.
func TestAUT60_NoPassthrough(t *testing.T) {
	t.Parallel()
	const theirs = "CANARY-upstream-0123456789abcdef"
	path := filepath.Join(t.TempDir(), "upstream")
	if err := os.WriteFile(path, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		credential string
		want       []string
	}{
		"without a credential": {"", nil}, "with one": {", credential: {bearer: up}", []string{"Bearer " + theirs}}, "in a header of its own": {", credential: {header: X-Api-Key, value: up}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest := strings.Replace(guestRoles, `{url: "${up}"}`, `{url: "${up}"`+tc.credential+`}`, 1)
			if tc.credential != "" {
				rest += fmt.Sprintf("secrets: {up: {from: \"file:%s\"}}\n", path)
			}
			h := welcome(t, gatetest.Provider(t), site{rest: rest}).enter(modern)
			check := func() {
				t.Helper()
				for _, s := range h.up.Seen("") {
					if diff := cmp.Diff(tc.want, s.Header["Authorization"]); diff != "" || s.Header["Cookie"] != nil || s.Header["Dpop"] != nil {
						t.Fatalf("%s: %s", s.Method, diff)
					}
					if own := s.Header.Get("X-Api-Key"); (own != "") != strings.Contains(tc.credential, "X-Api-Key") || own != "" && own != theirs {
						t.Fatalf("%s: X-Api-Key %q", s.Method, own)
					}
				}
			}
			if r := h.alice.Post(h.call("up__echo"), "Cookie", "session="+h.alice.Key, "X-Api-Key", h.bob.Key); !r.OK() {
				t.Fatal(r)
			}
			check()
			h.up.Set(gatetest.Script{Tools: rawTools("echo", "get_weather", "delete_all"), Behave: map[string]string{"echo": "unauthorized"}})
			before := h.up.Count("tools/call")
			for _, c := range []*gatetest.Client{h.alice, h.bob} {
				r := c.Call("up__echo", `{}`)
				var m struct{ Error json.RawMessage }
				if err := json.Unmarshal(r.Final(), &m); err != nil || r.Status != http.StatusOK || m.Error == nil || r.Header["Www-Authenticate"] != nil {
					t.Errorf("the upstream's 401 reads to %s as %s %v", c.Name, r, r.Header)
				}
			}
			if n := h.up.Count("tools/call") - before; n != 2 {
				t.Errorf("two calls reached the upstream %d times", n)
			}
			check()
		})
	}
}
