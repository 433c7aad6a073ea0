//go:build linux

package stress_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// What the clients of TestSlowAndHostileClients do. The limits they run into are
// those of listen.Limits: 1,000 sessions of a principal, 10 s for a header.
const (
	idlers       = 500
	dawdlers     = 50
	sessionLimit = 1_000
	mostResident = 200 << 20 // growth: 50 KiB for each session and connection, and what the collector leaves
)

// TestSlowAndHostileClients lets clients take connections and sessions and give
// nothing back, looks after an ordinary client meanwhile, and at what is left
// when they are gone.
func TestSlowAndHostileClients(t *testing.T) {
	web := newWeb(t, false)
	// As many connections to the upstream as calls at a time stay open when idle.
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q, limits: {concurrency: 8}}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url))
	g.start()
	keys := g.keys(2)
	ordinary := g.client("ordinary", keys[0], stateful, "web")
	defer ordinary.close()
	if err := ordinary.open(); err != nil {
		t.Fatal(err)
	}
	served := func(when string) {
		t.Helper()
		began := time.Now()
		for n := range 50 {
			if _, err := ordinary.echo("1", fmt.Sprintf("ordinary/%s%d", when, n)); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
		t.Logf("%s: 50 calls of an ordinary client in %s", when, time.Since(began).Round(time.Millisecond))
	}
	served("before")
	routines, files, memory := g.metric("go_goroutines"), g.metric("process_open_fds"), g.resident()

	idle := connections(t, g, idlers, "")
	slow := connections(t, g, dawdlers, "POST /mcp HTTP/1.1\r\nHost: ")
	served("beside idle and slow connections")

	hoarder := g.client("hoarder", keys[1], stateful, "web")
	sessions := hoard(t, hoarder, sessionLimit)
	r, err := hoarder.send("", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`)
	if err != nil || r.refusal() != "session.limit" {
		t.Errorf("one session over the limit: %v %+v, want the refusal session.limit", err, r)
	}
	served("beside 1,000 abandoned sessions")
	grown := g.resident() - memory
	t.Logf("goroutines %.0f, was %.0f; files %.0f, was %.0f; resident %d MiB more", g.metric("go_goroutines"), routines, g.metric("process_open_fds"), files, grown>>20)
	if grown > mostResident {
		t.Errorf("resident memory grew by %d MiB, want less than %d", grown>>20, mostResident>>20)
	}

	for _, c := range slow {
		cut(t, c)
	}
	for _, c := range idle {
		c.Close()
	}
	leave(t, hoarder, sessions)
	hoarder.close()
	within(t, patience, "goroutines and files are what they were, give or take a few", func() bool {
		return g.metric("go_goroutines") <= routines+20 && g.metric("process_open_fds") <= files+20
	})
	t.Logf("goroutines %.0f, files %.0f after they left", g.metric("go_goroutines"), g.metric("process_open_fds"))
	if n := g.metric("doorward_sessions"); n != 1 {
		t.Errorf("%.0f sessions are left, want the one of the ordinary client", n)
	}
	served("after")
	g.stop()
	g.verify()
}

// connections opens n connections and sends the same on each.
func connections(t *testing.T, g *gateway, n int, send string) []net.Conn {
	t.Helper()
	list := make([]net.Conn, n)
	for i := range list {
		c, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", g.address)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, send); err != nil {
			t.Fatal(err)
		}
		list[i] = c
	}
	return list
}

// cut waits until the gateway has closed a connection whose header never ends.
func cut(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection whose header never ends is still open")
	}
}

// hoard opens sessions and never uses them.
func hoard(t *testing.T, c *client, n int) []string {
	t.Helper()
	list := make([]string, n)
	for i := range list {
		if err := c.open(); err != nil {
			t.Fatalf("session %d: %v", i, err)
		}
		list[i] = c.session
		c.session = ""
	}
	return list
}

// leave ends sessions with DELETE, eight at a time.
func leave(t *testing.T, c *client, sessions []string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport, Timeout: patience}
	ids := make(chan string, len(sessions))
	for _, id := range sessions {
		ids <- id
	}
	close(ids)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for id := range ids {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "http://"+c.address+"/mcp/"+c.profile, http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+c.key)
				req.Header.Set("Mcp-Session-Id", id)
				resp, err := hc.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode/100 != 2 {
					t.Errorf("DELETE answered with %d", resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
}
