package parts_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// What deploy/nginx lets pass, and what it and the gateways make of it.
func TestNginxInFront(t *testing.T) {
	t.Parallel()
	n := newNginx(t, overHTTP("stateless")(t), "")
	for name, test := range map[string]func(*testing.T, *nginx){
		"TLS":                   nginxTLS,
		"who a client is":       nginxClients,
		"what a client says":    nginxSpoofed,
		"addresses":             nginxAddresses,
		"tokens in the query":   nginxQuery,
		"smuggling":             nginxSmuggling,
		"too much":              nginxTooMuch,
		"slow headers":          nginxSlow,
		"streams, HTTP/1.1":     nginxStreams(stateful, "a", false),
		"streams, HTTP/2":       nginxStreams(stateful, "b", true),
		"calls, HTTP/1.1":       nginxStreams(stateless, "c", false),
		"calls, HTTP/2":         nginxStreams(stateless, "d", true),
		"WebSocket":             nginxWebSocket,
		"configuration is fine": nginxConfiguration,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, n.in(t))
		})
	}
}

func nginxConfiguration(t *testing.T, n *nginx) {
	for line := range strings.Lines(n.log.String() + n.errors()) {
		switch {
		case !strings.Contains(line, "[warn]") && !strings.Contains(line, "[emerg]"):
		case strings.Contains(line, `"listen ... http2" directive is deprecated`): // since 1.25.1; those before have no other
		case strings.Contains(line, "open file resource limit"): // this machine's, and it says so
		default:
			t.Errorf("nginx says %s", line)
		}
	}
}

func nginxTLS(t *testing.T, n *nginx) {
	for _, tc := range []struct {
		name string
		conf *tls.Config
		ok   bool
	}{
		{"1.1", &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"1.2", &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}, true},
		{"1.2, RSA key exchange", &tls.Config{RootCAs: n.roots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"1.3", &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS13}, true},
		{"another authority", &tls.Config{RootCAs: x509.NewCertPool()}, false},
	} {
		raw, err := n.dial(t.Context(), "127.0.0.5")
		if err != nil {
			t.Fatal(err)
		}
		tc.conf.ServerName = "mcp.example.com"
		c := tls.Client(raw, tc.conf)
		if err := c.HandshakeContext(t.Context()); (err == nil) != tc.ok {
			t.Errorf("TLS %s: %v, want success %v", tc.name, err, tc.ok)
		}
		_ = raw.Close()
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, publicURL+"/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := n.client("127.0.0.5", true).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" || res.Header.Get("Server") != "nginx" {
		t.Errorf("%s, header %v", res.Proto, res.Header)
	}
}

// nginxStreams uses everything that MCP has through nginx: progress must arrive
// before the call may end, and cancellation reach the server; in the stateful era a
// GET stream tells of a new tool, in the stateless era a subscription.
func nginxStreams(era, initial string, two bool) func(*testing.T, *nginx) {
	return func(t *testing.T, n *nginx) {
		f := &front{name: "Go SDK", era: era, over: "http", sdk: "go", initial: initial}
		seen := f.useGoOver(t.Context(), &mcp.StreamableClientTransport{Endpoint: publicURL + "/mcp/plain", HTTPClient: n.client("127.0.0.5", two)})
		check(t, f, &behind{name: "nginx"}, seen)
		if era == stateful {
			n.line("the GET stream", func(p passed) bool {
				return p.Method == http.MethodGet && p.Path == "/mcp/plain" && p.Protocol == map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[two]
			})
		}
	}
}

func nginxWebSocket(t *testing.T, n *nginx) {
	c, res, err := websocket.Dial(t.Context(), strings.Replace(publicURL, "https", "wss", 1)+"/ws/plain", &websocket.DialOptions{
		HTTPClient: n.client("127.0.0.5", false), Subprotocols: []string{"mcp"},
	})
	if err != nil {
		t.Fatalf("%v, %+v", err, res)
	}
	f := &front{name: "Go SDK", era: stateful, over: "websocket", sdk: "go", initial: "e"}
	check(t, f, &behind{name: "nginx"}, f.useGoOver(t.Context(), &socket{c: c}))
	if p := n.line("the WebSocket", of(res.Header.Get("Doorward-Exchange"))); p.Status != http.StatusSwitchingProtocols || p.Remote != "127.0.0.5" {
		t.Errorf("nginx's log has %+v", p)
	}
}

// Both logs say where a client is, and each finds the other's line.
func nginxClients(t *testing.T, n *nginx) {
	for _, from := range n.clientsOfBoth() {
		for _, two := range []bool{false, true} {
			a := n.echoed(n.client(from, two), http.Header{"User-Agent": {"parts/1"}})
			n.agree(a.exchange, from)
		}
	}
}

// agree holds the two logs to each other about an exchange of a client at an
// address.
func (n *nginx) agree(exchange, from string) {
	n.t.Helper()
	p := n.line("an exchange", of(exchange))
	if p.Remote != from || len(p.Request) != 32 {
		n.t.Errorf("nginx's log of a client at %s has %+v", from, p)
	}
	all := n.records(exchange)
	if len(all) == 0 {
		n.t.Errorf("exchange %s of nginx's log is on no record", exchange)
	}
	told := 0
	for _, r := range all {
		if r.Kind == "event" || r.Remote == "" {
			continue // an event has no client; an outcome leaves out what its intent has
		}
		told++
		if r.Remote != from || r.Request != p.Request {
			n.t.Errorf("on record is %+v, want remote %s and request %s", r, from, p.Request)
		}
	}
	if told == 0 {
		n.t.Errorf("no record says where the client is: %+v", all)
	}
}

// What a client says of where it is, and how its request is called, changes nothing.
func nginxSpoofed(t *testing.T, n *nginx) {
	const from, elsewhere, chosen = "127.0.0.5", "203.0.113.9", "0123456789abcdef0123456789abcdef"
	for name, header := range map[string]http.Header{
		"X-Forwarded-For":          {"X-Forwarded-For": {elsewhere}},
		"X-Forwarded-For, trusted": {"X-Forwarded-For": {"127.0.0.1, 127.0.0.1"}},
		"X-Forwarded-For, broken":  {"X-Forwarded-For": {"not an address"}},
		"two lines":                {"X-Forwarded-For": {elsewhere, "127.0.0.1"}},
		"another spelling":         {"x-forwarded-for": {elsewhere}, "X_Forwarded_For": {elsewhere}, "X_Real_Ip": {elsewhere}},
		"Forwarded":                {"Forwarded": {"for=" + elsewhere}},
		"Forwarded, broken":        {"Forwarded": {"for="}},
		"X-Real-IP":                {"X-Real-Ip": {elsewhere}, "True-Client-Ip": {elsewhere}, "Cf-Connecting-Ip": {elsewhere}},
		"where it went":            {"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Original-Url": {"/mcp/plain"}, "X-Rewrite-Url": {"/mcp/plain"}},
		"X-Request-Id":             {"X-Request-Id": {chosen}, "Doorward-Exchange": {chosen}},
		"all":                      {"X-Forwarded-For": {elsewhere}, "Forwarded": {"for=" + elsewhere}, "X-Real-Ip": {elsewhere}, "X-Request-Id": {chosen}},
		"named hop by hop":         {"X-Forwarded-For": {elsewhere}, "Connection": {"X-Forwarded-For, X-Request-Id, Authorization"}},
	} {
		t.Run(name, func(t *testing.T) {
			mine := n.in(t)
			a := mine.echoed(n.client(from, false), header)
			if a.exchange == chosen {
				t.Error("the client chose the exchange's id")
			}
			mine.agree(a.exchange, from)
			for _, r := range mine.records(a.exchange) {
				if r.Request == chosen || r.Profile != "" {
					t.Errorf("on record is %+v", r)
				}
			}
		})
	}
	t.Run("Host", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+"/mcp", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example"
		res, err := n.client(from, false).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden || res.Header.Get("Doorward-Exchange") == "" {
			t.Errorf("status %d, want 403 of a gateway", res.StatusCode)
		}
	})
}

// Each of the two lists keeps an address out by itself.
func nginxAddresses(t *testing.T, n *nginx) {
	a := echoes(t, n.client(nginxDenies, false), publicURL+"/mcp", nil)
	if p := n.line("of an address that nginx denies", func(p passed) bool { return p.Remote == nginxDenies }); a.status != http.StatusForbidden || a.exchange != "" || p.Replica != "" || p.Status != http.StatusForbidden {
		t.Errorf("%v, and in the log %+v, want nginx's own 403", a, p)
	}
	a = echoes(t, n.client(gatewayDenies, false), publicURL+"/mcp", http.Header{"X-Forwarded-For": {"127.0.0.5"}})
	if a.status != http.StatusForbidden || a.exchange == "" || strings.Contains(a.body, "echo of me") {
		t.Errorf("%v, want a gateway's 403", a)
	}
	if p := n.line("of an address that a gateway denies", of(a.exchange)); p.Remote != gatewayDenies || p.Status != http.StatusForbidden {
		t.Errorf("nginx's log has %+v", p)
	}
	if all := n.records(a.exchange); len(all) != 1 || all[0].Event != "request.turned_away" || all[0].Remote != gatewayDenies || !strings.Contains(all[0].Detail, "address") {
		t.Errorf("on record is %+v", all)
	}
}

// A token in the query is not one, and is in no log.
func nginxQuery(t *testing.T, n *nginx) {
	const secret = "a-token-that-somebody-put-into-the-query"
	c := &http.Client{Transport: n.client("127.0.0.6", false).Transport.(keyed).next}
	for _, query := range []string{"access_token=" + secret, "token=" + n.key, "x=" + secret + "&access_token=" + n.key} {
		if a := echoes(t, c, publicURL+"/mcp?"+query, nil); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %v, want 401", query, a)
		} else {
			n.line("with a query", of(a.exchange))
		}
	}
	access, err := os.ReadFile(filepath.Join(n.dir, "access.json"))
	if err != nil {
		t.Fatal(err)
	}
	logs := n.errors() + string(access)
	for _, g := range n.replicas {
		logs += g.must("audit", "search", "--format", "json")
	}
	if strings.Contains(logs, secret) || strings.Contains(logs, n.key) {
		t.Error("a token of a query is in a log")
	}
}
