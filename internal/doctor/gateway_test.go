package doctor_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/doctor"
	"doorward/internal/gatetest"
)

func tool(name string) json.RawMessage {
	return json.RawMessage(`{"name":"` + name + `","inputSchema":{"type":"object"}}`)
}

// TestFineGateway: where a client can connect there is no problem, and nothing
// is left out.
func TestFineGateway(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{tool("read")}})
	gw := gatetest.Gateway(t, "upstreams: {files: {url: \"${files}\"}}\n", map[string]*gatetest.UP{"files": up})
	gw.Approve("files")
	r := found(t, whole(gw, gw.Key("me")))
	for _, f := range r.Findings {
		if f.Status != doctor.OK && f.ID != "tls.chain" {
			t.Errorf("%s %s: %s", f.Status, f.ID, f.Seen)
		}
	}
	says(t, r, "policy", "1 tools")
	says(t, r, "protocol", "2025-11-25", "2026-07-28")
	if n := up.Count("tools/call"); n != 0 {
		t.Errorf("%d tools were called", n)
	}
	if st, err := gw.App.Status(t.Context()); err != nil || st.Sessions != 0 {
		t.Errorf("%d sessions are left open (%v)", st.Sessions, err)
	}
}

// TestWrongURLs: each URL that people write for a gateway is named rightly, and
// the checks go on at the right one.
func TestWrongURLs(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	at := "http://" + gw.Address()
	for _, tc := range []struct{ name, url, want, says string }{
		{"no path", at, "url.path/wrong_path", "give clients " + at + "/mcp"},
		{"root", at + "/", "url.path/wrong_path", "give clients " + at + "/mcp"},
		{"another", at + "/api/v1", "url.path/wrong_path", "POST your MCP messages to " + at + "/mcp"},
		{"the old transport", at + "/sse", "url.transport/sse_off", "legacy_sse: true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := found(t, doctor.Options{URL: tc.url}, tc.want)
			says(t, r, strings.Split(tc.want, "/")[0], tc.says)
			says(t, r, "protocol", "are served")
		})
	}
	t.Run("profile", func(t *testing.T) {
		r := found(t, doctor.Options{URL: at + "/mcp/nobody"}, "url.path/profile")
		says(t, r, "url.path", "nobody", at+"/mcp")
	})
	t.Run("https on a plain port", func(t *testing.T) {
		r := found(t, doctor.Options{URL: "https://" + gw.Address() + "/mcp"}, "url.transport/plain_expected")
		says(t, r, "url.transport", "give clients "+at+"/mcp", "tls")
	})
}

// TestCredentials: why a gateway does not let a key in.
func TestCredentials(t *testing.T) {
	gw := gatetest.Gateway(t, "upstreams: {}\n", nil)
	good, revoked := gw.Key("good"), gw.Key("revoked")
	gw.Revoke("revoked")
	for _, tc := range []struct{ name, key, want, says string }{
		{"none", "", "credential.missing", "doorward key create NAME"},
		{"unknown", "dw_" + strings.Repeat("A", 43), "credential.invalid/refused", "identity.invalid"},
		{"revoked", revoked, "credential.invalid/refused", "doorward key rotate"},
		{"expired", gw.ShortKey("short"), "credential.invalid/refused", "which keys have expired"},
		{"only quotes", `""`, "credential.invalid/form credential.missing", "quotation marks"},
		{"quotes", `"` + good + `"`, "credential.invalid/form", "quotation marks"},
		{"newline", good + "\n", "credential.invalid/form", "newline"},
		{"newline inside", good[:9] + "\n" + good[9:], "credential.invalid/form", "line break"},
		{"Bearer twice", "Bearer " + good, "credential.invalid/form", "Bearer"},
		{"whole header", "Authorization: Bearer " + good, "credential.invalid/form", "header's name"},
		{"another header", "X-Api-Key: " + good, "credential.invalid/form", "another header"},
		{"good", good, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := found(t, doctor.Options{URL: gw.URL(), Credential: tc.key}, strings.Fields(tc.want)...)
			if tc.want != "" {
				says(t, r, strings.Split(strings.Fields(tc.want)[0], "/")[0], tc.says)
			}
			if all := text(r); tc.key != "" && (strings.Contains(all, good) || strings.Contains(all, revoked) || strings.Contains(all, tc.key)) {
				t.Errorf("the credential is in the report:\n%s", all)
			}
		})
	}
}

// TestListen: nobody there, somebody else there, and a gateway that does not
// answer to the name or the page.
func TestListen(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	nowhere := closed(t)
	_, port, _ := strings.Cut(gw.Address(), ":")
	named := "http://gateway.test:" + port
	name := names{name: "gateway.test", is: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<h1>It works!</h1>")) })
	for _, tc := range []struct {
		name string
		opts doctor.Options
		want []string
		says string
	}{
		{"refused", doctor.Options{URL: "http://" + nowhere + "/mcp"}, []string{"listen/refused"}, "doorward serve"},
		{"configured and refused", doctor.Options{Config: parse(t, "listen: {address: \""+nowhere+"\"}\n"), ConfigPath: "my gate.yaml"}, []string{"listen/refused"}, "--config 'my gate.yaml'"},
		{"another address", doctor.Options{URL: "http://" + nowhere + "/mcp", Gateway: asked{gw.App}}, []string{"listen/moved"}, gw.URL()},
		{"somebody else", doctor.Options{URL: other + "/mcp", Config: gw.App.Config}, []string{"listen/other", "url.path/no_mcp"}, "not Doorward (HTTP 200"},
		{"host", doctor.Options{URL: named + "/mcp", Resolver: name.resolver(t)}, []string{"listen/host"}, `allowed_hosts: ["gateway.test:` + port + `"]`},
		{"origin", doctor.Options{URL: gw.URL(), Origin: "https://app.example.com"}, []string{"listen/origin"}, `allowed_origins: ["https://app.example.com"]`},
		{"bad gateway", doctor.Options{URL: serveProxy(t, "http://"+nowhere) + "/mcp"}, []string{"listen/proxy"}, "HTTP 502"},
		{
			"proxy without a gateway",
			doctor.Options{Config: parse(t, "listen: {address: \""+nowhere+"\", public_url: \"http://"+gw.Address()+"\"}\n")},
			[]string{"listen/refused"},
			nowhere,
		},
	} {
		t.Run(tc.name, func(t *testing.T) { says(t, found(t, tc.opts, tc.want...), "listen", tc.says) })
	}
}

func serveProxy(t *testing.T, to string) string {
	t.Helper()
	return serve(t, proxy(t, to).ServeHTTP)
}

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	cfg, err := config.Parse(t.TempDir()+"/doorward.yaml", []byte("version: 1\n"+yaml))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestUpstreamDown: an upstream that cannot be asked is named with its error.
func TestUpstreamDown(t *testing.T) {
	nowhere := closed(t)
	gw := gatetest.Gateway(t, "upstreams: {broken: {url: \"http://"+nowhere+"/mcp\"}}\n", nil)
	r := found(t, whole(gw, gw.Key("me")), "upstream.down/broken", "trust.held/broken") // how it is reached waits too
	says(t, r, "upstream.down", "refused", "doorward trust list broken --refresh")
	r = found(t, doctor.Options{URL: gw.URL(), Credential: gw.Key("you")}, "upstream.down/refusal")
	says(t, r, "upstream.down", "Doorward answers upstream.") // unavailable, or by now left alone (upstream.breaker)
}

// TestHeldTools: what waits for approval is why a client sees nothing.
func TestHeldTools(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{tool("read"), tool("write")}})
	gw := gatetest.Gateway(t, "upstreams: {files: {url: \"${files}\"}}\n", map[string]*gatetest.UP{"files": up})
	key := gw.Key("me")
	r := found(t, whole(gw, key), "trust.held/files")
	says(t, r, "trust.held", "shown 0 tools", "doorward trust approve files")

	alone := whole(gw, key)
	alone.Gateway = nil
	says(t, found(t, alone, "trust.held/no_lock"), "trust.held", "doorward.lock")

	gw.Approve("files")
	r = found(t, whole(gw, key))
	says(t, r, "policy", "2 tools")
	up.Set(gatetest.Script{Tools: []json.RawMessage{tool("read"), json.RawMessage(`{"name":"write","description":"now","inputSchema":{"type":"object"}}`)}})
	if _, err := gw.App.Entries(t.Context(), admin.Review{Refresh: true}); err != nil {
		t.Fatal(err)
	}
	r = found(t, whole(gw, key), "trust.held/files")
	says(t, r, "trust.held", "1 definitions of files", "shown 1 tools")
}

// TestPolicy: a role that allows nothing is why a client sees nothing.
func TestPolicy(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{tool("read")}})
	gw := gatetest.Gateway(t, `
roles: {reader: {allow: [{tools: ["files/*"]}]}, nothing: {allow: [{tools: ["other/*"]}]}}
upstreams: {files: {url: "${files}"}}
`, map[string]*gatetest.UP{"files": up})
	gw.Approve("files")
	says(t, found(t, whole(gw, gw.Key("poor", "nothing")), "policy"), "policy", "1 tools are approved", "doorward key list")
	found(t, whole(gw, gw.Key("rich", "reader")))
}

// TestReplicas: two gateways that share no sessions, behind one address.
func TestReplicas(t *testing.T) {
	one, two := gatetest.Gateway(t, open, nil), gatetest.Gateway(t, open, nil)
	to := []http.Handler{proxy(t, one.URL()), proxy(t, two.URL())}
	var n atomic.Int64
	at := serve(t, func(w http.ResponseWriter, r *http.Request) { to[n.Add(1)%2].ServeHTTP(w, r) })
	r := found(t, doctor.Options{URL: at + "/mcp"}, "session.affinity")
	says(t, r, "session.affinity", "4 of 8", "hash $remote_addr", "stick match", "state.redis", "2026-07-28")
}

// TestBuffering: proxies that hold a stream back, each in its own way.
func TestBuffering(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	for _, tc := range []struct {
		name, want string
		stream     http.HandlerFunc
	}{
		{"all of it", "proxy.buffering/headers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"the body", "proxy.buffering/body", func(w http.ResponseWriter, r *http.Request) { started(w, r, "") }},
		{"by compressing", "proxy.buffering/compression", func(w http.ResponseWriter, r *http.Request) { started(w, r, "gzip") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			through := proxy(t, gw.URL())
			at := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					tc.stream(w, r)
					return
				}
				through.ServeHTTP(w, r)
			})
			r := found(t, doctor.Options{URL: at + "/mcp", Patience: soon}, tc.want)
			says(t, r, "proxy.buffering", "proxy_buffering off;", "gzip off;")
		})
	}
	t.Run("none", func(t *testing.T) {
		r := found(t, doctor.Options{URL: serveProxy(t, gw.URL()) + "/mcp"})
		says(t, r, "proxy.buffering", "arrives at once")
	})
	t.Run("in the stateless era", func(t *testing.T) {
		through := proxy(t, gw.URL())
		at := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Mcp-Method") == "subscriptions/listen" {
				_, _ = io.Copy(io.Discard, r.Body) // or net/http does not notice that the client has gone
				<-r.Context().Done()
				return
			}
			if r.Header.Get("Mcp-Protocol-Version") == "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			through.ServeHTTP(w, r)
		})
		found(t, doctor.Options{URL: at + "/mcp", Patience: soon}, "protocol/stateless_only", "proxy.buffering/headers")
	})
}

// started is a stream whose headers come, and nothing after them.
func started(w http.ResponseWriter, r *http.Request, encoding string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Doorward-Exchange", "x")
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
	}
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// TestTLSPort: http in the URL of a TLS port.
func TestTLSPort(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	a := newAuthority(t)
	at := a.serve(t, proxy(t, gw.URL()), a.chain(t, a.leaf(t)))
	r := found(t, doctor.Options{URL: strings.Replace(at, "https", "http", 1) + "/mcp"}, "url.transport/tls_expected")
	says(t, r, "url.transport", "give clients "+at+"/mcp")
}

// TestLegacyOn: the old transport's own URL, where the gateway serves it.
func TestLegacyOn(t *testing.T) {
	gw := gatetest.Gateway(t, "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\", legacy_sse: true}\n"+open, nil)
	at := "http://" + gw.Address()
	says(t, found(t, doctor.Options{URL: at + "/sse"}, "url.transport/legacy_sse"), "url.transport", "give clients "+at+"/mcp")
}
