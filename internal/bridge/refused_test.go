package bridge_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const ask = `{"jsonrpc":"2.0","id":"q","method":"tools/list","params":{` + meta + `}}`

// Whatever happens to a request, its client gets an answer with its id that says
// what to do, and a name that does not change.
func TestEveryRequestIsAnswered(t *testing.T) {
	t.Parallel()
	html := func(status int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>"))
		}
	}
	text := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { asJSON(w, status, body) }
	}
	stream := func(body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { asEvents(w, body) }
	}
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter)
		code   int
		named  string
		says   string
	}{
		"a redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example/"); w.WriteHeader(307) }, 5020, "remote.status", "redirects"},
		"HTTP 404":   {html(404), 5020, "remote.status", "HTTP 404. See doorward doctor http"},
		"HTTP 405":   {html(405), 5020, "remote.status", "HTTP 405"},
		"HTTP 500":   {html(500), 5020, "remote.status", "HTTP 500"},
		"HTTP 429":   {html(429), 5020, "remote.status", "try again later"},
		"HTTP 503":   {html(503), 5020, "remote.status", "try again later"},
		"HTTP 403":   {html(403), 4030, "remote.denied", "does not allow this"},
		"a scope": {func(w http.ResponseWriter) {
			w.Header().Set("Www-Authenticate", `Bearer error="insufficient_scope", scope="files:write"`)
			html(403)(w)
		}, 4030, "remote.scope", "--scope files:write"},
		"a web page":               {html(200), 5020, "remote.protocol", `"text/html", which is not MCP`},
		"no content":               {func(w http.ResponseWriter) { w.WriteHeader(202) }, 5020, "remote.protocol", "which is not MCP"},
		"no JSON":                  {text(200, "hello"), 5020, "remote.protocol", "without the result"},
		"no message":               {text(200, "{}"), 5020, "remote.protocol", "without the result"},
		"another's answer":         {text(200, `{"jsonrpc":"2.0","id":"z","result":{}}`), 5020, "remote.protocol", "without the result"},
		"doubled members":          {text(200, `{"jsonrpc":"2.0","id":"q","result":{"a":1,"a":2}}`), 5020, "remote.protocol", "duplicate key"},
		"a large body":             {text(200, `{"jsonrpc":"2.0","id":"q","result":"`+strings.Repeat("x", 16<<20)+`"}`), -32600, "remote.too_large", "larger than 16777216 bytes"},
		"a large event":            {stream("data: " + strings.Repeat("x", 17<<20)), -32600, "remote.too_large", "larger than 16777216 bytes"},
		"events without end":       {stream("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n"), 5020, "remote.cut", "whether the request was carried out is not known"},
		"an event cut short":       {stream("data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{}}\n"), 5020, "remote.cut", "broke off"},
		"no event":                 {stream(""), 5020, "remote.cut", "broke off"},
		"an answer of its own":     {text(400, `{"jsonrpc":"2.0","id":"q","error":{"code":-32602,"message":"no","data":{"code":"x.y"}}}`), -32602, "x.y", "no"},
		"an answer without id":     {text(403, `{"jsonrpc":"2.0","id":null,"error":{"code":4030,"message":"Origin","data":{"code":"http.origin"}}}`), 4030, "http.origin", "Origin"},
		"another's error":          {text(400, `{"jsonrpc":"2.0","id":"z","error":{"code":-1,"message":"no"}}`), 5020, "remote.status", "HTTP 400"},
		"a result with a bad code": {text(500, `{"jsonrpc":"2.0","id":"q","result":{}}`), 5020, "remote.status", "HTTP 500"},
		"a request in a stream":    {stream("data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-1,\"message\":\"done\"}}\n\n"), -1, "", "done"},
		"the connection breaks":    {func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, 5020, "remote.cut", "Whether the request was carried out is not known"},
		"the body breaks": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			asJSON(w, 200, `{"jsonrpc"`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 5020, "remote.cut", "broke off"},
		"a session's id": {func(w http.ResponseWriter) {
			text(404, `{"jsonrpc":"2.0","id":"q","error":{"code":-32601,"message":"unknown method"}}`)(w)
		}, -32601, "", "unknown method"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { tc.answer(w) })
			c := start(t, s.url)
			c.write(ask)
			var f said
			for f.Error.Code == 0 {
				if l := c.line(); !strings.Contains(l, "notifications/message") {
					f = parse(t, l)
				}
			}
			if f.ID != "q" || f.Error.Code != tc.code || f.Error.Data.Code != tc.named || !strings.Contains(f.Error.Message, tc.says) {
				t.Errorf("answered with %+v", f)
			}
			if c := f.Error.Code; strings.HasPrefix(tc.named, "remote.") && tc.named != "remote.too_large" && c >= -32768 && c <= -32000 {
				t.Errorf("the code %d is MCP's", c)
			}
			if n := len(s.requests("POST")); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
			if rest := c.end(); rest != nil {
				t.Errorf("the client also gets %q", rest)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	const url = "http://127.0.0.1:1/mcp" // a port that no test is given
	c := start(t, url)
	c.write(ask)
	if f := c.fault(); f.ID != "q" || f.Error.Data.Code != "remote.unreachable" || !strings.Contains(f.Error.Message, "doorward doctor "+url) {
		t.Errorf("answered with %+v", f)
	}
	c.end()
}

// A token that is refused is renewed once for each request.
func TestCredential(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		token, good string
		next        []string
		named       string // of the error; empty: answered
		says        string
		renewed     []string
		asked       int
	}{
		"good":                 {"t1", "t1", nil, "", "", nil, 1},
		"none, none needed":    {"", "", nil, "", "", nil, 1},
		"renewed":              {"t1", "t2", []string{"t2"}, "", "", []string{"t1"}, 2},
		"not to be renewed":    {"t1", "t2", nil, "remote.sign_in", "run doorward login", []string{"t1"}, 1},
		"none, and one needed": {"", "t2", nil, "remote.sign_in", "run doorward login", []string{""}, 1},
		"refused again":        {"t1", "t9", []string{"t2", "t3"}, "remote.sign_in", "refuses the credential, and one that was just renewed", []string{"t1"}, 2},
		"not to be had":        {"broken", "t1", nil, "remote.sign_in", "the token cannot be had", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
				want := ""
				if tc.good != "" {
					want = "Bearer " + tc.good
				}
				if g.Header.Get("Authorization") != want {
					w.Header().Set("Www-Authenticate", "Bearer")
					asJSON(w, http.StatusUnauthorized, `{"jsonrpc":"2.0","id":"q","error":{"code":4010,"message":"sign in"}}`)
					return
				}
				asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
			})
			c := start(t, s.url)
			c.cred.mu.Lock()
			c.cred.token, c.cred.next = tc.token, tc.next
			c.cred.mu.Unlock()
			c.write(ask)
			f := parse(t, c.line())
			if f.Error.Data.Code != tc.named || !strings.Contains(f.Error.Message, tc.says) || f.ID != "q" {
				t.Errorf("answered with %+v", f)
			}
			if got := c.cred.refused(); !slices.Equal(got, tc.renewed) {
				t.Errorf("renewed in place of %q, want %q", got, tc.renewed)
			}
			if n := len(s.requests("POST")); n != tc.asked {
				t.Errorf("asked %d times, want %d", n, tc.asked)
			}
			c.end()
			if log := c.log.String(); strings.Contains(log, "t1") || strings.Contains(log, "t2") {
				t.Errorf("the log has a token: %s", log)
			}
		})
	}
}

// The credential goes to the one URL, wherever the server would send it.
func TestCredentialStaysHome(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Header.Get("Authorization") }))
	t.Cleanup(evil.Close)
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ got, n int) {
		http.Redirect(w, r, evil.URL, []int{301, 302, 303, 307, 308}[n%5])
	})
	c := start(t, s.url)
	for range 5 {
		c.write(ask)
		if f := c.fault(); f.Error.Data.Code != "remote.status" {
			t.Errorf("answered with %+v", f)
		}
	}
	c.end()
	if len(reached) != 0 {
		t.Errorf("another server was asked, with %q", <-reached)
	}
}

// What nobody waits for an answer to gets none; the log has it.
func TestRefusedNotification(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if strings.Contains(g.Body, "progress") {
			asJSON(w, 400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}`)
			return
		}
		asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
	})
	c := start(t, s.url)
	c.write(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}`, ask)
	if l := c.line(); !strings.Contains(l, `"id":"q"`) {
		t.Errorf("the client gets %s", l)
	}
	if rest := c.end(); rest != nil {
		t.Errorf("the client also gets %q", rest)
	}
	if log := c.log.String(); !strings.Contains(log, "the server did not take a message") {
		t.Errorf("log %s", log)
	}
}

// Lines that are no message are answered here, and the server never sees them.
func TestLines(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
		asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
	})
	for name, tc := range map[string]struct {
		line string
		code int // 0: no answer
		id   any
	}{
		"text":                        {"hello", -32700, nil},
		"half a message":              {`{"jsonrpc":"2.0","id":4,"method":"x"`, -32700, 4.0},
		"no version":                  {`{"id":4,"method":"x"}`, -32600, 4.0},
		"members twice":               {`{"jsonrpc":"2.0","id":4,"method":"x","params":{"a":1,"a":2}}`, -32600, 4.0},
		"an id that is none":          {`{"jsonrpc":"2.0","id":1.5,"method":"x"}`, -32600, nil},
		"params that are a list":      {`{"jsonrpc":"2.0","id":4,"method":"x","params":[]}`, -32600, 4.0},
		"an answer that is none":      {`{"jsonrpc":"2.0","id":4,"result":{"a":1,"a":2}}`, 0, nil},
		"an empty batch":              {`[]`, -32600, nil},
		"a batch with initialize":     {`[` + hello + `]`, -32600, nil},
		"too long":                    {`{"jsonrpc":"2.0","id":"long","method":"x","params":{"a":"` + strings.Repeat("x", 4<<20) + `"}}`, -32600, "long"},
		"too long, the id at its end": {`{"jsonrpc":"2.0","method":"x","params":{"a":"` + strings.Repeat("x", 4<<20) + `"},"id":1}`, -32600, nil},
		"a long answer":               {`{"jsonrpc":"2.0","id":1,"result":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`, -32600, nil},
		"empty":                       {"", 0, nil},
		"spaces":                      {" \t", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, s.url)
			before := len(s.requests("POST"))
			c.write(tc.line)
			if tc.code != 0 {
				if f := c.fault(); f.Error.Code != tc.code || f.ID != tc.id {
					t.Errorf("answered with %+v", f)
				}
			}
			if n := len(s.requests("POST")) - before; n != 0 {
				t.Errorf("the server was asked %d times", n)
			}
			c.write(ask) // and the next line is read as ever
			if l := c.line(); !strings.Contains(l, `"id":"q"`) {
				t.Errorf("the next request is answered with %s", l)
			}
			c.end()
		})
	}
}

// The longest line that is allowed is carried.
func TestLongestLine(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
		asJSON(w, 200, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	})
	c := start(t, s.url)
	line := `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"` + strings.Repeat("x", 4<<20-56) + `"}}`
	if len(line) > 4<<20 || len(line) < 4<<20-8 {
		t.Fatalf("the line has %d bytes", len(line))
	}
	c.write(line)
	if l := c.line(); !strings.Contains(l, `"result"`) {
		t.Errorf("answered with %.200s", l)
	}
	if got := s.requests("POST")[0].Body; got != line {
		t.Errorf("the server gets %d bytes, want %d", len(got), len(line))
	}
	c.end()
}
