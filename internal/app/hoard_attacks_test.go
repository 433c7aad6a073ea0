package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"doorward/internal/gatetest"
)

// mostListens is how many subscriptions one principal may keep open, as it may
// keep a thousand sessions and a thousand connections that are sessions
// (listen.Limits).
const mostListens = 1_000

// MHB-17: a principal that opens one listen after another is refused, before it
// has taken the connections of everybody else.
func TestMHB17_ListensOfOnePrincipal(t *testing.T) {
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			gw := gatetest.Gateway(t, fmt.Sprintf(docsRoles, talking(t, stateless, gatetest.Script{Tools: rawTools("echo")}).URL()), nil)
			gw.Approve("")
			alice, bob := gw.As("alice", "reader").Open(modern), gw.As("bob", "reader").Open(modern)
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client, status := &http.Client{Transport: transport}, 0
			for n := 0; n <= mostListens && status != http.StatusTooManyRequests; n++ {
				body := alice.Request("1", "subscriptions/listen", `"notifications":{"resourceSubscriptions":["docs://none"]}`)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gw.URL(), bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header = alice.Headers(body)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close() // the listen ends with the test
				status = resp.StatusCode
			}
			if status != http.StatusTooManyRequests {
				t.Errorf("%d listens of one principal are open, and one more was answered with %d", mostListens, status)
			}
			if r := bob.Call("docs__echo", `{}`); !r.OK() {
				t.Errorf("G7: a call of another principal: %s", r)
			}
		})
	}
}
