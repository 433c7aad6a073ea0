package listen_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

const metadata = "/.well-known/oauth-protected-resource"

// authorized are settings with OAuth.
func authorized(servers ...string) *listen.Settings {
	return &listen.Settings{
		AllowedHosts:   []string{"mcp.example.com"},
		AllowedOrigins: []string{"https://app.example.com"},
		Authorization: &listen.Authorization{
			Servers: servers, Scopes: []string{"mcp:read:documents", "mcp:execute:tools"}, Profiles: []string{"review"},
		},
	}
}

// RFC 9728: the metadata of /mcp and of every profile that exists.
func TestMetadata(t *testing.T) {
	settings := authorized("https://id.example.com", "https://other.example.com/a")
	settings.PublicURL = &url.URL{Scheme: "https", Host: "mcp.example.com"}
	settings.Authorization.DPoP = []string{"ES256", "EdDSA"}
	p, addr := start(t, settings, listen.Limits{})
	want := func(resource string) map[string]any {
		return map[string]any{
			"resource": resource, "authorization_servers": []any{"https://id.example.com", "https://other.example.com/a"},
			"bearer_methods_supported": []any{"header"}, "scopes_supported": []any{"mcp:read:documents", "mcp:execute:tools"},
			"resource_name": "Doorward", "dpop_signing_alg_values_supported": []any{"ES256", "EdDSA"},
		}
	}
	for path, resource := range map[string]string{
		metadata: "https://mcp.example.com/mcp", metadata + "/mcp": "https://mcp.example.com/mcp", metadata + "/mcp/review": "https://mcp.example.com/mcp/review",
	} {
		// AUT-62: nothing that a client says changes it.
		for _, header := range [][]string{
			nil,
			{"Authorization: "},
			{"X-Forwarded-Host: evil", "X-Forwarded-Proto: http", "Forwarded: host=evil"},
			{"X-Original-Url: /mcp/other"},
			{"Host: mcp.example.com"},
			{"Origin: https://app.example.com"},
		} {
			resp := send(t, "GET", "http://"+addr+path, "", header...)
			var got map[string]any
			if err := json.Unmarshal([]byte(text(t, resp)), &got); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %v: status %d, %v", path, header, resp.StatusCode, err)
			}
			if diff := cmp.Diff(want(resource), got); diff != "" {
				t.Errorf("%s %v: %s", path, header, diff)
			}
			if h := resp.Header; h.Get("Cache-Control") != "public, max-age=300" || h.Get("Content-Type") != "application/json" {
				t.Errorf("%s %v: headers %v", path, header, h)
			}
			origin := ""
			if slices.Contains(header, "Origin: https://app.example.com") {
				origin = "https://app.example.com"
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != origin {
				t.Errorf("%s %v: open to %q", path, header, got)
			}
		}
		head := send(t, "HEAD", "http://"+addr+path, "")
		if body := text(t, head); head.StatusCode != http.StatusOK || body != "" || head.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: status %d %q", path, head.StatusCode, body)
		}
	}
	if len(p.exchanges()) != 0 || len(p.recorded()) != 0 || len(p.turnedAway()) != 0 || p.shown != 3*7 {
		t.Errorf("%d exchanges, %d records, %d turned away, %d counted", len(p.exchanges()), len(p.recorded()), len(p.turnedAway()), p.shown)
	}
}

// What is not there looks like everything else that is not there, and an unknown
// Host or Origin is refused first.
func TestMetadataIsNotThere(t *testing.T) {
	_, addr := start(t, authorized("https://id.example.com"), listen.Limits{})
	_, closed := start(t, nil, listen.Limits{})
	id := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)
	reference := func(addr string) string {
		return id.ReplaceAllString(text(t, send(t, "GET", "http://"+addr+"/nothing", "")), "ID")
	}
	for _, path := range []string{
		metadata + "/mcp/other", metadata + "/mcp/Review", metadata + "/mcp/", metadata + "/", metadata + "/sse", metadata + "/ws",
		metadata + "/mcp%2freview", metadata + metadata, metadata + "/mcp/review/", metadata + "x", "/.well-known/oauth-authorization-server", "/.well-known/",
	} {
		resp := send(t, "GET", "http://"+addr+path, "")
		if body := id.ReplaceAllString(text(t, resp), "ID"); resp.StatusCode != 404 || body != reference(addr) {
			t.Errorf("%s: status %d: %s", path, resp.StatusCode, body)
		}
	}
	for _, path := range []string{metadata, metadata + "/mcp", metadata + "/mcp/review"} {
		resp := send(t, "GET", "http://"+closed+path, "")
		if body := id.ReplaceAllString(text(t, resp), "ID"); resp.StatusCode != 404 || body != reference(closed) {
			t.Errorf("without OAuth, %s: status %d: %s", path, resp.StatusCode, body)
		}
		for _, line := range []string{"Host: evil", "Origin: https://evil.example.com"} {
			if resp := send(t, "GET", "http://"+addr+path, "", line); resp.StatusCode != 403 {
				t.Errorf("%s, %s: status %d", path, line, resp.StatusCode)
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			if resp := send(t, method, "http://"+addr+path, list); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: status %d, Allow %q", method, path, resp.StatusCode, resp.Header.Get("Allow"))
			}
		}
	}
}

// The challenge of a 401 (RFC 6750, RFC 9728 section 5.1, RFC 9449 section 7.1).
func TestChallenges(t *testing.T) {
	settings := authorized("https://id.example.com")
	settings.WebSocket, settings.LegacySSE = true, true
	p, addr := start(t, settings, listen.Limits{})
	at := `resource_metadata="http://` + addr + metadata + `/mcp`
	scope := `", scope="mcp:read:documents mcp:execute:tools"`
	for _, tc := range []struct{ method, path, body, credential, want string }{
		{"POST", "/mcp", list, "", `Bearer realm="doorward", ` + at + scope},
		{"POST", "/mcp", list, "Bearer bad", `Bearer realm="doorward", error="invalid_token", ` + at + scope},
		{"POST", "/mcp/review", list, "", `Bearer realm="doorward", ` + at + "/review" + scope},
		{"POST", "/mcp/other", list, "", `Bearer realm="doorward", ` + at + "/other" + scope}, // HTT-45: like one that exists
		{"GET", "/sse", "", "", `Bearer realm="doorward", ` + at + scope},
		{"POST", "/messages?sessionId=1", list, "Bearer bad", `Bearer realm="doorward", error="invalid_token", ` + at + scope},
	} {
		header := []string{"Authorization: " + tc.credential}
		if tc.method == "GET" {
			header = append(header, "Accept: text/event-stream")
		}
		resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, header...)
		if got := resp.Header["Www-Authenticate"]; resp.StatusCode != 401 || !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s %q: status %d, challenge\n%q, want\n%q", tc.path, tc.credential, resp.StatusCode, got, tc.want)
		}
	}
	settings = authorized("https://id.example.com")
	settings.Authorization.Scopes, settings.Authorization.DPoP = nil, []string{"ES256", "EdDSA"}
	settings.PublicURL = &url.URL{Scheme: "https", Host: "mcp.example.com"}
	p.settings.Store(settings)
	resp := send(t, "POST", "http://"+addr+"/mcp", list, "Authorization: ")
	want := []string{`Bearer realm="doorward", resource_metadata="https://mcp.example.com` + metadata + `/mcp"`, `DPoP algs="ES256 EdDSA"`}
	if got := resp.Header["Www-Authenticate"]; !slices.Equal(got, want) {
		t.Errorf("challenge %q, want %q", got, want)
	}
}

// A token that lacks scopes is told which, in both eras, with 403.
func TestScopeChallenge(t *testing.T) {
	p, addr := start(t, authorized("https://id.example.com"), listen.Limits{})
	verdict := gate.Refuse(gate.CodeScope, "secret reason", "deleting needs \"more\"\\\r\n than reading")
	verdict.Scopes = []string{"mcp:delete:files", "mcp:read:documents"}
	p.does["tools/call"] = refusesWith(verdict)
	session := begin(t, addr, mcp.V20251125, "alice")
	for era, header := range map[string][]string{
		"stateful":  {"Mcp-Session-Id: " + session},
		"stateless": {"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call"},
	} {
		resp := send(t, "POST", "http://"+addr+"/mcp/", call, header...)
		if resp.StatusCode != 404 {
			t.Errorf("status %d", resp.StatusCode)
		}
		resp = send(t, "POST", "http://"+addr+"/mcp", call, header...)
		want := `Bearer error="insufficient_scope", scope="mcp:delete:files mcp:read:documents", resource_metadata="http://` + addr + metadata +
			`/mcp", error_description="deleting needs more   than reading"`
		if got := resp.Header["Www-Authenticate"]; resp.StatusCode != 403 || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: status %d, challenge\n%q, want\n%q", era, resp.StatusCode, got, want)
		}
		if body := text(t, resp); !strings.Contains(body, `"code":4030`) || !strings.Contains(body, `"code":"identity.scope"`) || !strings.Contains(body, `"id":7`) || strings.Contains(body, "secret") {
			t.Errorf("%s: %s", era, body)
		}
	}
}

// AUT-01, AUT-45: what is wrong with a credential is not told: the answers differ
// in the exchange's id alone.
func TestAUT45_OneAnswerForEveryBadCredential(t *testing.T) {
	p, addr := start(t, authorized("https://id.example.com"), listen.Limits{})
	session := begin(t, addr, mcp.V20251125, "alice")
	for _, header := range [][]string{modern, {"Mcp-Session-Id: " + session}, {"Accept: text/event-stream"}} {
		answers := map[string][]gate.Code{}
		for _, code := range []gate.Code{gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityConflict} {
			p.before = refusesWith(gate.Refuse(code, "secret reason", "about "+string(code)))
			resp := send(t, "POST", "http://"+addr+"/mcp", list, header...)
			id := resp.Header.Get("Doorward-Exchange")
			var all bytes.Buffer
			resp.Header.Del("Date")
			if err := resp.Header.Write(&all); err != nil {
				t.Fatal(err)
			}
			all.WriteString(text(t, resp))
			if resp.StatusCode != 401 || !strings.Contains(all.String(), "identity.invalid") {
				t.Fatalf("%s: status %d: %s", code, resp.StatusCode, all.String())
			}
			answer := strings.ReplaceAll(all.String(), id, "ID")
			answers[answer] = append(answers[answer], code)
		}
		if len(answers) != 1 {
			t.Errorf("%v: the answers differ: %q", header, answers)
		}
	}
}

// Credentials that cannot be judged are no bad ones: the client comes back.
func TestIdentityDownSaysWhenToRetry(t *testing.T) {
	p, addr := start(t, authorized("https://id.example.com"), listen.Limits{})
	p.before = refusesWith(gate.Refuse(gate.CodeIdentityDown, "secret reason", ""))
	resp := send(t, "POST", "http://"+addr+"/mcp", list, modern...)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Www-Authenticate") != "" {
		t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
}
