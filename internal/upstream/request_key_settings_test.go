package upstream_test

import (
	"net/http/httptest"
	"testing"

	"doorward/internal/upstream"
)

// Settings with which a key would go further, or nowhere, are refused.
func TestOwnKey_Settings(t *testing.T) {
	t.Parallel()
	key := upstream.Credential{Header: "X-Api-Key", Request: keyHeader}
	command := []string{"true"}
	variable := map[string]string{"KEY": "request:" + keyHeader}
	for _, tc := range []struct {
		name string
		set  upstream.Settings
		good bool
	}{
		{"url", upstream.Settings{URL: "https://up.example/", Credential: key}, true},
		{"sse", upstream.Settings{URL: "https://up.example/", Transport: "sse", Credential: key}, true},
		{"bearer", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Request: keyHeader}}, true},
		{"user in the url", upstream.Settings{URL: "https://u:p@up.example/", Credential: key}, true},
		{"per call", upstream.Settings{Command: command, PerCall: true, Env: variable}, true},
		{"per call without keys", upstream.Settings{Command: command, PerCall: true, Env: map[string]string{"KEY": "secret"}}, true},
		{"websocket", upstream.Settings{URL: "wss://up.example/", Transport: "websocket", Credential: key}, false},
		{"websocket by http", upstream.Settings{URL: "https://up.example/", Transport: "websocket", Credential: key}, false},
		{"shared", upstream.Settings{URL: "https://up.example/", Shared: true, Credential: key}, false},
		{"command", upstream.Settings{Command: command, Credential: key}, false},
		{"beside a secret", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "X-Api-Key", Request: keyHeader, Secret: "s"}}, false},
		{"no header", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Request: keyHeader}}, false},
		{"not canonical", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "X-Api-Key", Request: "x-gemini-key"}}, false},
		{"same header as the url's user", upstream.Settings{URL: "https://u:p@up.example/", Credential: upstream.Credential{Header: "authorization", Request: keyHeader}}, false},
		{"url per call", upstream.Settings{URL: "https://up.example/", PerCall: true}, false},
		{"shared per call", upstream.Settings{Command: command, PerCall: true, Shared: true}, false},
		{"variable of a session", upstream.Settings{Command: command, Env: variable}, false},
		{"variable of a shared process", upstream.Settings{Command: command, Shared: true, Env: variable}, false},
		{"variable without a header", upstream.Settings{Command: command, PerCall: true, Env: map[string]string{"KEY": "request:"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.set.Name = "up"
			p := newPool(t, upstream.Config{})
			if _, err := p.Reconfigure([]upstream.Settings{tc.set}); (err == nil) != tc.good {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A reload with the same settings keeps what is open, and one with another key
// header does not.
func TestOwnKey_Reconfigure(t *testing.T) {
	t.Parallel()
	r := &recorder{Handler: handlerOf(fullServer(t), "", false)}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	set := func(header string) []upstream.Settings {
		return []upstream.Settings{{Name: "up", URL: srv.URL, Credential: upstream.Credential{Header: "X-Api-Key", Request: header}}}
	}
	p := newPool(t, upstream.Config{Upstreams: set(keyHeader)})
	for n, header := range []string{keyHeader, keyHeader, "X-Other-Key"} {
		if _, err := p.Reconfigure(set(header)); err != nil {
			t.Fatal(err)
		}
		before := len(r.since(0))
		if _, err := forward(t, p, with(exchange(t, newSession("a"), "up", call("say", `{}`)), "canary-a")); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "tools/call: canary-a", false: "tools/call: canary-other"}[header == keyHeader]
		if got := keyed(r.since(before)); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %s", got, want)
		}
		if opened := r.count("initialize"); opened != map[int]int{0: 1, 1: 1, 2: 2}[n] {
			t.Errorf("reload %d: %d sessions were opened", n, opened)
		}
	}
}
