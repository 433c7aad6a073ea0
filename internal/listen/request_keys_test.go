package listen_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

const keyText = "sk-SECRETSECRETSECRET"

// modernList is list as the stateless era has it.
const modernList = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`

// A client's own keys are taken out of the header, and get to the exchange alone.
func TestRequestKeys(t *testing.T) {
	settings := &listen.Settings{RequestKeys: []string{"X-Gemini-Key", "X-Other-Key"}}
	for _, tc := range []struct {
		name   string
		header []string
		status int
		want   map[string]string
	}{
		{"none", nil, 200, nil},
		{"one", []string{"X-Gemini-Key: " + keyText}, 200, map[string]string{"X-Gemini-Key": keyText}},
		{"other case", []string{"x-gEMINI-kEY: " + keyText}, 200, map[string]string{"X-Gemini-Key": keyText}},
		{"two", []string{"X-Gemini-Key: " + keyText, "X-Other-Key: b"}, 200, map[string]string{"X-Gemini-Key": keyText, "X-Other-Key": "b"}},
		{"longest", []string{"X-Gemini-Key: " + strings.Repeat("k", 4096)}, 200, map[string]string{"X-Gemini-Key": strings.Repeat("k", 4096)}},
		{"too long", []string{"X-Gemini-Key: " + strings.Repeat("k", 4097)}, 400, nil},
		{"twice", []string{"X-Gemini-Key: " + keyText, "+X-Gemini-Key: " + keyText}, 400, nil},
		{"space", []string{"X-Gemini-Key: a " + keyText}, 400, nil},
		{"not ASCII", []string{"X-Gemini-Key: " + keyText + "\u00e9"}, 400, nil},
		{"tab", []string{"X-Gemini-Key: a\t" + keyText}, 400, nil},
		{"good and bad", []string{"X-Gemini-Key: " + keyText, "X-Other-Key: b", "+X-Other-Key: c"}, 400, nil},
		{"a header that is none", []string{"X-Some-Key: " + keyText}, 200, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := &journal{}
			p, addr := startAt(t, place{settings: settings, log: log})
			resp := send(t, "POST", "http://"+addr+"/mcp", list, append(tc.header, modern...)...)
			body := text(t, resp)
			if resp.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tc.status, body)
			}
			if all := body + log.text() + fmt.Sprint(p.recorded(), resp.Header); strings.Contains(all, keyText) {
				t.Errorf("the key was written down: %s", all)
			}
			if tc.status != http.StatusOK {
				if !slices.Equal(p.turnedAway(), []gate.Code{"http.request_key"}) || !strings.Contains(body, "-Key once") || len(p.exchanges()) != 0 {
					t.Errorf("turned away with %q: %s", p.turnedAway(), body)
				}
				return
			}
			in := p.inbound(t)
			if len(in.Keys) != len(tc.want) || in.Header.Get("X-Gemini-Key") != "" || in.Header.Get("X-Other-Key") != "" {
				t.Errorf("%d keys, header %v", len(in.Keys), in.Header)
			}
			for name, want := range tc.want {
				if key := in.Keys[name]; key.Reveal() != want || strings.Contains(fmt.Sprintf("%v %+v %#v", in, in, in), keyText) {
					t.Errorf("%s: another key, or one that prints", name)
				}
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		_, addr := start(t, settings, listen.Limits{})
		for _, line := range []string{"X-Gemini-Key:", "X-Gemini-Key: \t"} {
			if got, _ := raw(t, addr, head1(addr, "1.1", line, fmt.Sprint("Content-Length: ", len(list)))+list); got != 400 {
				t.Errorf("%q: status %d", line, got)
			}
		}
	})
	t.Run("turned away for something else", func(t *testing.T) {
		log := &journal{}
		p, addr := startAt(t, place{settings: settings, log: log})
		for _, tc := range []struct{ method, path, header string }{
			{"POST", "/mcp", "Host: evil"}, {"POST", "/mcp", "Origin: http://evil.test"}, {"PUT", "/mcp", "A: b"}, {"POST", "/nowhere", "A: b"}, {"POST", "/mcp", "Content-Type: text/plain"},
		} {
			text(t, send(t, tc.method, "http://"+addr+tc.path, list, tc.header, "X-Gemini-Key: "+keyText))
		}
		if len(p.recorded()) != 5 || strings.Contains(log.text()+fmt.Sprint(p.recorded()), keyText) {
			t.Errorf("%d records, or the key in one of them", len(p.recorded()))
		}
	})
}

// The keys of a WebSocket are those of each of its messages: it is one client's own
// connection. Each POST of the HTTP+SSE transport brings its own.
func TestRequestKeysOfConnections(t *testing.T) {
	settings := &listen.Settings{RequestKeys: []string{"X-Gemini-Key"}, WebSocket: true, LegacySSE: true}
	t.Run("WebSocket", func(t *testing.T) {
		p, addr := start(t, settings, listen.Limits{})
		c, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer alice"}, "X-Gemini-Key": {keyText}},
		})
		if err != nil {
			t.Fatalf("%v %v", resp, err)
		}
		defer func() { _ = c.CloseNow() }()
		for range 2 {
			if err := c.Write(t.Context(), websocket.MessageText, []byte(modernList)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		all := p.exchanges()
		for _, ex := range all {
			if key := ex.Inbound.Keys["X-Gemini-Key"]; key.Reveal() != keyText || ex.Inbound.Header.Get("X-Gemini-Key") != "" || ex.Inbound.Base != "http://"+addr {
				t.Errorf("%q has the keys %v", ex.Inbound.Op, ex.Inbound.Keys)
			}
		}
		if len(all) != 3 {
			t.Errorf("%d exchanges", len(all))
		}
	})
	t.Run("HTTP+SSE", func(t *testing.T) {
		p, addr := start(t, settings, listen.Limits{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/sse", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer alice"}, "Accept": {"text/event-stream"}, "X-Gemini-Key": {"of-the-stream"}}
		resp, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		to := next(t, events(resp.Body)).data
		for _, key := range []string{keyText, ""} {
			if resp := send(t, "POST", "http://"+addr+to, modernList, "X-Gemini-Key: "+key); resp.StatusCode != 202 {
				t.Fatalf("status %d", resp.StatusCode)
			}
			ex := p.wait(t, "tools/list")
			if got := ex.Inbound.Keys["X-Gemini-Key"]; got.Reveal() != key || ex.Inbound.Method != "POST" || ex.Inbound.Target != to {
				t.Errorf("the message has the key %q, want %q; %s %s", got.Reveal(), key, ex.Inbound.Method, ex.Inbound.Target)
			}
		}
	})
}

// A page that may call the gateway may bring a key.
func TestRequestKeysOfPages(t *testing.T) {
	_, addr := start(t, &listen.Settings{RequestKeys: []string{"X-Gemini-Key"}, AllowedOrigins: []string{"https://app.example.com"}}, listen.Limits{})
	resp := send(t, "OPTIONS", "http://"+addr+"/mcp", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST")
	if got := resp.Header.Get("Access-Control-Allow-Headers"); resp.StatusCode != 204 || !strings.Contains(got, "X-Gemini-Key") {
		t.Errorf("status %d: %q", resp.StatusCode, got)
	}
}
