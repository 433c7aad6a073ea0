package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// changing is an upstream of one era whose only tool is another each time that the test says so, and whose
// streams the test cuts.
type changing struct {
	era gate.Era

	mu       sync.Mutex
	tool     string
	reads    int      // of the list
	opened   int      // streams
	sessions int      // that were begun
	gone     bool     // the session is
	silent   bool     // no list is answered
	watched  []string // each subscription that was asked for: its session, and URI
	takes    string   // of subscriptions: "" all, "none", "late" none and without an answer
	streams  map[*io.PipeWriter]string
}

// changes is what it says that it can say.
const changes = `{"tools":{"listChanged":true},"resources":{"subscribe":true}}`

func newChanging(era gate.Era) *changing {
	return &changing{era: era, tool: "first", streams: map[*io.PipeWriter]string{}}
}

func (c *changing) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	_, id, _ := strings.Cut(string(raw), `"id":`)
	id, _, _ = strings.Cut(id, ",")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone && r.Header.Get("Mcp-Session-Id") == fmt.Sprint("session-", c.sessions) {
		return says(http.StatusNotFound, "")(r)
	}
	has := func(text string) bool { return strings.Contains(string(raw), text) }
	answer := func(result string, header ...string) (*http.Response, error) {
		return says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"result":`+result+`}`, header...)(r)
	}
	switch {
	case r.Method == http.MethodGet:
		return c.stream(r, "", ""), nil
	case has(`"method":"subscriptions/listen"`):
		_, wants, _ := strings.Cut(string(raw), `"notifications":`)
		wants, _, _ = strings.Cut(wants, "}")
		return c.stream(r, id, wants+"}"), nil
	case has(`"method":"tools/list"`):
		c.reads++
		if c.silent {
			return says(http.StatusInternalServerError, "")(r)
		}
		return answer(`{"tools":[{"name":"` + c.tool + `","inputSchema":{"type":"object"}}]}`)
	case has(`"method":"resources/list"`):
		return answer(`{"resources":[{"uri":"a:b","name":"b"},{"uri":"a:c","name":"c"}]}`)
	case has(`"method":"resources/subscribe"`):
		_, uri, _ := strings.Cut(string(raw), `"uri":"`)
		uri, _, _ = strings.Cut(uri, `"`)
		c.watched = append(c.watched, r.Header.Get("Mcp-Session-Id")+" "+uri)
		switch c.takes {
		case "none":
			return says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32002,"message":"no"}}`)(r)
		case "late":
			return c.stream(r, "", ""), nil
		}
		return answer(`{}`)
	case has(`"method":"server/discover"`) && c.era == gate.Stateless:
		return answer(`{"supportedVersions":["2026-07-28"],"capabilities":` + changes + `}`)
	case has(`"method":"initialize"`) && c.era == gate.Stateful:
		c.sessions++
		c.gone = false
		return answer(`{"protocolVersion":"2025-11-25","capabilities":`+changes+`,"serverInfo":{"name":"up","version":"1"}}`, "Mcp-Session-Id", fmt.Sprint("session-", c.sessions))
	case !has(`"id":`):
		return says(http.StatusAccepted, "")(r)
	case has(`"method":"tools/call"`):
		return answer(`{"content":[]}`)
	}
	return says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32601,"message":"no"}}`)(r)
}

// stream opens a stream; it needs mu. listen is the id of the listen that it is for, which wants wants; empty for none.
func (c *changing) stream(r *http.Request, listen, wants string) *http.Response {
	body, out := io.Pipe()
	c.streams[out] = listen
	c.opened++
	if listen != "" {
		go c.event(out, "notifications/subscriptions/acknowledged", `"notifications":`+wants, listen)
	}
	context.AfterFunc(r.Context(), func() {
		_ = out.Close() // a pipe's cannot fail
		c.mu.Lock()
		delete(c.streams, out)
		c.mu.Unlock()
	})
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}
}

func (c *changing) event(out io.Writer, method, members, listen string) {
	if listen != "" {
		members = strings.TrimPrefix(members+fmt.Sprintf(`,"_meta":{%q:%s}`, mcp.MetaSubscription, listen), ",")
	}
	fmt.Fprintf(out, "data: {\"jsonrpc\":\"2.0\",\"method\":%q,\"params\":{%s}}\n\n", method, members)
}

// becomes has the tool be another, and says so where says is set.
func (c *changing) becomes(tool string, says bool) {
	c.mu.Lock()
	c.tool = tool
	var all []func()
	for out, listen := range c.streams {
		all = append(all, func() { c.event(out, "notifications/tools/list_changed", "", listen) })
	}
	c.mu.Unlock()
	for _, tell := range all {
		if says {
			tell()
		}
	}
}

// cut ends the streams that are open, and where it is said so the session.
func (c *changing) cut(session bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for out := range c.streams {
		_ = out.Close() // a pipe's cannot fail
	}
	clear(c.streams)
	c.gone = session
}

func (c *changing) listed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// lapsed is a client of an era at a changing upstream that hears of its lists, and has read them.
func lapsed(t *testing.T, c *changing, client gate.Era) (p *upstream.Pool, use func(), heard func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	count := func(m *gate.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Method == "notifications/tools/list_changed" {
			n++
		}
	}
	p, _, _ = wayPool(t, &way{}, func(cfg *upstream.Config) {
		cfg.Upstreams[0].Wire = c
		cfg.Unsolicited = func(_ *gate.Session, _ string, m *gate.Message) { count(m) }
	})
	var session *gate.Session
	if client == gate.Stateful {
		session = newSession("a")
	}
	use = func() {
		raw := modernCall("first", `{}`)
		if session != nil {
			raw = call("first", `{}`)
		}
		if _, _, err := p.Items(t.Context(), exchange(t, session, "up", raw), "up", gate.Tool); err != nil {
			t.Error(err)
		}
	}
	if session != nil {
		if _, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)); err != nil {
			t.Fatal(err)
		}
	} else {
		listen := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
		ctx, leave := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = p.Forward(ctx, listen, func(_ context.Context, m *gate.Message) error { count(m); return nil })
		}()
		t.Cleanup(func() { leave(); <-over })
	}
	time.Sleep(time.Second)
	use()
	return p, use, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// everyPair runs a test for each pair of eras, of a client and an upstream.
func everyPair(t *testing.T, run func(t *testing.T, client, upstream gate.Era)) {
	t.Helper()
	for _, client := range [...]gate.Era{gate.Stateful, gate.Stateless} {
		for _, up := range [...]gate.Era{gate.Stateful, gate.Stateless} {
			t.Run(fmt.Sprintf("%s/%s", client, up), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { run(t, client, up) })
			})
		}
	}
}

// After a stream has ended on which an upstream says that its list changed, the client is told once where the
// list is another by then, and not where it is the same; nor of what it was told before.
func TestListChangedWhileAStreamWasDown(t *testing.T) {
	t.Parallel()
	everyPair(t, func(t *testing.T, client, up gate.Era) {
		c := newChanging(up)
		_, use, heard := lapsed(t, c, client)
		c.cut(false)
		time.Sleep(2 * time.Minute)
		if heard() != 0 {
			t.Errorf("the list is the same, and the client hears %d times that it changed", heard())
		}
		c.cut(false)
		c.becomes("second", false)
		time.Sleep(2 * time.Minute)
		if heard() != 1 {
			t.Errorf("the list is another, and the client hears it %d times", heard())
		}
		c.becomes("third", true)
		time.Sleep(2 * time.Minute)
		use()
		c.cut(false)
		time.Sleep(2 * time.Minute)
		if heard() != 2 {
			t.Errorf("of the change that was said the client hears %d times", heard()-1)
		}
	})
}

// The same where the change is read by a call before the stream is up again.
func TestListChangedAndReadWhileAStreamWasDown(t *testing.T) {
	t.Parallel()
	everyPair(t, func(t *testing.T, client, up gate.Era) {
		c := newChanging(up)
		_, use, heard := lapsed(t, c, client)
		c.becomes("second", false)
		time.Sleep(6 * time.Minute) // the list is stale
		c.cut(false)
		synctest.Wait()
		use()
		time.Sleep(2 * time.Minute)
		if heard() != 1 {
			t.Errorf("the client hears %d times that the list changed", heard())
		}
	})
}

// A list that cannot be read when the stream is up again may be another.
func TestListUnreadableAfterAStreamWasDown(t *testing.T) {
	t.Parallel()
	everyPair(t, func(t *testing.T, client, up gate.Era) {
		c := newChanging(up)
		_, _, heard := lapsed(t, c, client)
		c.cut(false)
		c.mu.Lock()
		c.silent = true
		c.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if heard() != 1 {
			t.Errorf("the client hears %d times that the list changed", heard())
		}
	})
}

// An upstream that has lost its session, with a new list, is noticed when the session is begun anew.
func TestListChangedWithTheSession(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := newChanging(gate.Stateful)
			_, use, heard := lapsed(t, c, gate.Stateful)
			c.cut(true)
			want := 0
			if !same {
				c.becomes("second", false)
				want = 1
			}
			time.Sleep(2 * time.Minute)
			use()
			time.Sleep(2 * time.Minute)
			if c.sessions != 2 || heard() != want {
				t.Errorf("in %d sessions the client hears %d times that the list changed, want %d", c.sessions, heard(), want)
			}
		})
	}
}

// Streams that end every few seconds do not have the list read each time, and all who listen share a reading.
func TestListsAreNotReadForEachStream(t *testing.T) {
	t.Parallel()
	everyPair(t, func(t *testing.T, client, up gate.Era) {
		c := newChanging(up)
		p, _, heard := lapsed(t, c, client)
		if client == gate.Stateless {
			for range 10 {
				listenTo(t.Context(), t, p)
			}
			synctest.Wait()
		}
		before := c.listed()
		c.cut(false)
		time.Sleep(time.Minute)
		if n := c.listed() - before; n != 1 {
			t.Errorf("after one cut the list is read %d times", n)
		}
		before = c.listed()
		const minutes = 3
		for range minutes * 60 / 5 {
			c.cut(false)
			time.Sleep(5 * time.Second)
		}
		if n := c.listed() - before; n == 0 || n > 4*(minutes+1) {
			t.Errorf("in %d minutes the list is read %d times", minutes, n)
		}
		c.becomes("second", false)
		c.cut(false)
		time.Sleep(3 * time.Minute)
		if heard() != 1 {
			t.Errorf("the client hears %d times that the list changed", heard())
		}
	})
}
