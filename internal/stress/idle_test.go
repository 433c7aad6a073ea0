//go:build linux

package stress_test

import (
	"fmt"
	"strings"
	"testing"
)

// What an idle client may cost, and from how many on that can be told from what the collector
// leaves.
const (
	mostOfASession = 20 << 10
	mostOfAStream  = 64 << 10
	enough         = 2000
	ofAKey         = 900 // sessions: a principal has at most 1,000, and 100 streams
)

// TestRES22_RES23_IdleAndAborted opens sessions that nobody uses and streams on which nothing
// comes, and says what each costs; then clients break off calls and streams, and goroutines and
// files are what they were. IDLE_SESSIONS, IDLE_STREAMS and ABORTED are how many.
func TestRES22_RES23_IdleAndAborted(t *testing.T) {
	sessions, streams, aborted := times(t, "IDLE_SESSIONS", 300), times(t, "IDLE_STREAMS", 100), times(t, "ABORTED", 200)
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q, limits: {concurrency: 64}}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url))
	g.start()
	keys := g.keys(2 + sessions/ofAKey + streams/ofAKey)
	ordinary := g.client("ordinary", keys[0], stateless, "web")
	defer ordinary.close()
	served := func(when string) {
		t.Helper()
		if ordinary.conn == nil {
			if err := ordinary.open(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ordinary.echo("1", "ordinary/"+when); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	served("before")
	cost(g, "session", sessions, mostOfASession, func() {
		for i := 0; i*ofAKey < sessions; i++ {
			c := g.client("idle", keys[i], stateful, "web")
			hoard(t, c, min(ofAKey, sessions-i*ofAKey))
			c.close()
		}
	})
	served("beside sessions")
	routines, files := g.metric("go_goroutines"), g.metric("process_open_fds")
	var open []*client
	cost(g, "stream", streams, mostOfAStream, func() {
		for i := range streams {
			open = append(open, stream(t, g.client("stream", keys[len(keys)-1-i/ofAKey], stateful, "web")))
		}
	})
	served("beside streams")
	for _, c := range open {
		c.close()
		leave(t, c, []string{c.session})
	}
	back := func(when string) {
		t.Helper()
		if !reaches(patience, func() bool {
			return g.metric("go_goroutines") <= routines+20 && g.metric("process_open_fds") <= files+20
		}) {
			t.Errorf("%s: goroutines %.0f, were %.0f; files %.0f, were %.0f", when, g.metric("go_goroutines"), routines, g.metric("process_open_fds"), files)
		}
	}
	back("without streams")

	for n := 0; n < aborted; n += 50 {
		abort(g, web, keys[0], fmt.Sprintf("left%d", n), min(50, aborted-n))
	}
	back("after calls that were broken off")
	before := g.resident()
	for range aborted {
		stream(t, g.client("left", keys[0], stateless, "web")).close()
	}
	back("after streams that were broken off")
	t.Logf("%d calls and %d streams broken off; resident %d MiB, %+d KiB by the streams", aborted, aborted, g.resident()>>20, (g.resident()-before)>>10)
	served("after")
	g.stop()
	g.verify()
}

// cost makes n of something and says by how much the resident memory grew for each.
func cost(g *gateway, what string, n int, most int64, open func()) {
	t := g.t
	t.Helper()
	before := g.resident()
	open()
	each := (g.resident() - before) / int64(n)
	t.Logf("%d: %d bytes for each idle %s", n, each, what)
	if n >= enough && each > most {
		t.Errorf("%d bytes for each idle %s, want at most %d", each, what, most)
	}
}

// stream opens a session of its own and its stream, or of a stateless client a subscription;
// nothing comes on either.
func stream(t *testing.T, c *client) *client {
	t.Helper()
	err := c.open()
	if err == nil && c.version == stateless {
		err = c.write("subscriptions/listen", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+statelessMeta+`}}`)
	} else if err == nil {
		_, err = fmt.Fprintf(c.conn, "GET /mcp/%s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\nMcp-Session-Id: %s\r\nMCP-Protocol-Version: %s\r\n\r\n", c.profile, c.address, c.key, c.session, c.version)
	}
	if err != nil {
		t.Fatal(err)
	}
	status, err := c.in.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 200") {
		t.Fatalf("a stream was answered with %q, %v", status, err)
	}
	return c
}
