//go:build linux

package stress_test

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRES23_Aborted has clients leave in the middle of what they do, CHURN of them or 2,000:
// within a header, a body or a call that hangs, and while a stream listens. Nothing is left
// of them: goroutines, descriptors and memory are what they were.
func TestRES23_Aborted(t *testing.T) {
	n := times(t, "CHURN", 2000)
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q, limits: {concurrency: 8}}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url))
	g.start()
	key := g.keys(1)[0]
	listener := g.client("listener", key, stateful, "web")
	if err := listener.open(); err != nil {
		t.Fatal(err)
	}
	defer listener.close()
	a := &aborting{g: g, key: key, session: listener.session}
	a.crowd(t, 200) // what is made once and kept
	within(t, patience, "the first are gone", func() bool { return g.metric("doorward_in_flight") == 0 })
	routines, files := g.metric("go_goroutines"), g.metric("process_open_fds")
	memory := g.resident()
	a.crowd(t, n)
	within(t, patience, "goroutines and descriptors are what they were", func() bool {
		return g.metric("go_goroutines") <= routines+10 && g.metric("process_open_fds") <= files+10
	})
	t.Logf("%d were aborted: goroutines %.0f, before %.0f; descriptors %.0f, before %.0f; resident %d MiB, before %d",
		n, g.metric("go_goroutines"), routines, g.metric("process_open_fds"), files, g.resident()>>20, memory>>20)
	if web.calls.Load() == 0 || a.listened.Load() == 0 {
		t.Errorf("%d calls reached the upstream and %d streams began: nothing was aborted", web.calls.Load(), a.listened.Load())
	}
	if grown := g.resident() - memory; grown > 32<<20 {
		t.Errorf("resident memory grew by %d MiB", grown>>20)
	}
	if _, err := listener.echo("1", "listener/after"); err != nil {
		t.Error(err)
	}
	g.stop()
	g.verify()
}

// aborting is clients that leave in the middle.
type aborting struct {
	g       *gateway
	key     string
	session string // that streams listen to

	listened atomic.Int64 // streams that began
}

// crowd has 16 of them at a time leave, n in all.
func (a *aborting) crowd(t *testing.T, n int) {
	t.Helper()
	ways := []func(*client) error{(*client).leaveHeader, (*client).leaveBody, (*client).leaveCall, a.leaveStream}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := i; j < n; j += 16 {
				c := a.g.client(fmt.Sprintf("a%d", j), a.key, stateless, "web")
				err := c.open()
				if err == nil {
					err = ways[j/16%len(ways)](c)
				}
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				c.close()
			}
		})
	}
	all.Wait()
}

func (c *client) leaveHeader() error {
	_, err := io.WriteString(c.conn, "POST /mcp/web HTTP/1.1\r\nHost: "+c.address+"\r\nContent-Le")
	return err
}

func (c *client) leaveBody() error {
	_, err := fmt.Fprintf(c.conn, "POST /mcp/web HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: 1000\r\n\r\n{\"jsonrpc\"", c.address, c.key)
	return err
}

func (c *client) leaveCall() error {
	return c.write("tools/call\r\nMcp-Name: hang", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","arguments":{"canary":"`+c.name+`"},`+statelessMeta+`}}`)
}

// leaveStream leaves when the stream has begun.
func (a *aborting) leaveStream(c *client) error {
	_, err := fmt.Fprintf(c.conn, "GET /mcp/web HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\nMcp-Session-Id: %s\r\nMCP-Protocol-Version: %s\r\n\r\n", c.address, c.key, a.session, stateful)
	if err != nil {
		return err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	switch line {
	case "HTTP/1.1 200 OK\r\n":
		a.listened.Add(1)
	case "HTTP/1.1 409 Conflict\r\n": // another listens still
	default:
		return fmt.Errorf("the stream is answered with %q", line)
	}
	return nil
}
