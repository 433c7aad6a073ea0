package upstream_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// An upstream that is replaced by one of the other era, as in a rolling
// deployment, goes on working for the clients that had it open, and back.
func TestUpstreamChangesItsEra(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"stateless at first": true, "stateful at first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlers := map[bool]http.Handler{true: statelessOnly(sdkHandler(true)), false: sdkHandler(false)}
			var stateless atomic.Bool
			stateless.Store(first)
			m := &meter{}
			p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[stateless.Load()].ServeHTTP(w, r) }), func(cfg *upstream.Config) { cfg.Meter = m })
			session := newSession("a")
			for range 2 {
				for who, ex := range map[string]*gate.Exchange{
					"a stateful client":                            exchange(t, session, "up", call("say", `{"text":"hello"}`)),
					"a stateless client":                           exchange(t, nil, "up", modernCall("say", `{"text":"hello"}`)),
					"a stateless client that can be asked nothing": exchange(t, nil, "up", strings.Replace(modernCall("say", `{"text":"hello"}`), `"elicitation":{},`, "", 1)),
				} {
					items, _, err := p.Items(t.Context(), ex, "up", gate.Tool)
					if err != nil || len(items) != 1 {
						t.Fatalf("%s, stateless upstream %v: items %v, error %v", who, stateless.Load(), items, err)
					}
					got, err := forward(t, p, ex)
					if err != nil || !bytes.Contains(got[len(got)-1].Raw, []byte("hello")) {
						t.Fatalf("%s, stateless upstream %v: %v, error %v", who, stateless.Load(), got, err)
					}
				}
				stateless.Store(!first)
			}
			if changes, down := m.of("era_change"), m.of("era_downgrade"); changes == 0 || (down > 0) != first {
				t.Errorf("%d changes are counted, %d of them downgrades", changes, down)
			}
		})
	}
}

// What a client of an upstream's own era gets as an error is the error.
func TestAnErrorIsNotTakenForAnotherEra(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateless": true, "stateful": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := httpPool(t, sdkHandler(stateless), nil)
			for range 2 {
				ex := exchange(t, newSession("a"), "up", call("none", `{}`))
				if stateless {
					ex = exchange(t, nil, "up", modernCall("none", `{}`))
				}
				got, err := forward(t, p, ex)
				if err != nil || len(got) != 1 || got[0].Kind != gate.Failure {
					t.Errorf("got %v, error %v", got, err)
				}
			}
		})
	}
}
