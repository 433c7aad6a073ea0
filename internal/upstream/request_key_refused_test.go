package upstream_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// AUT-60, HTT-43: a key that the upstream does not take is its client's affair:
// nothing is tried again, nothing follows a redirect, and what the upstream says of
// the key wherever it says it is in no error, no log and no status.
func TestOwnKey_RefusedOrEchoed(t *testing.T) {
	t.Parallel()
	sink := forbidden(t)
	raw := func(text string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			fmt.Fprint(rw, strings.ReplaceAll(text, "$KEY", key))
			_ = rw.Flush()
		}
	}
	says := func(status int, kind, text string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", strings.ReplaceAll(kind, "$KEY", key))
			w.Header().Set("Location", sink.URL+"/?"+key)
			w.Header().Set("Www-Authenticate", "Bearer error="+key)
			w.WriteHeader(status)
			fmt.Fprint(w, strings.ReplaceAll(text, "$KEY", key))
		}
	}
	for _, tc := range []struct {
		name   string
		answer func(w http.ResponseWriter, key string)
		want   gate.Code
	}{
		{"401", says(401, "text/plain", "$KEY"), gate.CodeRequestKey},
		{"403", says(403, "text/html", "$KEY"), gate.CodeRequestKey},
		{"307", says(307, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"308", says(308, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"500", says(500, "text/plain", "$KEY"), gate.CodeUpstreamOutcome},
		{"400", says(400, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"content type", says(200, "text/$KEY", ""), gate.CodeUpstreamProtocol},
		{"bad content type", says(200, "$KEY", ""), gate.CodeUpstreamProtocol},
		{"name in JSON", says(200, "application/json", `{"$KEY":1,"$KEY":2}`), gate.CodeUpstreamProtocol},
		{"not JSON", says(200, "application/json", `$KEY`), gate.CodeUpstreamProtocol},
		{"event", says(200, "text/event-stream", "data: {\"$KEY\":1,\"$KEY\":1}\n\n"), gate.CodeUpstreamOutcome},
		{"status line", raw("HTTP/1.1 $KEY\r\n\r\n"), gate.CodeUpstreamOutcome},
		{"no HTTP", raw("$KEY\r\n\r\n"), gate.CodeUpstreamOutcome},
		{"bad header", raw("HTTP/1.1 200 OK\r\n$KEY\r\n\r\n"), gate.CodeUpstreamOutcome},
		{"bad length", raw("HTTP/1.1 200 OK\r\nContent-Length: $KEY\r\n\r\n"), gate.CodeUpstreamOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			logged := &lockedBuffer{}
			for _, modern := range []bool{true, false} {
				inner := handlerOf(fullServer(t), "", modern)
				r := &recorder{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if key := req.Header.Get("X-Api-Key"); key != "" {
						tc.answer(w, strings.TrimPrefix(key, "Key "))
						return
					}
					inner.ServeHTTP(w, req)
				})}
				p := httpPool(t, r, func(c *upstream.Config) {
					ownKeys(c)
					c.Log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				ex := exchange(t, nil, "up", modernCall("say", `{}`))
				if !modern {
					ex = exchange(t, newSession("a"), "up", call("say", `{}`))
				}
				ex.Inbound.Header = http.Header{"Authorization": {"Bearer canary-client"}, "Cookie": {"canary-cookie"}}
				_, err := forward(t, p, with(ex, `canary-"é"-key`))
				wantCode(t, err, tc.want)
				fault := &gate.Error{}
				asFault(err, &fault)
				if text := fmt.Sprintf("%v %q %v %s", err, fault.Public, p.Status(), logged); strings.Contains(text, "canary") {
					t.Errorf("told: %s", text)
				}
				if n := r.count("tools/call"); n != 1 {
					t.Errorf("the call was sent %d times", n)
				}
				for _, a := range r.since(0) {
					if text := fmt.Sprint(a.header); strings.Contains(text, "canary-client") || strings.Contains(text, "canary-cookie") {
						t.Errorf("%s %s got %s", a.verb, a.method, text)
					}
				}
				if tc.want == gate.CodeRequestKey {
					if st := p.Status()[0]; st.LastError != "" {
						t.Errorf("the upstream is said to fail: %s", st.LastError)
					}
					if !strings.Contains(fault.Public, keyHeader) {
						t.Errorf("told %q", fault.Public)
					}
				}
			}
		})
	}
}
