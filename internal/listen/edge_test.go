package listen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

func networks(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// journal is a log that can be read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// inbound is what the one exchange that a request made knows of it.
func (p *play) inbound(t *testing.T) gate.Inbound {
	t.Helper()
	all := p.exchanges()
	if len(all) != 1 {
		t.Fatalf("%d exchanges, want 1", len(all))
	}
	return all[0].Inbound
}

// spoofed are headers by which clients say that they are somebody else, somewhere
// else or asking for something else.
func spoofed(addr string) []string {
	return []string{
		"X-Forwarded-For: 10.9.9.9", "X_Forwarded_For: 10.9.9.9", "x-forwarded_for: 10.9.9.9", "Forwarded: for=10.9.9.9;host=evil;proto=https",
		"X-Real-Ip: 10.9.9.9", "X-Client-Ip: 10.9.9.9", "True-Client-Ip: 10.9.9.9", "Cf-Connecting-Ip: 10.9.9.9", "X-Cluster-Client-Ip: 10.9.9.9",
		"X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "X-Forwarded-Prefix: /mcp/review", "X-Forwarded-Uri: /healthz",
		"X-Forwarded-Server: evil", "X-Forwarded-Ssl: on", "X-Forwarded-User: root", "X_Forwarded_User: root", "X-Forwarded-Email: root@example.com",
		"X-Forwarded-Groups: admin", "X-Forwarded-Access-Token: alice", "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=root\"", "X_Forwarded_Client_Cert: Hash=00",
		"X-Original-Url: /healthz", "X_Original_Url: /healthz", "X-Original-Method: GET", "X-Rewrite-Url: /healthz", "X-Host: evil",
		"X-Remote-User: root", "X_Remote_User: root", "Remote-User: root", "X-Auth-Request-Email: root@example.com", "X-Auth-Request-User: root",
		"X-Tenant: other", "X_tenant: other", "X-User: root", "X-Ssl-Client-Cert: x", "Ssl-Client-Verify: SUCCESS", "Client-Cert: :AA==:",
		"X-Http-Method-Override: DELETE", "X-Method-Override: DELETE", "X-Request-Id: chosen-" + strings.ReplaceAll(addr, ":", "-"),
	}
}

// AUT-19, AUT-53, A17 and K12: from a client that is no trusted proxy, also on the
// default configuration, none of these changes anything, and none gets further.
func TestAUT19_SpoofedHeaders(t *testing.T) {
	for name, settings := range map[string]*listen.Settings{
		"default":        {},
		"other proxies":  {TrustedProxies: networks("10.0.0.0/8"), AllowedAddresses: networks("127.0.0.0/8")},
		"with a base":    {PublicURL: &url.URL{Scheme: "https", Host: "mcp.example.com"}},
		"with transport": {LegacySSE: true, WebSocket: true},
	} {
		t.Run(name, func(t *testing.T) {
			plain, addr := start(t, settings, listen.Limits{})
			send(t, "POST", "http://"+addr+"/mcp?a=b", list, modern...)
			want := plain.inbound(t)
			for _, line := range spoofed(addr) {
				p, addr := start(t, settings, listen.Limits{})
				resp := send(t, "POST", "http://"+addr+"/mcp?a=b", list, append([]string{line}, modern...)...)
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("%s: status %d: %s", line, resp.StatusCode, text(t, resp))
				}
				got := p.inbound(t)
				if !strings.HasPrefix(line, "X-Request-Id") {
					if diff := cmp.Diff(want.Header, got.Header); diff != "" {
						t.Errorf("%s: the header differs: %s", line, diff)
					}
				}
				base := "http://" + addr
				if settings.PublicURL != nil {
					base = "https://mcp.example.com"
				}
				if got.Remote != netip.MustParseAddr("127.0.0.1") || got.Base != base || got.Request != "" ||
					got.Method != "POST" || got.Target != "/mcp?a=b" || got.Profile != "" || got.Op != "" || got.Certificate != nil || got.Keys != nil {
					t.Errorf("%s: the exchange has %+v", line, got)
				}
				for _, value := range resp.Header {
					if strings.Contains(strings.Join(value, " "), "evil") {
						t.Errorf("%s: the answer has %q", line, value)
					}
				}
			}
		})
	}
}

// A trusted proxy is believed about the client's address and the request's id, and
// about nothing else.
func TestTrustedProxy(t *testing.T) {
	settings := &listen.Settings{TrustedProxies: networks("127.0.0.1/32"), AllowedAddresses: networks("203.0.113.0/24", "127.0.0.1/32")}
	for _, tc := range []struct {
		name, header string
		status       int
		remote, id   string
	}{
		{"neither", "X-Other: x", 200, "127.0.0.1", ""},
		{"address", "X-Forwarded-For: 203.0.113.7", 200, "203.0.113.7", ""},
		{"standard", `Forwarded: for="203.0.113.7:80";host=evil;proto=https`, 200, "203.0.113.7", ""},
		{"id", "X-Request-Id: a.B-9_", 200, "127.0.0.1", "a.B-9_"},
		{"long id", "X-Request-Id: " + strings.Repeat("a", 129), 200, "127.0.0.1", ""},
		{"id with a quote", `X-Request-Id: a"b`, 200, "127.0.0.1", ""},
		{"two ids", "+X-Request-Id: b", 200, "127.0.0.1", ""},
		{"address that is not allowed", "X-Forwarded-For: 198.51.100.1", 403, "", ""},
		{"no address", "X-Forwarded-For: unknown", 400, "", ""},
		{"host", "X-Forwarded-Host: evil", 200, "127.0.0.1", ""},
		{"scheme", "X-Forwarded-Proto: https", 200, "127.0.0.1", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, addr := start(t, settings, listen.Limits{})
			header := append([]string{tc.header}, modern...)
			if strings.HasPrefix(tc.header, "+") {
				header = append([]string{"X-Request-Id: a"}, header...)
			}
			resp := send(t, "POST", "http://"+addr+"/mcp", list, header...)
			if resp.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tc.status, text(t, resp))
			}
			if tc.status != http.StatusOK {
				if code := map[int]gate.Code{400: "http.forwarded", 403: "http.address"}[tc.status]; !slices.Equal(p.turnedAway(), []gate.Code{code}) {
					t.Errorf("turned away with %q", p.turnedAway())
				}
				return
			}
			if got := p.inbound(t); got.Remote.String() != tc.remote || got.Request != tc.id || got.Base != "http://"+addr {
				t.Errorf("remote %v, id %q, base %s", got.Remote, got.Request, got.Base)
			}
		})
	}
	t.Run("both, and they differ", func(t *testing.T) {
		_, addr := start(t, settings, listen.Limits{})
		resp := send(t, "POST", "http://"+addr+"/mcp", list, append([]string{"X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.8"}, modern...)...)
		if body := text(t, resp); resp.StatusCode != 400 || !strings.Contains(body, "http.forwarded") {
			t.Errorf("status %d: %s", resp.StatusCode, body)
		}
	})
}

// AUT-16: two credentials stay two, in their order; nobody joins or drops one
// before identify has seen them.
func TestAUT16_TwoCredentials(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	send(t, "POST", "http://"+addr+"/mcp", list, append([]string{"Authorization: Bearer alice", "+Authorization: Bearer bob"}, modern...)...)
	if got := p.inbound(t).Header["Authorization"]; !slices.Equal(got, []string{"Bearer alice", "Bearer bob"}) {
		t.Errorf("identify sees %q", got)
	}
}

// AUT-18 and A47: a credential anywhere but in its header is none, and gets into no
// log and no record.
func TestAUT18_CredentialElsewhere(t *testing.T) {
	const secret = "dw_SECRETSECRETSECRET"
	log := &journal{}
	p, addr := startAt(t, place{log: log})
	for _, tc := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"POST", "/mcp?access_token=" + secret, list, modern, 401},
		{"POST", "/mcp?token=" + secret, list, modern, 401},
		{"POST", "/mcp?api_key=" + secret, list, modern, 401},
		{"POST", "/mcp", list, append([]string{"Cookie: token=" + secret}, modern...), 401},
		{"POST", "/mcp", "access_token=" + secret, []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		{"GET", "/nowhere?access_token=" + secret, "", nil, 404},
		{"PUT", "/mcp?access_token=" + secret, "", nil, 405},
		{"GET", "/.well-known/oauth-protected-resource?token=" + secret, "", nil, 404},
	} {
		resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, append([]string{"Authorization: "}, tc.header...)...)
		body := text(t, resp)
		if resp.StatusCode != tc.status || strings.Contains(body+fmt.Sprint(resp.Header), secret) {
			t.Errorf("%s %s: status %d, want %d: %s", tc.method, tc.path, resp.StatusCode, tc.status, body)
		}
	}
	if strings.Contains(log.text(), secret) || strings.Contains(fmt.Sprint(p.recorded()), secret) {
		t.Errorf("the credential was written down: %s %v", log.text(), p.recorded())
	}
	if len(p.recorded()) == 0 || !strings.Contains(log.text(), "http.path") {
		t.Error("nothing was written down at all")
	}
}

// AUT-54: nobody is let in for what their client is called.
func TestAUT54_HealthChecks(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	for _, line := range []string{
		"User-Agent: GoogleHC/1.0", "User-Agent: kube-probe/1.30", "User-Agent: ELB-HealthChecker/2.0", "User-Agent: Envoy/HC", "X-Health: 1",
	} {
		resp := send(t, "POST", "http://"+addr+"/mcp", list, append([]string{"Authorization: ", line}, modern...)...)
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d", line, resp.StatusCode)
		}
	}
}

// AUT-55: a path is served when it is written in exactly one way, and the query is
// no part of it.
func TestAUT55_Paths(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true, WebSocket: true}, listen.Limits{})
	top := "\r\nContent-Type: application/json\r\nAccept: */*\r\n" + strings.Join(modern, "\r\n") + "\r\nContent-Length: " + fmt.Sprint(len(list)) + "\r\n\r\n" + list
	for target, want := range map[string][]int{
		"/healthz/../mcp": {404}, "/healthz%2f..%2fmcp": {404}, "/%2e%2e/mcp": {404}, "/mcp;/healthz": {404}, "//mcp": {404},
		"/MCP": {404}, "/mcp/": {404}, "/./mcp": {404}, `/healthz\..\mcp`: {404}, "/mcp%00": {404, 400}, "/mcp%20": {404}, "/%6dcp": {404},
		"/mcp/../mcp": {404}, "/mcp/review/": {404}, "/mcp/%2e": {404}, "/healthz?/mcp": {404}, "/mcp/..": {404}, "/mcp#": {404, 400},
		"http://evil/mcp": {400}, "mcp": {400}, "*": {404, 405, 400},
		"/mcp?/healthz": {401}, "/mcp/healthz": {401}, "/mcp?": {401},
	} {
		got, _ := raw(t, addr, "POST "+target+" HTTP/1.1\r\nHost: "+addr+top)
		if !slices.Contains(want, got) {
			t.Errorf("%s: status %d, want one of %v", target, got, want)
		}
	}
	for _, ex := range p.exchanges() {
		if ex.Inbound.Profile != "" && ex.Inbound.Profile != "healthz" {
			t.Errorf("profile %q", ex.Inbound.Profile)
		}
	}
}

// HTT-42: a session belongs to who began it: the credential can be neither
// dropped, swapped nor added.
func TestHTT42_SessionKeepsItsOwner(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	id := begin(t, addr, "2025-11-25", "alice")
	for who, want := range map[string]int{"Authorization: Bearer alice": 200, "Authorization: Bearer bob": 404, "Authorization: ": 401} {
		resp := send(t, "POST", "http://"+addr+"/mcp", list, who, "Mcp-Session-Id: "+id)
		if resp.StatusCode != want {
			t.Errorf("%q: status %d, want %d", who, resp.StatusCode, want)
		}
	}
}

// Every answer tells browsers and caches to do nothing with it.
func TestEveryAnswerIsGuarded(t *testing.T) {
	public := &listen.Settings{PublicURL: &url.URL{Scheme: "https", Host: "mcp.example.com"}, AllowedOrigins: []string{"https://app.example.com"}}
	for name, settings := range map[string]*listen.Settings{"plain": nil, "public": public} {
		_, addr := start(t, settings, listen.Limits{})
		for _, tc := range []struct {
			method, path, body string
			header             []string
			status             int
		}{
			{"POST", "/mcp", list, modern, 200},
			{"POST", "/mcp", list, append([]string{"Accept: text/event-stream"}, modern...), 200},
			{"POST", "/mcp", list, []string{"Authorization: "}, 401},
			{"POST", "/mcp", list, []string{"Host: evil"}, 403},
			{"POST", "/mcp", list, []string{"Content-Type: text/plain"}, 415},
			{"GET", "/", "", nil, 404},
			{"PUT", "/mcp", "", nil, 405},
			{"HEAD", "/mcp", "", nil, 405},
		} {
			resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, tc.header...)
			got := map[string]string{}
			for _, h := range []string{"Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy", "X-Content-Type-Options", "Strict-Transport-Security"} {
				got[h] = resp.Header.Get(h)
			}
			want := map[string]string{
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "",
			}
			if name == "public" {
				want["Strict-Transport-Security"] = "max-age=31536000"
			}
			if diff := cmp.Diff(want, got); resp.StatusCode != tc.status || diff != "" || !strings.HasPrefix(resp.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("%s %s %v: status %d, Cache-Control %q %s", tc.method, tc.path, tc.header, resp.StatusCode, resp.Header.Get("Cache-Control"), diff)
			}
		}
	}
}

// HTT-44: nothing is served in parts, whatever a client asks for.
func TestHTT44_Ranges(t *testing.T) {
	_, addr := start(t, authorized("https://id.example.com"), listen.Limits{})
	ranges := "Range: bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", 10_000), ",")
	resp := send(t, "GET", "http://"+addr+metadata, "", ranges)
	if body := text(t, resp); resp.StatusCode != http.StatusOK || !json.Valid([]byte(body)) || resp.Header.Get("Accept-Ranges") != "" {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}
