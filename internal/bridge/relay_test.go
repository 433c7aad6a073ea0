package bridge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/bridge"
)

// Not a byte of a message changes on the way, in either direction, but the line
// breaks that a line cannot have.
func TestBytesAreKept(t *testing.T) {
	t.Parallel()
	const (
		asked   = `{ "jsonrpc":"2.0" , "params":{"n":9007199254740993.0e+0,"vendor":[1.50,"\u0041é"]},"method":"x/y","id":"\u0061","extra":1}`
		answer  = "{\"id\":\"a\",\r\n \"result\" : {\"n\":1.0E+2,\n\t\"deep\":{\"b\":1,\"a\":2},\"text\":\"\\n\"},\"jsonrpc\":\"2.0\",\"more\":null}\n"
		written = `{"id":"a",   "result" : {"n":1.0E+2, ` + "\t" + `"deep":{"b":1,"a":2},"text":"\n"},"jsonrpc":"2.0","more":null}`
	)
	for name, put := range map[string]func(w http.ResponseWriter){
		"JSON":   func(w http.ResponseWriter) { asJSON(w, http.StatusOK, answer) },
		"events": func(w http.ResponseWriter) { asEvents(w, ": hello\n\nevent: message\ndata: "+events(answer)+"\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { put(w) })
			c := start(t, s.url)
			c.write(asked + "\r")
			want := written
			if name == "events" {
				want = strings.Replace(written, ",   \"result\"", ",  \"result\"", 1) // CRLF ends one line of an event
			}
			if l := c.line(); l != want {
				t.Errorf("the client gets\n%q, want\n%q", l, want)
			}
			if got := s.requests("POST")[0].Body; got != asked {
				t.Errorf("the server gets %q", got)
			}
			c.end()
		})
	}
}

// events is a text as the data of an event.
func events(text string) string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"), "\n")
	return strings.Join(lines, "\ndata: ")
}

// The headers are those of the era, and of what the message names.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		line string
		want map[string]string // of the protocol; what is not here must not be there
	}{
		"a call":             {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{},` + meta + `}}`, map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "say"}},
		"a name with é":      {`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"\u00e9",` + meta + `}}`, map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "prompts/get", "Mcp-Name": "=?base64?w6k=?="}},
		"a resource":         {`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"docs://a",` + meta + `}}`, map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "resources/read", "Mcp-Name": "docs://a"}},
		"a task":             {`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1",` + meta + `}}`, map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tasks/get", "Mcp-Name": "t1"}},
		"an unknown method":  {`{"jsonrpc":"2.0","id":1,"method":"acme/do","params":{"name":"x",` + meta + `}}`, map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "acme/do"}},
		"a newer version":    {`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01"}}}`, map[string]string{"Mcp-Protocol-Version": "2027-01-01", "Mcp-Method": "tools/list"}},
		"of the stateful":    {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say"}}`, map[string]string{"Mcp-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "s1"}},
		"the handshake anew": {hello, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
				if !welcome(w, g) {
					asJSON(w, http.StatusOK, `{"jsonrpc":"2.0","id":1,"result":{}}`)
				}
			})
			c := start(t, s.url)
			c.greet()
			c.write(tc.line)
			c.line()
			posts := s.requests("POST")
			last := posts[len(posts)-1].Header
			found := map[string]string{}
			for name := range last {
				if strings.HasPrefix(name, "Mcp-") {
					found[name] = last.Get(name)
				}
			}
			if diff := cmp.Diff(tc.want, found); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			for name, want := range map[string]string{"Authorization": "Bearer good", "Accept": "application/json, text/event-stream", "Content-Type": "application/json", "User-Agent": "doorward-test"} {
				if got := last.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			c.end()
		})
	}
}

// A version that has no version header gets none, and a session without an id
// none of that.
func TestOldSessions(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		switch {
		case strings.Contains(g.Body, "initialize\""):
			asEvents(w, "data: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-03-26\",\"serverInfo\":{}}}\n\n")
		case g.Method == "GET":
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	c := start(t, s.url)
	c.greet()
	s.await(t, "GET", 1)
	for _, g := range append(s.requests("POST"), s.requests("GET")...) {
		if g.Header.Get("Mcp-Protocol-Version")+g.Header.Get("Mcp-Session-Id") != "" {
			t.Errorf("%s with %v", g.Method, g.Header)
		}
	}
	c.end()
	if n := len(s.requests("DELETE")); n != 0 {
		t.Errorf("%d DELETE, want none: there is no session to end", n)
	}
}

// A batch goes as it is, and each answer comes back as a line of its own.
func TestBatch(t *testing.T) {
	t.Parallel()
	const batch = `[{"jsonrpc":"2.0","id":1,"method":"a"}, {"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","id":"2","method":"c"}]`
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   []string // parts of lines, in their order
	}{
		"an array": {func(w http.ResponseWriter) {
			asJSON(w, 200, `[{"jsonrpc":"2.0","id":"2","result":{}},{"jsonrpc":"2.0","id":1,"result":{}}]`)
		}, []string{`"id":"2","result"`, `"id":1,"result"`}},
		"events": {func(w http.ResponseWriter) {
			asEvents(w, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\ndata: [{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"result\":{}}]\n\n")
		}, []string{`"id":1,"result"`, `"id":"2","result"`}},
		"one alone": {func(w http.ResponseWriter) { asJSON(w, 200, `[{"jsonrpc":"2.0","id":"2","result":{}}]`) }, []string{`"id":"2","result"`, `"id":1,"error"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { tc.answer(w) })
			c := start(t, s.url)
			c.write(batch)
			for _, want := range tc.want {
				if l := c.line(); !strings.Contains(l, want) {
					t.Errorf("the client gets %s, want %s", l, want)
				}
			}
			if got := s.requests("POST")[0].Body; got != batch {
				t.Errorf("the server gets %s", got)
			}
			c.end()
		})
	}
}

// Requests are under way side by side, and each gets its own answer.
func TestConcurrentRequests(t *testing.T) {
	t.Parallel()
	const n = 30
	all := make(chan struct{}, n)
	together := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request, g got, _ int) {
		all <- struct{}{}
		if len(all) == n {
			close(together)
		}
		select {
		case <-together: // answers come only once all have been asked
			asJSON(w, http.StatusOK, strings.Replace(g.Body, `"method":"m","params":{"n"`, `"result":{"n"`, 1))
		case <-r.Context().Done():
		}
	})
	c := start(t, s.url)
	for i := range n {
		c.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"m","params":{"n":%d}}`, i, i*i))
	}
	seen := map[string]bool{}
	for range n {
		seen[c.line()] = true
	}
	for i := range n {
		if want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"n":%d}}`, i, i*i); !seen[want] {
			t.Errorf("there is no %s", want)
		}
	}
	c.end()
}

// x-mcp-header: a client on stdin knows of no headers, so the bridge learns them.
func TestParametersInHeaders(t *testing.T) {
	t.Parallel()
	const tool = `{"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sql","arguments":{"region":"é"},` + meta + `}}`
	for name, listed := range map[string]bool{"listed before": true, "not listed before": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
				switch {
				case strings.Contains(g.Body, "tools/list") && strings.Contains(g.Body, `"cursor":"2"`):
					asJSON(w, 200, `{"jsonrpc":"2.0","id":`+idOf(g.Body)+`,"result":{"tools":[`+tool+`]}}`)
				case strings.Contains(g.Body, "tools/list"):
					asJSON(w, 200, `{"jsonrpc":"2.0","id":`+idOf(g.Body)+`,"result":{"tools":[{"name":"other","inputSchema":{}}],"nextCursor":"2"}}`)
				case g.Header.Get("Mcp-Param-Region") != "=?base64?w6k=?=":
					asJSON(w, 400, `{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"the header Mcp-Param-Region is missing"}}`)
				default:
					asJSON(w, 200, `{"jsonrpc":"2.0","id":1,"result":{"ok":true}}`)
				}
			})
			c := start(t, s.url)
			if listed {
				c.write(`{"jsonrpc":"2.0","id":"l","method":"tools/list","params":{"cursor":"2",` + meta + `}}`)
				c.line()
			}
			c.write(call)
			if l := c.line(); !strings.Contains(l, `"ok":true`) {
				t.Errorf("the call is answered with %s", l)
			}
			want := map[bool]int{true: 2, false: 4}[listed]
			if posts := s.requests("POST"); len(posts) != want {
				t.Errorf("%d requests, want %d", len(posts), want)
			}
			if rest := c.end(); rest != nil {
				t.Errorf("the client also gets %q", rest)
			}
		})
	}
}

// A server that is never content is asked twice and no more, and its own words
// reach the client.
func TestHeaderMismatchIsHandedOn(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if strings.Contains(g.Body, "tools/list") {
			asJSON(w, 200, `{"jsonrpc":"2.0","id":`+idOf(g.Body)+`,"result":{"tools":[]}}`)
			return
		}
		asJSON(w, 400, `{"jsonrpc":"2.0","error":{"code":-32020,"message":"never"}}`)
	})
	c := start(t, s.url)
	c.write(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",` + meta + `}}`)
	if l := c.line(); l != `{"id":1,"jsonrpc":"2.0","error":{"code":-32020,"message":"never"}}` {
		t.Errorf("the client gets %s", l)
	}
	c.write(`{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"x",` + meta + `}}`)
	if f := c.fault(); f.Error.Code != -32020 || f.ID != 2.0 {
		t.Errorf("%+v", f)
	}
	if n := len(s.requests("POST")); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	c.end()
}

// idOf is the id token of a request that the bridge or a test made.
func idOf(body string) string {
	_, rest, _ := strings.Cut(body, `"id":`)
	id, _, _ := strings.Cut(rest, ",")
	return id
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"https://mcp.example.com/mcp": true, "http://127.0.0.1:8080/mcp": true, "http://localhost/mcp": true, "http://[::1]:1/mcp": true,
		"http://mcp.example.com/mcp": false, "http://10.0.0.1/mcp": false, "ftp://127.0.0.1/": false, "mcp.example.com": false, "": false,
		"https://a:b@mcp.example.com/": false, "https://mcp.example.com/?k=v": false, "https://mcp.example.com/#x": false, "file:///etc/passwd": false,
		"http://127.1/": false, "https:mcp.example.com": false,
	} {
		if _, err := bridge.Address(text); (err == nil) != good {
			t.Errorf("Address(%q): %v", text, err)
		}
		if !good && bridge.Run(t.Context(), bridge.Options{URL: text}) == nil {
			t.Errorf("Run at %q began", text)
		}
	}
}
