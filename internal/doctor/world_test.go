package doctor_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/doctor"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
	mcprev "doorward/internal/mcp"
)

// sdk is a server of the official SDK with one tool that must not be called.
func sdk(t *testing.T) *mcp.Server {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "sdk", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "touch"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		t.Error("the tool was called")
		return &mcp.CallToolResult{}, nil, nil
	})
	return s
}

// TestOtherServers: URLs of servers that are not Doorward.
func TestOtherServers(t *testing.T) {
	server := sdk(t)
	get := func(*http.Request) *mcp.Server { return server }
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.NewStreamableHTTPHandler(get, nil))
	mux.Handle("/sse", mcp.NewSSEHandler(get, nil))
	mux.Handle("/new", mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{Stateless: true}))
	at := serve(t, mux.ServeHTTP)
	old := serve(t, mcp.NewSSEHandler(get, nil).ServeHTTP)
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<h1>hello</h1>") })
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a redirect was followed: %s", r.URL) })
	led := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+"/login?next=secret", http.StatusFound)
	})
	none := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}`)
	})
	for _, tc := range []struct{ name, url, want, id, says string }{
		{"stateful", at + "/mcp", "", "protocol", "clients of 2025-11-25 are served"},
		{"stateless", at + "/new", "", "protocol", "2026-07-28"},
		{"another path", at + "/rpc", "url.path/wrong_path", "url.path", "give clients " + at + "/mcp"},
		{"old transport beside the new", at + "/sse", "url.transport/legacy_sse", "url.transport", "give clients " + at + "/mcp"},
		{"old transport alone", old + "/", "url.transport/legacy_sse", "url.transport", "transport to sse"},
		{"a web page", page + "/mcp", "url.path/no_mcp", "url.path", "HTTP 200, text/html"},
		{"a web page and no /mcp", page + "/x", "url.path/no_mcp", "url.path", "nor at " + page + "/mcp"},
		{"redirect", led + "/mcp", "url.path/redirect", "url.path", elsewhere + "/login"},
		{"no version", none + "/mcp", "protocol/none", "protocol", "no such method"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := found(t, doctor.Options{URL: tc.url, Credential: "key-of-a-client"}, strings.Fields(tc.want)...)
			says(t, r, tc.id, tc.says)
			if strings.Contains(text(r), "next=secret") {
				t.Errorf("the report shows a query:\n%s", text(r))
			}
		})
	}
}

// speaking is a server that answers initialize with one version, and
// server/discover, if it does, with another.
func speaking(t *testing.T, stateful, stateless string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		result := ""
		switch {
		case strings.Contains(string(body), `"initialize"`) && stateful != "":
			result = `"result":{"protocolVersion":` + stateful + `,"capabilities":{},"serverInfo":{"name":"x","version":"1"}}`
		case strings.Contains(string(body), `"server/discover"`) && stateless != "":
			result = `"result":{"supportedVersions":[` + stateless + `]}`
		default:
			result = `"error":{"code":-32601,"message":"not \u202e\u0085\u007f\u001b[2J here"}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,`+result+`}`)
	}) + "/mcp"
}

// TestVersions: a version that is no known revision is said to be none, and
// nobody is said to be served in it.
func TestVersions(t *testing.T) {
	for _, tc := range []struct{ name, stateful, stateless, want, says string }{
		{"known", `"2025-11-25"`, "", "", "clients of 2025-11-25 are served"},
		{"older", `"2024-11-05"`, "", "", "clients of 2025-11-25 are served"},
		{"stateless", "", `"2026-07-28"`, "", "clients of 2026-07-28 are served"},
		{"both", `"2025-06-18"`, `"2099-01-01","2026-07-28"`, "", "clients of 2025-11-25 and of 2026-07-28 are served"},
		{"from the future", `"2099-01-01"`, "", "protocol/none", `"2099-01-01" (no revision that is known)`},
		{"from the future, stateless", "", `"2099-01-01"`, "protocol/none", `"2099-01-01" (no revision that is known)`},
		{"of the other era", `"2026-07-28"`, "", "protocol/none", "the server names 2026-07-28"},
		{"words", `"zzz\u202e"`, `"zzzz"`, "protocol/none", `"zzz\u202e" (no revision that is known)`},
		{"no text", "1", "", "protocol/none", "names no version"},
		{"one unknown", `"1999-01-01"`, `"2026-07-28"`, "", `and no others (the server names 2026-07-28, "1999-01-01" (no revision that is known))`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			says(t, found(t, doctor.Options{URL: speaking(t, tc.stateful, tc.stateless)}, strings.Fields(tc.want)...), "protocol", tc.says)
		})
	}
	for _, version := range mcprev.Versions(gate.Stateful) {
		found(t, doctor.Options{URL: speaking(t, `"`+version+`"`, "")})
	}
	for _, version := range mcprev.Versions(gate.Stateless) {
		found(t, doctor.Options{URL: speaking(t, "", `"`+version+`"`)})
	}
}

// TestHiddenCharacters: what a server says is visible in the report itself, not
// only where it is printed as text.
func TestHiddenCharacters(t *testing.T) {
	bad := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	}
	check := func(r *doctor.Report, id, want string) {
		t.Helper()
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if bad(string(out)) || bad(text(r)) {
			t.Errorf("the report holds characters that do not show: %q", out)
		}
		says(t, r, id, want)
	}
	check(diagnose(t, doctor.Options{URL: speaking(t, "", "")}), "protocol", "not ⟨U+202E⟩⟨U+0085⟩⟨U+007F⟩⟨U+001B⟩[2J here")
	g := &guarded{t: t, challenges: []string{"Bearer error=\"invalid_token\", error_description=\"a\u202eb\u2066c\u009b2J\u200b\""}}
	check(diagnose(t, doctor.Options{URL: g.serve(), Credential: "opaque"}), "credential.invalid", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+009B⟩2J⟨U+200B⟩")
	g = &guarded{t: t, challenges: []string{`Bearer resource_metadata="%s/x"`}, metadata: `{"resource":"%s/mcp","authorization_servers":["http://127.0.0.1:1/\u202e\n\u009b"]}`}
	r := diagnose(t, doctor.Options{URL: g.serve()})
	check(r, "credential.missing", "")
	for _, f := range r.Findings {
		if strings.Contains(f.Seen+f.Why, "\n") {
			t.Errorf("%s has several lines: %q", f.ID, f.Seen+f.Why)
		}
	}
}

// token makes a JWT that nobody signed.
func token(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
}

// guarded refuses everybody, as a resource server does, and keeps what it was
// sent beside MCP.
type guarded struct {
	t          *testing.T
	challenges []string
	metadata   string // %s stands for the server
	bodies     string

	mu   sync.Mutex
	at   string
	sent []string // credentials that came with a GET
}

func (g *guarded) serve() string {
	g.at = serve(g.t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			g.mu.Lock()
			g.sent = append(g.sent, r.Header.Get("Authorization"))
			g.mu.Unlock()
			_, _ = io.WriteString(w, strings.ReplaceAll(g.metadata, "%s", g.at))
			return
		}
		for _, c := range g.challenges {
			w.Header().Add("WWW-Authenticate", strings.ReplaceAll(c, "%s", g.at))
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, g.bodies)
	})
	return g.at + "/mcp"
}

// TestTokens: what an OAuth resource server and the token itself say.
func TestTokens(t *testing.T) {
	const bearer = `Bearer resource_metadata="%s/.well-known/oauth-protected-resource/mcp"`
	const meta = `{"resource":"%s/mcp","authorization_servers":["%s/as"]}`
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	for _, tc := range []struct {
		name      string
		challenge string
		metadata  string
		key       string // AT stands for the server
		want      string
		says      string
	}{
		{"none, with metadata", bearer, meta, "", "credential.missing", "tokens for it come from AT/as"},
		{"none, without", `Bearer`, "", "", "credential.missing", "Authorization: Bearer KEY"},
		{"none, another scheme", `Basic realm="x"`, "", "", "credential.missing", `scheme "basic"`},
		{"none, issuer down", bearer, `{"authorization_servers":["https://` + closed(t) + `"]}`, "", "credential.missing credential.issuer", ""},
		{"metadata elsewhere", `Bearer resource_metadata="http://127.0.0.1:1/x"`, meta, "", "credential.missing", ""},
		{"opaque", bearer, meta, "opaque-token", "credential.invalid/refused", ""},
		{"opaque and expired", `Bearer error="invalid_token", error_description="The token expired"`, "", "opaque-token", "credential.expired", "The token expired"},
		{"audience", bearer, meta, token(fmt.Sprintf(`{"aud":"https://other.example","exp":%d}`, future)), "credential.audience", "resource=AT/mcp"},
		{"no audience", bearer, meta, token(fmt.Sprintf(`{"exp":%d}`, future)), "credential.audience", "no aud"},
		{"right audience", bearer, meta, "RIGHT", "credential.invalid/refused", ""},
		{"expired and audience", bearer, meta, token(fmt.Sprintf(`{"iss":"https://id.example","aud":["a","b"],"exp":%d}`, past)), "credential.expired credential.audience", "https://id.example"},
		{"not yet", bearer, meta, token(fmt.Sprintf(`{"aud":"x","nbf":%d}`, future)), "credential.audience clock/not_before", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := &guarded{t: t, challenges: []string{tc.challenge}, metadata: tc.metadata}
			url := g.serve()
			key := tc.key
			if key == "RIGHT" {
				key = token(fmt.Sprintf(`{"aud":["x",%q]}`, url))
			}
			want := strings.Fields(tc.want)
			r := found(t, doctor.Options{URL: url, Credential: key}, want...)
			says(t, r, strings.Split(want[0], "/")[0], strings.ReplaceAll(tc.says, "AT", g.at))
			if slices.ContainsFunc(g.sent, func(s string) bool { return s != "" }) {
				t.Errorf("the credential was sent where it need not go: %d times", len(g.sent))
			}
			if key != "" && strings.Contains(text(r), key) {
				t.Errorf("the credential is in the report:\n%s", text(r))
			}
		})
	}
}

// TestEchoedCredential: a server that repeats the credential, whole and where
// its words are cut, does not get it into the report.
func TestEchoedCredential(t *testing.T) {
	const key = "dw_0123456789abcdefghij"
	for _, before := range []string{"", strings.Repeat("x", 290)} {
		g := &guarded{t: t, challenges: []string{`Bearer error_description="` + before + key + `"`}, bodies: ""}
		r := found(t, doctor.Options{URL: g.serve(), Credential: key}, "credential.invalid/refused")
		if strings.Contains(text(r), key[:8]) {
			t.Errorf("the credential is in the report:\n%s", text(r))
		}
	}
}

// TestScope: a token that is good, but not for this.
func TestScope(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="mcp:read mcp:write"`)
		w.WriteHeader(http.StatusForbidden)
	})
	says(t, found(t, doctor.Options{URL: at + "/mcp", Credential: "k"}, "credential.scope"), "credential.scope", "mcp:read mcp:write")
}

// TestClock: a server whose clock is wrong by more than a minute.
func TestClock(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	for _, tc := range []struct {
		by   time.Duration
		want []string
		says string
	}{
		{-time.Hour, []string{"clock/skew"}, "behind this machine's"},
		{2 * time.Minute, []string{"clock/skew"}, "ahead of this machine's"},
		{-20 * time.Second, nil, "agree"},
	} {
		through := proxy(t, gw.URL())
		through.ModifyResponse = func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(tc.by).UTC().Format(http.TimeFormat))
			return nil
		}
		says(t, found(t, doctor.Options{URL: serve(t, through.ServeHTTP) + "/mcp"}, tc.want...), "clock", tc.says)
	}
}

// TestNames: what a name server can answer that keeps clients out.
func TestNames(t *testing.T) {
	gw := gatetest.Gateway(t, open+"listen: {address: \"127.0.0.1:0\", allowed_hosts: [gateway.test]}\nversion: 1\ndata_dir: data\n", nil)
	_, port, _ := net.SplitHostPort(gw.Address())
	at := func(addrs ...string) names {
		n := names{name: "gateway.test"}
		for _, a := range addrs {
			n.is = append(n.is, netip.MustParseAddr(a))
		}
		return n
	}
	for _, tc := range []struct {
		name  string
		names names
		want  []string
		says  string
	}{
		{"right", at("127.0.0.1"), nil, "gateway.test is 127.0.0.1"},
		{"unknown", names{name: "other.test"}, []string{"dns/unknown_name"}, "no host named gateway.test"},
		{"no address", at(), []string{"dns/unknown_name"}, "no host named gateway.test"},
		{"mute", names{mute: true}, []string{"dns/timeout"}, "does not answer"},
		{"first address", at("127.0.0.2", "127.0.0.1"), []string{"dns/first_address"}, "http://127.0.0.1:" + port + "/mcp"},
		{"other family", at("::1"), []string{"dns/loopback_family"}, "http://127.0.0.1:" + port + "/mcp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := doctor.Options{URL: "http://gateway.test:" + port + "/mcp", Resolver: tc.names.resolver(t)}
			if tc.names.mute {
				o.Timeout = soon
			}
			says(t, found(t, o, tc.want...), "dns", tc.says)
		})
	}
}

// TestSilence: a port that takes connections and says nothing.
func TestSilence(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for scheme, want := range map[string]string{"http": "listen/silent", "https": "tls.chain/silent"} {
		found(t, doctor.Options{URL: scheme + "://" + ln.Addr().String() + "/mcp", Timeout: soon}, want)
	}
}

// TestEndless: a server that never stops sending does not hold the checks up.
func TestEndless(t *testing.T) {
	for _, kind := range []string{"application/json", "text/event-stream"} {
		at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for {
				if _, err := io.WriteString(w, strings.Repeat("a", 4096)); err != nil {
					return
				}
			}
		})
		found(t, doctor.Options{URL: at + "/mcp"}, "url.path/no_mcp")
	}
}

// TestManyTools: a list that is too long to be read whole is still a list.
func TestManyTools(t *testing.T) {
	var tools []json.RawMessage
	for i := range 1000 {
		tools = append(tools, json.RawMessage(fmt.Sprintf(`{"name":"t%d","description":"%0200d","inputSchema":{"type":"object"}}`, i, i)))
	}
	up := gatetest.Upstream(t, gatetest.Script{Tools: tools})
	gw := gatetest.Gateway(t, "trust: {first_use: approve}\nupstreams: {files: {url: \"${files}\"}}\n", map[string]*gatetest.UP{"files": up})
	says(t, found(t, doctor.Options{URL: gw.URL(), Credential: gw.Key("me")}), "policy", "64 KiB")
}

// TestInterrupted: the end of the context ends the run at once.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	// Well below the test's own end, and above what a loaded machine takes.
	report, err := doctor.Run(ctx, doctor.Options{URL: at + "/mcp", Timeout: time.Hour})
	if !errors.Is(err, context.Canceled) || report != nil {
		t.Errorf("got %v, %v", report, err)
	}
}

// TestUsage: what cannot be looked at is an error, and shows no secret.
func TestUsage(t *testing.T) {
	for _, tc := range []struct{ url, says string }{
		{"", "no configuration"},
		{"127.0.0.1:8080/mcp", "http://"},
		{"ws://127.0.0.1/ws", "http://"},
		{"http://", "host"},
		{"http://user:swordfish@127.0.0.1/mcp", "--key-env"},
		{"http://127.0.0.1:99999/mcp", "port"},
		{"http://[swordfish/mcp", "not one"},
	} {
		_, err := doctor.Run(t.Context(), doctor.Options{URL: tc.url})
		if !errors.Is(err, doctor.ErrUsage) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%q: got %v, want %q", tc.url, err, tc.says)
		}
	}
	_, err := doctor.Run(t.Context(), doctor.Options{Config: parse(t, "listen: {address: \"127.0.0.1:0\"}\n")})
	if !errors.Is(err, doctor.ErrUsage) || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("got %v", err)
	}
}

// TestConfiguredURL: where the checks look when only the configuration is known.
func TestConfiguredURL(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	_, port, _ := net.SplitHostPort(gw.Address())
	for _, tc := range []struct {
		yaml string
		gw   doctor.Gateway
		want string
	}{
		{"listen: {address: \"127.0.0.1:0\"}\n", asked{gw.App}, gw.URL()},
		{"listen: {address: \"127.0.0.1:" + port + "\"}\n", nil, gw.URL()},
		{"listen: {address: \"0.0.0.0:" + port + "\", tls: {terminated_by: proxy}}\n", nil, gw.URL()},
		{"listen: {address: \"127.0.0.1:" + port + "\", public_url: \"http://localhost:" + port + "\"}\n", nil, "http://localhost:" + port + "/mcp"},
	} {
		r := diagnose(t, doctor.Options{Config: parse(t, tc.yaml), Gateway: tc.gw})
		if r.URL != tc.want {
			t.Errorf("%s: looked at %s, want %s", tc.yaml, r.URL, tc.want)
		}
	}
}
