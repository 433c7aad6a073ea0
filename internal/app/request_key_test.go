package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gatetest"
)

const bringing = `
identity: {api_keys: true, request_keys: [X-Gemini-Key]}
upstreams: {up: {url: "${up}", credential: {header: X-Goog-Api-Key, value: "request:X-Gemini-Key"}}}
`

// Two users with keys of their own, their calls interleaved: each upstream call
// carries its own key, and neither is found anywhere afterwards.
func TestTwoUsersKeysNeverMeet(t *testing.T) {
	t.Parallel()
	const calls, workers = 480, 8
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	g := gatetest.Gateway(t, bringing, map[string]*gatetest.UP{"up": up})
	g.Approve("")
	keys := map[string]string{"alice": "CANARY-gemini-of-alice-4f81", "bob": "CANARY-gemini-of-bob-92aa"}
	for _, version := range eras {
		users := map[string]*gatetest.Client{}
		for name := range keys {
			users[name] = g.Client(name+" "+version, g.Key(name+version)).Open(version)
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range calls / len(eras) / workers {
					name := []string{"alice", "bob"}[(w+i)%2]
					call := users[name].Request(fmt.Sprint(w*calls+i+1), "tools/call", fmt.Sprintf(`"name":"up__echo","arguments":{"user":%q}`, name))
					if r := users[name].Post(call, "X-Gemini-Key", keys[name]); !r.OK() {
						t.Errorf("a call of %s: %s", name, r)
						return
					}
				}
			})
		}
		wg.Wait()
		if r := users["alice"].Call("up__echo", `{}`); r.Refusal != "identity.request_key" {
			t.Errorf("a call without a key: %s", r)
		}
	}
	if n := up.Count("tools/call"); n != calls {
		t.Errorf("%d calls reached the upstream, want %d", n, calls)
	}
	for _, s := range up.Seen("") {
		got := s.Header["X-Goog-Api-Key"]
		switch {
		case s.Method != "tools/call" && got != nil:
			t.Fatalf("%s %s carries a user's key", s.HTTP, s.Method)
		case s.Method != "tools/call":
		case len(got) != 1 || !bytes.Contains(s.Params, fmt.Appendf(nil, `{"user":%q}`, owner(keys, got[0]))):
			t.Fatalf("a call of %s carries %d keys, or another's", s.Params, len(got))
		}
		if len(s.Header["X-Gemini-Key"]) > 0 || strings.Contains(fmt.Sprint(s.Header["Authorization"], s.Header["Cookie"]), "CANARY") {
			t.Fatal("the client's own header reached the upstream")
		}
	}
	nowhere(t, g, keys)
}

func owner(keys map[string]string, key string) string {
	for name, k := range keys {
		if k == key {
			return name
		}
	}
	return "nobody"
}

// nowhere: the texts are in no file of the gateway, no log line and no metric.
func nowhere(t *testing.T, g *gatetest.GW, texts map[string]string) {
	t.Helper()
	scrape := httptest.NewRecorder()
	g.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	places := map[string][]byte{"the log": []byte(g.Log()), "the metrics": scrape.Body.Bytes()}
	walk(t, g.Dir, func(path string) (err error) {
		places[path], err = os.ReadFile(path)
		return err
	})
	for _, text := range texts {
		for place, content := range places {
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("a user's key is in %s", place)
			}
		}
	}
}

// What is odd about a key of the client's own turns the request away, and its value
// is not repeated.
func TestOddRequestKeys(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	g := gatetest.Gateway(t, bringing, map[string]*gatetest.UP{"up": up})
	g.Approve("")
	c := g.As("alice").Open(modern)
	for name, header := range map[string][]string{
		"two":   {"X-Gemini-Key", "CANARY-first-value-x", "X-Gemini-Key", "CANARY-second-value"},
		"empty": {"X-Gemini-Key", ""},
		"long":  {"X-Gemini-Key", strings.Repeat("CANARY-", 600)},
		"space": {"X-Gemini-Key", "CANARY with spaces"},
		"UTF-8": {"X-Gemini-Key", "CANARY-é"},
	} {
		before := up.Posts()
		r := c.Call("up__echo", `{}`, header...)
		if r.Status != http.StatusBadRequest || r.Refusal != "http.request_key" || up.Posts() != before {
			t.Errorf("%s: %s", name, r)
		}
		if bytes.Contains(r.Final(), []byte("CANARY")) {
			t.Errorf("%s: the value is in the answer", name)
		}
	}
	nowhere(t, g, map[string]string{"": "CANARY"})
}
