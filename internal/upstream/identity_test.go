package upstream_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// identityOf is how an upstream with these settings is started or reached, as the
// lock is given it. The lock refuses, so that nothing is started.
func identityOf(t *testing.T, set upstream.Settings) gate.Item {
	t.Helper()
	set.Name = "up"
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{set}, Pins: pins{state: gate.Approved, command: gate.Deny}})
	seen, err := p.Observe(t.Context(), "up")
	wantCode(t, err, gate.CodeUpstreamHeld)
	if len(seen.Items) != 1 || seen.Items[0].Kind != gate.Command || seen.Items[0].Name != "" {
		t.Fatalf("observed %v", seen.Items)
	}
	return seen.Items[0]
}

// PIN-18: every change of how an upstream is started or reached is another identity,
// whatever it offers.
func TestPIN18_IdentityOfAnUpstream(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	program, python := write("server", "one"), write("python3.12", "interpreter")
	write("server.py", "print(1)")
	write("data.json", "{}")
	started := func(argv ...string) upstream.Settings { return upstream.Settings{Command: argv, Dir: dir} }
	reached := func(url string) upstream.Settings { return upstream.Settings{URL: url} }
	with := func(set upstream.Settings, change func(*upstream.Settings)) upstream.Settings {
		change(&set)
		return set
	}
	seen := map[gate.Digest]string{}
	for what, set := range map[string]upstream.Settings{
		"program":            started(program),
		"one argument more":  started(program, "--root", "/srv"),
		"arguments together": started(program, "--root /srv"),
		"a variable":         with(started(program), func(s *upstream.Settings) { s.Env = map[string]string{"TOKEN": "a"} }),
		"another program":    started(python, program),
		"script":             started(python, "-u", "server.py"),
		"no script":          started(python, "-m", "server.py"),
		"url":                reached("https://example.com/mcp"),
		"other host case":    reached("https://EXAMPLE.com/mcp"),
		"port":               reached("https://example.com:443/mcp"),
		"path":               reached("https://example.com/mcp/"),
		"plain":              reached("http://example.com/mcp"),
		"query":              reached("https://example.com/mcp?key=0123456789"),
		"other query":        reached("https://example.com/mcp?key=0123456780"),
		"transport":          with(reached("https://example.com/mcp"), func(s *upstream.Settings) { s.Transport = "sse" }),
		"key":                with(reached("https://example.com/mcp"), func(s *upstream.Settings) { s.TLSKey = gate.Digest{1} }),
	} {
		it := identityOf(t, set)
		if before, ok := seen[it.Digest]; ok {
			t.Errorf("%s is %s: %s", what, before, it.Raw)
		}
		seen[it.Digest] = what
		if strings.Contains(string(it.Raw), "0123456") {
			t.Errorf("%s: the query is in the lock: %s", what, it.Raw)
		}
		if again := identityOf(t, set); again.Digest != it.Digest {
			t.Errorf("%s changes by itself", what)
		}
	}
	same := with(reached("https://example.com/mcp"), func(s *upstream.Settings) { s.Transport = "streamable" })
	if it := identityOf(t, same); seen[it.Digest] != "url" {
		t.Errorf("the default transport, written, is another identity: %s", it.Raw)
	}
	for _, tc := range []struct {
		file string
		set  upstream.Settings
		was  bool // whether it is what it was, after the file changed
	}{
		{"server", started(program), false},
		{"server.py", started(python, "-u", "server.py"), false},
		{"data.json", started(python, "server.py", "data.json"), true},
		{"data.json", started(program, "data.json"), true},
	} {
		before := identityOf(t, tc.set)
		write(tc.file, "another content of "+tc.file)
		if after := identityOf(t, tc.set); (after.Digest == before.Digest) != tc.was {
			t.Errorf("%s was swapped: %s, %s", tc.file, before.Raw, after.Raw)
		}
	}
	if _, err := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: []string{program, "a\xff"}}}}).Observe(t.Context(), "up"); err == nil {
		t.Error("arguments that are no UTF-8 look like others")
	}
}

// An upstream with a URL that the lock does not let be reached is sent nothing.
func TestPIN18_NothingIsSentToAnotherURL(t *testing.T) {
	asked := 0
	set := upstream.Settings{Name: "up", URL: "http://127.0.0.66:9/mcp", Wire: roundTripper(func(*http.Request) (*http.Response, error) {
		asked++
		return nil, io.ErrUnexpectedEOF
	})}
	for _, transport := range []string{"", "sse"} {
		set.Transport = transport
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{set}, Pins: pins{state: gate.Approved, command: gate.Deny}})
		_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
		wantCode(t, err, gate.CodeUpstreamHeld)
	}
	if asked != 0 {
		t.Errorf("%d requests were sent", asked)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A server with another TLS key than the pinned one is sent nothing.
func TestPIN18_TLSKey(t *testing.T) {
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(server.Close)
	own := gate.Digest(sha256.Sum256(server.Certificate().RawSubjectPublicKeyInfo))
	for _, tc := range []struct {
		pinned gate.Digest
		want   bool
	}{{own, true}, {gate.Digest{1}, false}} {
		wire := upstream.WireOf(upstream.Settings{Name: "up", URL: server.URL, TLSKey: tc.pinned}, server.Certificate())
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := wire.RoundTrip(req)
		if (err == nil) != tc.want {
			t.Errorf("%s: %v", tc.pinned, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		wire.CloseIdleConnections()
	}
	if asked != 1 {
		t.Errorf("%d requests arrived, want 1", asked)
	}
}
