package listen_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// Kubelets and balancers are answered with a word where listen.health is written, whatever
// name they use and wherever they come from, and leave no record.
func TestProbes(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	settings := &listen.Settings{Health: true, AllowedAddresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	p, addr := startAt(t, place{settings: settings, ready: func(context.Context) bool { return ready.Load() }})
	for _, tc := range []struct {
		method, path, body string
		ready              bool
		status             int
	}{
		{"GET", "/healthz", "ok\n", false, 200},
		{"HEAD", "/healthz", "", false, 200},
		{"GET", "/readyz", "not ready\n", false, 503},
		{"GET", "/readyz", "ready\n", true, 200},
		{"HEAD", "/readyz", "", true, 200},
		{"GET", "/readyz?verbose", "ready\n", true, 200},
	} {
		ready.Store(tc.ready)
		resp := send(t, tc.method, "http://"+addr+tc.path, "", "Host: 10.1.2.3:8080", "Authorization: ")
		if body := text(t, resp); resp.StatusCode != tc.status || body != tc.body || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s, ready %t: status %d, %q", tc.method, tc.path, tc.ready, resp.StatusCode, body)
		}
	}
	if e := p.recorded(); len(e) != 0 {
		t.Errorf("on record: %v", e)
	}
	for _, target := range []string{"POST /readyz", "GET /readyz/", "GET /%72eadyz", "GET //readyz", "GET /mcp/../readyz", "GET /metrics"} {
		method, path, _ := strings.Cut(target, " ")
		if status, _ := raw(t, addr, method+" "+path+" HTTP/1.1\r\nHost: "+addr+"\r\nContent-Length: 0\r\n\r\n"); status == http.StatusOK || status == http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", target, status)
		}
	}
}

func TestProbesAreOffUnlessWritten(t *testing.T) {
	t.Parallel()
	_, addr := start(t, nil, listen.Limits{})
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp := send(t, "GET", "http://"+addr+path, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
}

// A server that will stop says so, serves, and keeps no connection.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	p, addr := start(t, &listen.Settings{Health: true}, listen.Limits{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	check := func(method, path, body string, status int, closes bool) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range append([]string{"Authorization: Bearer alice", "Content-Type: application/json", "Accept: application/json"}, modern...) {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = text(t, resp)
		if resp.StatusCode != status || resp.Close != closes {
			t.Errorf("%s %s: status %d, closes %t; want %d, %t", method, path, resp.StatusCode, resp.Close, status, closes)
		}
	}
	check("POST", "/mcp", list, 200, false)
	check("GET", "/readyz", "", 200, false)
	p.server.Announce()
	check("POST", "/mcp", list, 200, true)
	check("GET", "/readyz", "", 503, true)
	check("GET", "/healthz", "", 200, true)
}

// What was cut off has come to its end when Shutdown returns: its outcome can be recorded.
func TestShutdownWaitsForWhatItCutsOff(t *testing.T) {
	t.Parallel()
	p, addr := start(t, nil, listen.Limits{})
	var over atomic.Bool
	began := make(chan struct{})
	p.does["tools/list"] = func(ctx context.Context, _ *gate.Exchange, _ gate.Client) {
		close(began)
		<-ctx.Done()
		over.Store(true)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/mcp", strings.NewReader(list))
		if err != nil {
			return
		}
		for _, line := range append([]string{"Authorization: Bearer alice", "Content-Type: application/json", "Accept: application/json"}, modern...) {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.server.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "1 calls were cut off") {
		t.Errorf("shutdown: %v", err)
	}
	if !over.Load() {
		t.Error("the call was still running")
	}
	<-answered
}

// A client that has no call under way is no call that was cut off, whatever it does.
func TestShutdownCutsOffNoCall(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"silent": "", "half a head": "POST /mcp HTTP/1.1\r\n",
		"refused, and still sends": "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n",
	} {
		for range 8 { // so often that what is ready as well as the end is seen to be
			p, addr := start(t, nil, listen.Limits{})
			if status := connect(t, addr, "").status(t, addr); status != 200 { // the server serves
				t.Fatalf("status %d", status)
			}
			c := connect(t, addr, "")
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(sent, "\r\n\r\n") {
				if resp, err := http.ReadResponse(c.in, nil); err != nil || resp.StatusCode != 403 {
					t.Fatalf("%v %v", resp, err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := p.server.Shutdown(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
