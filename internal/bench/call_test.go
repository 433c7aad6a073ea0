package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// atUpstream is a connection to an upstream in this process.
func atUpstream(t *testing.T) (*wire, endpoint) {
	t.Helper()
	srv := httptest.NewServer(newEcho())
	t.Cleanup(srv.Close)
	to := endpoint{address: srv.Listener.Addr().(*net.TCPAddr).String(), path: upstreamPath, token: noToken}
	w, err := dial(context.Background(), to.address, time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w, to
}

func TestCallsAreAnsweredInBothEras(t *testing.T) {
	w, to := atUpstream(t)
	for _, e := range []era{stateful, stateless} {
		session := ""
		if e == stateful {
			var err error
			if session, err = open(w, to); err != nil {
				t.Fatal(err)
			}
		}
		for _, payload := range []int{minPayload, 100, 10 << 10, 1 << 20} {
			c := newCall(to, e, session, payload)
			for id := uint64(firstID); id < firstID+3; id++ {
				c.stamp(id)
				a, err := w.roundTrip(c.raw)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.check(a); err != nil {
					t.Errorf("%s, %d bytes: %v", e, payload, err)
				}
				if !json.Valid(a.body) {
					t.Errorf("%s, %d bytes: invalid JSON: %.200s", e, payload, a.body)
				}
				if got := strings.Contains(string(a.body), "resultType"); got != (e == stateless) {
					t.Errorf("%s: resultType there: %v", e, got)
				}
			}
			_, body, _ := strings.Cut(string(c.raw), "\r\n\r\n")
			if !json.Valid([]byte(body)) || len(c.text) != payload {
				t.Errorf("%s: a request with a text of %d bytes: %.200s", e, len(c.text), body)
			}
		}
	}
}

func TestCheckTellsAForeignAnswer(t *testing.T) {
	c := newCall(endpoint{}, stateful, "s", 100)
	c.stamp(firstID + 7)
	id, text := string(c.id), string(c.text)
	other := strings.Replace(text, id, "1000000008", 1)
	answerTo := func(id, text string) string {
		return `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`
	}
	for _, tc := range []struct {
		name, body string
		status     int
		right      bool
		foreign    bool
	}{
		{"right", answerTo(id, text), 200, true, false},
		{"status", answerTo(id, text), 500, false, false},
		{"another id", answerTo("1000000008", text), 200, false, true},
		{"a longer id", answerTo(id+"0", text), 200, false, true},
		{"another text", answerTo(id, other), 200, false, true},
		{"a longer text", answerTo(id, text+"x"), 200, false, true},
		{"a cut text", answerTo(id, text[:99]), 200, false, true},
		{"error", `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-1,"message":"no"}}`, 200, false, false},
		{"tool error", `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"no"}],"isError":true}}`, 200, false, false},
		{"empty", ``, 200, false, true},
	} {
		err := c.check(answer{status: tc.status, body: []byte(tc.body)})
		if (err == nil) != tc.right || errors.Is(err, errForeign) != tc.foreign {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestUpstreamSpeaksBothEras(t *testing.T) {
	w, to := atUpstream(t)
	for _, tc := range []struct {
		name, body string
		modern     bool
		status     int
		want       string
	}{
		{"discover", `{"jsonrpc":"2.0","id":"d-1","method":"server/discover","params":{` + meta + `}}`, true, 200, `"supportedVersions":["2026-07-28","2025-11-25"]`},
		{"discover of the other era", `{"jsonrpc":"2.0","id":1,"method":"server/discover"}`, false, 200, `-32601`},
		{"list", `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, false, 200, `"additionalProperties":false}}]}}`},
		{"stateless list", `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, true, 200, `"cacheScope":"public"`},
		{"ping", `{"jsonrpc":"2.0","id":3,"method":"ping"}`, false, 200, `"id":3,"result":{}}`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, false, 202, ``},
		{"initialize of the other era", `{"jsonrpc":"2.0","id":4,"method":"initialize"}`, true, 200, `-32601`},
	} {
		version := statefulRevision
		if tc.modern {
			version = statelessRevision
		}
		a, err := w.roundTrip(post(to, tc.body, "Mcp-Protocol-Version: "+version))
		if err != nil {
			t.Fatal(err)
		}
		if a.status != tc.status || !strings.Contains(string(a.body), tc.want) {
			t.Errorf("%s: %d %s", tc.name, a.status, a.body)
		}
		if len(a.body) > 0 && !json.Valid(a.body) {
			t.Errorf("%s: invalid JSON: %s", tc.name, a.body)
		}
	}
	for method, want := range map[string]int{"GET": 405, "DELETE": 204} {
		a, err := w.roundTrip([]byte(method + " /mcp HTTP/1.1\r\nHost: x\r\n\r\n"))
		if err != nil || a.status != want {
			t.Errorf("%s: %d, %v; want %d", method, a.status, err, want)
		}
	}
}
