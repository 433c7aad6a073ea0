package login

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReachOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]reach{
		"8.8.8.8": world, "2606:4700::1": world, "64:ff9b::808:808": world, "2002:808:808::1": world, "::ffff:8.8.8.8": world,
		"10.0.0.1": private, "172.16.0.1": private, "192.168.1.1": private, "100.64.0.1": private, "198.18.0.1": private,
		"fd00::1": private, "fec0::1": private, "64:ff9b::a00:1": private, "2002:a00:1::1": private, "::ffff:10.0.0.1": private, "64:ff9b:1::1": private,
		"127.0.0.1": local, "127.255.0.1": local, "::1": local, "::ffff:127.0.0.1": local, "64:ff9b::7f00:1": local, "2002:7f00:1::": local,
		"169.254.169.254": odd, "::ffff:169.254.169.254": odd, "64:ff9b::a9fe:a9fe": odd, "fe80::1": odd, "fe80::1%eth0": odd,
		"0.0.0.0": odd, "0.1.2.3": odd, "::": odd, "224.0.0.1": odd, "255.255.255.255": odd, "ff02::1": odd, "2001::1": odd,
	} {
		if got := reachOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("reachOf(%s) = %d, want %d", text, got, want)
		}
	}
	if got := reachOf(netip.Addr{}); got != odd {
		t.Errorf("no address: %d, want %d", got, odd)
	}
}

// What leads nearer to this machine than what named it is not connected to, the
// user's own URLs apart.
func TestFence(t *testing.T) {
	t.Parallel()
	const public, network, self, cloud = "8.8.8.8:443", "10.0.0.1:443", "127.0.0.1:443", "169.254.169.254:443"
	for name, tc := range map[string]struct {
		first string // where the user's own URL leads
		pass  []string
		stop  []string
	}{
		"a gateway of the world":    {public, []string{public}, []string{network, self, cloud}},
		"a gateway of the company":  {network, []string{public, network}, []string{self, cloud}},
		"a gateway of this machine": {self, []string{public, network, self}, []string{cloud}},
		"nothing named":             {"", nil, []string{public, network, self, cloud}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFence(nowhere)
			if tc.first != "" {
				f.named["mine:443"] = true
				if err := f.pass("mine:443", tc.first, false); err != nil {
					t.Fatalf("the user's own: %v", err)
				}
			}
			for _, address := range tc.pass {
				if err := f.pass("other:443", address, false); err != nil {
					t.Errorf("%s: %v", address, err)
				}
			}
			for _, address := range tc.stop {
				if err := f.pass("other:443", address, false); err == nil {
					t.Errorf("%s is let through", address)
				}
			}
		})
	}
	f := newFence(odd)
	if f.pass("x:80", public, true) == nil || f.pass("x:80", self, true) != nil || f.pass("x:80", "no address", false) == nil {
		t.Error("http is for this machine alone")
	}
}

// The fence stands where the connection is made.
func TestFenceIsAskedWhenDialling(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	u, err := address(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		limit reach
		named []*url.URL
		want  string
	}{
		"named":        {nowhere, []*url.URL{u}, ""},
		"near enough":  {local, nil, ""},
		"too near":     {private, nil, "nearer to this machine"},
		"no reach":     {nowhere, nil, "nearer to this machine"},
		"another host": {world, []*url.URL{{Scheme: "https", Host: "mcp.example"}}, "nearer to this machine"},
	} {
		w := newWeb(roots, "test", tc.limit, tc.named...)
		a, err := w.send(t.Context(), question{method: http.MethodGet, url: u})
		w.rest()
		if tc.want == "" && (err != nil || a.status != http.StatusNotFound) || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	w := newWeb(nil, "test", local)
	defer w.rest()
	if _, err := w.send(t.Context(), question{method: http.MethodGet, url: u}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
}

func TestVisitFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWeb(nil, "test", world)
	for _, link := range []string{"http://127.0.0.1/", "http://localhost/", "https://127.0.0.1/", "https://localhost/"} {
		if _, err := w.visit(link); err == nil {
			t.Errorf("%s may be visited", link)
		}
	}
	if _, err := w.visit("https://id.example/"); err != nil {
		t.Error(err)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://MCP.Example/Mcp":      "https://mcp.example/Mcp",
		"HTTPS://mcp.example":          "https://mcp.example",
		"https://mcp.example/":         "https://mcp.example",
		"https://mcp.example:443/mcp":  "https://mcp.example/mcp",
		"https://mcp.example:8443/mcp": "https://mcp.example:8443/mcp",
		"http://127.0.0.1:80/mcp":      "http://127.0.0.1/mcp",
		"http://localhost:8080/mcp/":   "http://localhost:8080/mcp/",
		"http://[::1]:8080/mcp":        "http://[::1]:8080/mcp",
		"https://mcp.example/mcp?":     "",
		"https://mcp.example/mcp#x":    "",
		"mcp.example/mcp":              "",
		"https:///mcp":                 "",
		"https://mcp.example/a b":      "",
		"":                             "",
	} {
		u, err := canonical(text)
		if got := ""; err == nil {
			if got = u.String(); got != want {
				t.Errorf("canonical(%q) = %q, want %q", text, got, want)
			}
		} else if want != "" {
			t.Errorf("canonical(%q): %v", text, err)
		}
	}
}

func TestReadChallenge(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]challenge{
		`Bearer`: {},
		`Bearer resource_metadata="https://x/md", scope="a b", error="invalid_token"`: {"https://x/md", "a b", "invalid_token"},
		`bearer SCOPE = "a" , resource_metadata=md`:                                   {"md", "a", ""},
		`Basic realm="x", Bearer scope="a"`:                                           {"", "a", ""},
		`Bearer scope="a", Basic realm="b", scope="c"`:                                {"", "a", ""},
		`Negotiate YWJj==, Bearer scope="a"`:                                          {"", "a", ""},
		`Bearer scope="a", scope="b"`:                                                 {"", "a", ""},
		`Bearer realm="a \"quoted\", scope=\"evil\"", scope="a"`:                      {"", "a", ""},
		`Bearer scope="never closed`:                                                  {},
		`Digest scope="a"`:                                                            {},
		`Bearer scope="` + strings.Repeat("a", maxChallenge) + `"`:                    {},
	} {
		if got := readChallenge(http.Header{"Www-Authenticate": {line}}); got != want {
			t.Errorf("%.60s: %+v, want %+v", line, got, want)
		}
	}
	if got := readChallenge(http.Header{"Www-Authenticate": {`Basic realm="x"`, `Bearer scope="a"`}}); got.scope != "a" {
		t.Errorf("a second line: %+v", got)
	}
}

func TestLacking(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		`Bearer error="insufficient_scope", scope="files:write files:read"`: {"files:write", "files:read"},
		`Bearer error="insufficient_scope", scope="a \"b c"`:                {"a", "c"},
		`Bearer error="invalid_token", scope="a"`:                           nil,
		``: nil,
	} {
		got, says := Lacking(http.Header{"Www-Authenticate": {line}})
		if !slices.Equal(got, want) || says != (want != nil) {
			t.Errorf("%s: %q, %v", line, got, says)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"3600": time.Hour, `"3600"`: time.Hour, "1.5": time.Second, "0": 0, "1e300": maxAge} {
		got, err := expiry([]byte(text))
		if d := time.Until(got) - want; err != nil || d > time.Second || d < -3*time.Second {
			t.Errorf("expiry(%s) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "null"} {
		if got, err := expiry([]byte(text)); err != nil || !got.IsZero() {
			t.Errorf("expiry(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", `"x"`, "{}", `"NaN"`} {
		if _, err := expiry([]byte(text)); err == nil {
			t.Errorf("expiry(%s) is accepted", text)
		}
	}
}

// Whatever address accepts is https, or http to this machine, names no user, and
// reads the same when it is written out and read again.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"https://mcp.example/mcp", "http://127.0.0.1:1/", "http://[::1]/x?y=z", "https://a:b@c/", "javascript:x", "a:$(touch x)?", "https://h:443", "http://localhost%00/", "//evil", `/\evil`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := address(text)
		if err != nil {
			return
		}
		if u.User != nil || u.Host == "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			t.Errorf("%q is accepted as %+v", text, u)
		}
		if strings.ContainsAny(u.String(), " \"'`$();|<>\\^{}!*#\n\r\t\x00") {
			t.Errorf("%q is written as %q", text, u.String())
		}
		again, err := url.Parse(u.String())
		if err != nil || origin(again) != origin(u) || again.Path != u.Path {
			t.Errorf("%q reads as %+v, and then as %+v (%v)", text, u, again, err)
		}
	})
}

// Whatever a header holds, the scopes that are read of it can be written into a
// request, and a challenge in front of it changes nothing of what is read.
func FuzzChallenge(f *testing.F) {
	for _, s := range []string{`Bearer scope="a b", resource_metadata="https://x"`, `Basic abc==, Bearer error="x"`, `Bearer "`, `Bearer a=b c=d`, `,,=`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c := readChallenge(http.Header{"Www-Authenticate": {line}})
		for _, s := range scopes(c.scope) {
			if !goodScope(s) || strings.Contains(s, " ") {
				t.Errorf("%q gives the scope %q", line, s)
			}
		}
		if len(line) > maxChallenge-20 || c == (challenge{}) {
			return
		}
		if got := readChallenge(http.Header{"Www-Authenticate": {`Basic realm="x", ` + line}}); got != c {
			t.Errorf("%q is read as %+v, and after another as %+v", line, c, got)
		}
	})
}

// A file's content is a login that it was written as, or none.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"version":1,"issuer":"https://id.example","resource":"https://mcp.example","client":"","asked":["a"],"machine":false,"audience":"https://mcp.example","client_id":"x","method":"none","token_endpoint":"https://id.example/t","reach":1,"access_token":"t","obtained":"2026-01-01T00:00:00Z","since":"2026-01-01T00:00:00Z","scopes":[]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		e, err := readEntry(content)
		if err != nil {
			return
		}
		if !goodToken(e.Access) || e.Reach == nowhere || len(e.name()) != 64+len(entrySuffix) {
			t.Errorf("%q is a login: %+v", content, e)
		}
	})
}
