package upstream_test

import (
	"testing"

	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// LOG-11: what a client writes of a trace into a notification or an answer goes no further
// than what it writes into a request, and the rest of the message stays.
func TestLOG11_NothingOfATraceGoesWithNotificationsAndAnswers(t *testing.T) {
	const hostile = `"traceparent":"00-CANARY","a":1,"tracestate":"CANARY=1","bagg\u0061ge":"k=CANARY"`
	for raw, want := range map[string]string{
		`{"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{"_meta":{` + hostile + `}}}`:                               `{"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{"_meta":{"a":1}}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"_meta":{` + hostile + `},"roots":[]}}`:                                                         `{"jsonrpc":"2.0","id":7,"result":{"_meta":{"a":1},"roots":[]}}`,
		`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`:                                                                    `{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`,
		`{"jsonrpc":"2.0","id":7,"result":{"roots":[{"uri":"file:///a","_meta":{` + hostile + `}},{"uri":"_meta","name":"traceparent"}]}}`: `{"jsonrpc":"2.0","id":7,"result":{"roots":[{"uri":"file:///a","_meta":{"a":1}},{"uri":"_meta","name":"traceparent"}]}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":{"\u005fmeta":{"b":{"_meta":{"traceparent":"CANARY"}},"tracestate":"CANARY=1"}}}}`:    `{"jsonrpc":"2.0","id":7,"result":{"content":{"\u005fmeta":{"b":{"_meta":{}}}}}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"_meta":{"traceparent":"CANARY"},"content":{"_meta":["traceparent"],"traceparent":"stays"}}}`:   `{"jsonrpc":"2.0","id":7,"result":{"_meta":{},"content":{"_meta":["traceparent"],"traceparent":"stays"}}}`,
		`{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}`:                                                                       `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}`,
	} {
		m, err := mcp.ParseUpstream([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []upstream.Propagation{upstream.NothingSent, upstream.TraceSent, upstream.BaggageSent} {
			if got := string(upstream.WithoutTrace(p, m)); got != want {
				t.Errorf("%d: got %s, want %s", p, got, want)
			}
		}
		if got := string(upstream.WithoutTrace(upstream.AsSent, m)); got != raw {
			t.Errorf("as sent: got %s", got)
		}
	}
}
